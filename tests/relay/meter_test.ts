import assert from "node:assert/strict";
import { RelayMeter, RunMeter } from "../../src/relay/meter.ts";

/** A run, its relay, and how often a batch was timed. */
function counted() {
  const relay = new RelayMeter();
  const times: number[] = [];
  relay.observer = { ...relay.observer, relayed: (ms) => void times.push(ms) };
  return { relay, run: new RunMeter(relay), times };
}

Deno.test("what passes counts for its run and for the relay", () => {
  const { relay, run } = counted();
  const other = new RunMeter(relay);
  run.took(3, 90);
  other.took(1, 10);
  run.wrote(0, 3, 90);
  run.wrote(0, 3, 90);
  run.joined();
  run.missing(4, 9);
  const { messagesIn, bytesIn, messagesOut, bytesOut, readers, gaps, missed } = run;
  assert.deepEqual([messagesIn, bytesIn, messagesOut, bytesOut], [3, 90, 6, 180]);
  assert.deepEqual([readers, gaps, missed], [1, 1, 5]);
  assert.deepEqual([relay.messagesIn, relay.bytesIn, relay.messagesOut], [4, 100, 6]);
});

Deno.test("the first write of a timed batch ends its time, later ones do not count", () => {
  const { run, times } = counted();
  run.took(2, 20);
  run.time(2, 1);
  assert.equal(times.length, 0);
  run.wrote(0, 2, 20);
  run.wrote(0, 2, 20);
  assert.equal(times.length, 1);
  assert.ok(times[0] >= 0);
});

Deno.test("one batch is timed for each movement of the coarse clock", () => {
  const { run, times } = counted();
  for (let i = 0; i < 10; i++) {
    run.took(1, 10);
    run.time(i + 1, i < 5 ? 1 : 2);
    run.wrote(i, i + 1, 10);
  }
  assert.equal(times.length, 2);
});

Deno.test("a reader of older messages does not end the time of a batch it has not reached", () => {
  const { run, times } = counted();
  run.took(5, 50);
  run.time(5, 1);
  run.wrote(0, 4, 40);
  assert.equal(times.length, 0);
  run.wrote(4, 5, 10);
  assert.equal(times.length, 1);
});

Deno.test("without readers nothing is timed, and a reader that comes later is not taken for slow", () => {
  const { run, times } = counted();
  run.took(1, 10);
  run.wrote(0, 1, 10);
  run.took(1, 10);
  run.time(2, 2);
  run.unread();
  run.wrote(1, 2, 10);
  assert.equal(times.length, 0);
});
