import assert from "node:assert/strict";
import { Pump } from "../../src/client/pump.ts";

/** A pump for jobs that are done when `finish` is called. */
function startPump(jobs: string[]) {
  const begun: string[] = [];
  const failures: unknown[] = [];
  let job = Promise.withResolvers<void>();
  const pump = new Pump({
    ready: () => jobs.length > 0,
    work: () => {
      begun.push(jobs.shift()!);
      job = Promise.withResolvers();
      return job.promise;
    },
    failed: (error) => failures.push(error),
  });
  return { pump, begun, failures, finish: () => job.resolve(), fail: () => job.reject("no") };
}

/** Lets everything happen that waits for nothing. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("one piece of work waits for the one before, however often the pump is started", async () => {
  const { pump, begun, finish } = startPump(["a", "b"]);
  pump.start();
  pump.start();
  await turn();
  assert.deepEqual(begun, ["a"]);
  finish();
  await turn();
  assert.deepEqual(begun, ["a", "b"]);
  finish();
});

Deno.test("work that came while the pump ran is done, and so is what comes later", async () => {
  const jobs = ["a"];
  const { pump, begun, finish } = startPump(jobs);
  pump.start();
  jobs.push("b");
  finish();
  await turn();
  finish();
  await turn();
  jobs.push("c");
  pump.start();
  assert.deepEqual(begun, ["a", "b", "c"]);
  finish();
});

Deno.test("a pump that is stopped does nothing more", async () => {
  const { pump, begun, finish } = startPump(["a", "b"]);
  pump.start();
  pump.stop();
  finish();
  await turn();
  pump.start();
  assert.deepEqual(begun, ["a"]);
});

Deno.test("work that failed is told of, once, and is the last", async () => {
  const { pump, begun, failures, fail } = startPump(["a", "b"]);
  pump.start();
  fail();
  await turn();
  pump.start();
  assert.deepEqual([begun, failures], [["a"], ["no"]]);
});
