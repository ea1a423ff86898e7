import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { closingError, refusedError, unreachableError } from "../../src/client/connection_error.ts";

const URL_OF_RELAY = new URL("wss://relay.example.org/produce/job-7");

/** An answer by HTTP. */
function answer(statusCode: number, headers: Record<string, string> = {}): IncomingMessage {
  return { statusCode, headers } as unknown as IncomingMessage;
}

/** What the network says. */
const cause = (code: string, message = "") => Object.assign(new Error(message), { code });

Deno.test("a close code of ours is its error, in the relay's words without control characters", () => {
  const error = closingError({ code: 4002, reason: "bad\x1b[2J end" }, "unreachable");
  assert.deepEqual([error.code, error.message], [
    "protocol",
    "The relay ended the connection: bad[2J end",
  ]);
});

Deno.test("another close code is what the caller makes of it", () => {
  assert.equal(closingError({ code: 1006, reason: "" }, "incomplete").code, "incomplete");
});

Deno.test("a limit says when to come back, within bounds", () => {
  const at = (reason: string) => closingError({ code: 4010, reason }, "unreachable").retryAfterMs;
  assert.deepEqual(
    [at("full: retry in 7 s"), at("full: retry in 9999 s"), at("full")],
    [7_000, 60_000, undefined],
  );
});

Deno.test("an answer by HTTP says whether it will stay", () => {
  const lasting = (status: number) => refusedError(URL_OF_RELAY, answer(status)).lasting;
  assert.deepEqual([404, 408, 425, 502, 503].map(lasting), [true, false, false, false, false]);
});

Deno.test("401, 403 and 429 are errors of their own", () => {
  const code = (status: number) => refusedError(URL_OF_RELAY, answer(status)).code;
  assert.deepEqual([401, 403, 429].map(code), ["unauthorized", "unauthorized", "limit"]);
  const limit = refusedError(URL_OF_RELAY, answer(429, { "retry-after": "3" }));
  assert.equal(limit.retryAfterMs, 3_000);
});

Deno.test("what stays wrong until somebody changes something is told from what passes", () => {
  const lasting = (code: string) => unreachableError(URL_OF_RELAY, cause(code), undefined).lasting;
  assert.deepEqual(
    ["ECONNREFUSED", "ENOTFOUND", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "HPE_INVALID_CONSTANT"]
      .map(lasting),
    [false, false, true, true],
  );
});

Deno.test("a failure names the relay, without path and credentials, and the proxy on the way", () => {
  const url = new URL("wss://me:pw@relay.example.org/produce/job-7");
  assert.equal(
    unreachableError(url, cause("ECONNREFUSED"), "proxy:3128").message,
    "Cannot reach the relay at wss://relay.example.org through the proxy proxy:3128: " +
      "connection refused. Is it running?",
  );
});
