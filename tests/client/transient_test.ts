import assert from "node:assert/strict";
import { type ErrorCode, ERRORS, RelayError } from "../../src/errors.ts";
import { isTransient } from "../../src/client/transient.ts";

/** Every kind of failure, and whether another attempt may succeed where nobody changes anything. */
const EXPECTED: Record<ErrorCode, boolean> = {
  // the network comes back, the relay is started again, others leave
  unreachable: true,
  draining: true,
  producer_exists: true,
  limit: true,
  too_slow: true,
  internal: true,
  // somebody has to type something else
  usage: false,
  bad_path: false,
  bad_channel: false,
  no_channel: false,
  bad_request: false,
  unauthorized: false,
  forbidden: false,
  // the same bytes would be refused again
  bad_frame: false,
  bad_data: false,
  bad_text: false,
  too_big: false,
  protocol: false,
  integrity: false,
  // the stream is over, or belongs to another
  fenced: false,
  expired: false,
  producer_error: false,
  incomplete: false,
  cancelled: false,
  // the caller's own limit
  timeout: false,
};

Deno.test("every kind of failure passes by itself or does not", () => {
  const codes = Object.keys(ERRORS) as ErrorCode[];
  assert.deepEqual(Object.keys(EXPECTED).sort(), codes.sort());
  for (const code of codes) {
    assert.equal(isTransient(new RelayError(code)), EXPECTED[code], code);
    const worded = new RelayError(code, "in other words", {
      cause: new TypeError(),
      tellPeer: true,
    });
    assert.equal(isTransient(worded), EXPECTED[code], code);
  }
});

Deno.test("a failure that is known to last does not pass, whatever its kind", () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    assert.equal(isTransient(new RelayError(code, "no such host", { lasting: true })), false, code);
    const passing = new RelayError(code, "no route to host", { lasting: false });
    assert.equal(isTransient(passing), EXPECTED[code], code);
  }
});

Deno.test("what is no failure of a relay does not pass: it may be a bug of ours", () => {
  const lookalike = Object.assign(new Error("relay unreachable"), {
    name: "RelayError",
    code: "unreachable",
  });
  const bare = { code: "unreachable" };
  for (const error of [lookalike, bare, new TypeError(), "unreachable", null, undefined, 0]) {
    assert.equal(isTransient(error), false, String(error));
  }
});
