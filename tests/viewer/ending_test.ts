import assert from "node:assert/strict";
import { RelayError } from "../../src/errors.ts";
import type { EndStatus } from "../../src/protocol/control.ts";
import { endingOfError, endingOfMessage, endingOfRun } from "../../src/viewer/ending.ts";

Deno.test("only a stream that was done, and is whole, is a good one", () => {
  assert.deepEqual(endingOfMessage({ type: "done" }), { good: true, text: "Done" });
  assert.equal(endingOfMessage({ type: "done" }, true)!.good, false);
  assert.equal(endingOfMessage({ type: "error", message: "x" })!.good, false);
  const statuses: EndStatus[] = ["done", "error", "cancelled", "closed", "lost", "expired"];
  for (const status of statuses) assert.equal(endingOfRun(status).good, false, status);
});

Deno.test("other messages are no ending", () => {
  for (const type of ["token", "log", "progress", "event", "gap"]) {
    assert.equal(endingOfMessage({ type, content: "" }), undefined);
  }
});

Deno.test("what is known of a failure is said once", () => {
  const error = (message: string, details = {}) =>
    endingOfMessage({ type: "error", message, ...details })!.text;
  assert.equal(error("out of memory"), "Failed: out of memory");
  assert.equal(error("it crashed", { exit_code: 3 }), "Failed: it crashed (exit code 3)");
  assert.equal(error("ended with exit code 3", { exit_code: 3 }), "Failed: ended with exit code 3");
  assert.equal(
    endingOfRun("error", { signal: "SIGKILL" }).text,
    "Failed: the producer reported an error (SIGKILL)",
  );
});

Deno.test("a bug is no reason to show what an exception says", () => {
  assert.equal(endingOfError(new TypeError("content")).text, "This page failed: reload it");
  assert.equal(endingOfError(new RelayError("integrity", "wrong key")).text, "Wrong key");
});
