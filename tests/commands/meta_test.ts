import assert from "node:assert/strict";
import { addMeta, jobMeta } from "../../commands/meta.ts";

const JOBS: [sentence: string, env: Record<string, string>, meta: Record<string, string>][] = [
  ["Slurm's", { SLURM_JOB_ID: "4711" }, { job: "4711" }],
  ["a task of a Slurm array", {
    SLURM_JOB_ID: "4713",
    SLURM_ARRAY_JOB_ID: "4711",
    SLURM_ARRAY_TASK_ID: "2",
  }, { job: "4711_2" }],
  ["PBS'", { PBS_JOBID: "123[4].server" }, { job: "123[4].server" }],
  ["LSF's", { LSB_JOBID: "99" }, { job: "99" }],
  ["none at all", {}, {}],
  ["an empty one", { SLURM_JOB_ID: "" }, {}],
  ["one with an escape", { SLURM_JOB_ID: "\x1b[2J" }, {}],
  ["one that is too long", { SLURM_JOB_ID: "1".repeat(2_000) }, {}],
];

for (const [sentence, env, meta] of JOBS) {
  Deno.test(`the id of a job is ${sentence}`, () => {
    assert.deepEqual(jobMeta((name) => env[name]), meta);
  });
}

Deno.test("names and values are added one by one, and a value may hold an equals sign", () => {
  assert.deepEqual(addMeta("b=2=3", addMeta("a=1")), { a: "1", b: "2=3" });
});

for (const text of ["", "a", "=1", "a b=1", "a=\n", `a=${"x".repeat(1_024)}`]) {
  Deno.test(`--meta ${JSON.stringify(text.slice(0, 9))} is wrong usage`, () => {
    assert.throws(() => addMeta(text), { code: "usage" });
  });
}
