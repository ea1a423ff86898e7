import assert from "node:assert/strict";
import fc from "fast-check";
import { Latencies } from "../../src/bench/latencies.ts";

function latenciesOf(times: readonly number[]): Latencies {
  const latencies = new Latencies();
  for (const ms of times) latencies.record(ms);
  return latencies;
}

Deno.test("no percentile is above the maximum, nor below a smaller one", () => {
  const times = fc.array(fc.double({ min: 0, max: 4e6, noNaN: true }), { minLength: 1 });
  fc.assert(fc.property(times, (ms) => {
    const latencies = latenciesOf(ms);
    for (const each of [latencies, Latencies.from(latencies.stored())]) {
      const { p50, p90, p99, p999, max } = each.summary();
      const shown = [p50, p90, p99, p999, max];
      assert.deepEqual(shown, shown.toSorted(ascending));
    }
  }));
});

Deno.test("of one time, all percentiles are that time", () => {
  const { p50, p99, max } = latenciesOf([603.301]).summary();
  assert.deepEqual([p50, p99, max], [603.301, 603.301, 603.301]);
});

const ascending = (a: number, b: number) => a - b;
