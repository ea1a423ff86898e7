import assert from "node:assert/strict";
import { failureOfGap, failureOfMessage, failureOfRun } from "../../src/client/stream_failure.ts";
import type { ErrorCode } from "../../src/errors.ts";
import type { EndStatus } from "../../src/protocol/control.ts";

const STATUSES: Record<EndStatus, ErrorCode> = {
  done: "incomplete", // the message that says so is missing
  closed: "incomplete",
  lost: "incomplete",
  error: "producer_error",
  cancelled: "cancelled",
  expired: "expired",
};

for (const [status, code] of Object.entries(STATUSES)) {
  Deno.test(`a run that is ${status} without a message of it is ${code}`, () => {
    assert.equal(failureOfRun(status as EndStatus).code, code);
  });
}

Deno.test("what ended the producer is said", () => {
  assert.match(failureOfRun("error", { exit_code: 3 }).message, /exit code 3$/);
  assert.match(failureOfRun("error", { exit_code: 143, signal: "SIGTERM" }).message, /SIGTERM$/);
});

Deno.test("an error is the producer's, unless it is a plain relay's own", () => {
  const code = (code?: string) => failureOfMessage({ type: "error", message: "no", code }).code;
  assert.deepEqual(
    ["cancelled", "lost", "expired", "draining", "signal", undefined].map(code),
    ["cancelled", "incomplete", "incomplete", "incomplete", "producer_error", "producer_error"],
  );
});

Deno.test("a gap names the first and the last message that are missing", () => {
  const { code, message } = failureOfGap({ from: 3, to: 7 });
  assert.deepEqual([code, message], [
    "incomplete",
    "Messages 3 to 6 are no longer retained by the relay",
  ]);
});
