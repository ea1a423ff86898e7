import assert from "node:assert/strict";
import fc from "fast-check";
import { geometricMean, type Ratio, ratioOf } from "../../src/bench/ratio.ts";
import { normal, randomNumbers } from "../helpers/bench_results.ts";

const samples = fc.array(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), {
  minLength: 2,
  maxLength: 30,
});

/** Equal but for what rounding takes. */
function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual / expected - 1) < 1e-9, `${actual} is not ${expected}`);
}

function intervalOf({ interval }: Ratio): readonly [number, number] {
  assert.ok(interval !== undefined);
  return interval;
}

Deno.test("samples compared with themselves have the ratio 1, in the middle of the interval", () => {
  fc.assert(fc.property(samples, (a) => {
    const result = ratioOf(a, a);
    const [low, high] = intervalOf(result);
    near(result.ratio, 1);
    near(low * high, 1);
    assert.ok(low < 1 && 1 < high);
  }));
});

Deno.test("the other way round, ratio and interval are the reciprocals", () => {
  fc.assert(fc.property(samples, samples, (a, b) => {
    const [there, back] = [ratioOf(a, b), ratioOf(b, a)];
    const [low, high] = intervalOf(there);
    const [lowBack, highBack] = intervalOf(back);
    near(there.ratio * back.ratio, 1);
    near(low * highBack, 1);
    near(high * lowBack, 1);
  }));
});

Deno.test("samples that are all so many times larger make a ratio so many times larger", () => {
  fc.assert(
    fc.property(samples, samples, fc.double({ min: 0.1, max: 10, noNaN: true }), (a, b, k) => {
      const scaled = ratioOf(a, b.map((sample) => sample * k));
      near(scaled.ratio, ratioOf(a, b).ratio * k);
      near(geometricMean(a.map((sample) => sample * k)), geometricMean(a) * k);
    }),
  );
});

Deno.test("the interval is that of Welch's test, as SciPy has it", () => {
  const a = [1, 2, 3, 4, 5].map(Math.exp);
  const b = [2, 4, 6, 8].map(Math.exp);
  const [low, high] = intervalOf(ratioOf(a, b)).map(Math.log);
  // ttest_ind([2, 4, 6, 8], [1, 2, 3, 4, 5], equal_var=False).confidence_interval(0.95)
  near(low, -1.8446363839400899);
  near(high, 5.84463638394009);
});

Deno.test("one sample on a side leaves no interval", () => {
  assert.deepEqual(ratioOf([2], [4, 4]), { ratio: 2 });
  assert.deepEqual(ratioOf([2, 2], [4]), { ratio: 2 });
});

Deno.test("samples that are all the same are no surer than histograms are fine", () => {
  const [low, high] = intervalOf(ratioOf([5, 5, 5], [5, 5, 5]));
  assert.ok(low < 0.9995 && high > 1.0005 && high < 1.002);
});

Deno.test("some 95 of 100 intervals hold the true ratio, also where one side spreads more", () => {
  const random = randomNumbers(5);
  const draw = (median: number, sigma: number, size: number) =>
    Array.from({ length: size }, () => median * Math.exp(sigma * normal(random)));
  const trials = 2_000;
  let held = 0;
  for (let trial = 0; trial < trials; trial++) {
    const [low, high] = intervalOf(ratioOf(draw(1, 0.1, 8), draw(1.3, 0.5, 15)));
    if (low <= 1.3 && 1.3 <= high) held++;
  }
  assert.ok(Math.abs(held / trials - 0.95) < 0.015, `${held} of ${trials}`);
});
