import assert from "node:assert/strict";
import { encodeRecord } from "../../src/protocol/record.ts";
import { PlainEnding } from "../../src/relay/plain_ending.ts";
import { bytesOf } from "../helpers/client_frames.ts";
import { runOf } from "../log/channel_log_conformance.ts";

const [TOKEN, ERROR, SEALED, DONE] = ["token", "error", "enc", "done"].map((type) =>
  JSON.stringify({ type })
);

/** What batches of messages say: whether the stream has ended, and how it would if the producer left now. */
function judged(...batches: string[][]) {
  const ending = new PlainEnding();
  const ends = batches.map((batch) => {
    const records = runOf(...batch);
    return ending.take(records, records.length - encodeRecord(bytesOf(batch.at(-1)!)).length);
  });
  return { end: ends.at(-1), left: ending.left(true), cut: ending.left(false) };
}

const CASES: [string, string[][], ReturnType<typeof judged>][] = [
  ["a token leaves it open", [[TOKEN]], { end: undefined, left: "lost", cut: "lost" }],
  ["an error ends it when the producer leaves", [[TOKEN, ERROR]], {
    end: undefined,
    left: "error",
    cut: "error",
  }],
  ["an error in mid-stream does not", [[ERROR], [TOKEN]], {
    end: undefined,
    left: "lost",
    cut: "lost",
  }],
  ["a sealed message may be the end, if it was no cut", [[SEALED]], {
    end: undefined,
    left: "closed",
    cut: "lost",
  }],
];

for (const [what, batches, says] of CASES) {
  Deno.test(`${what}`, () => assert.deepEqual(judged(...batches), says));
}

const ENDS: [string, string[][], "done" | "error"][] = [
  ["done is the end", [[TOKEN, DONE]], "done"],
  ["done after an error is an error, in the same batch", [[ERROR, DONE]], "error"],
  ["done after an error is an error, in another batch", [[ERROR], [DONE]], "error"],
  ["the first done of a batch decides", [[ERROR, DONE, TOKEN, DONE]], "error"],
  ["an error long before the done is forgiven", [[ERROR], [TOKEN], [DONE]], "done"],
];

for (const [what, batches, status] of ENDS) {
  Deno.test(`${what}`, () => assert.equal(judged(...batches).end, status));
}
