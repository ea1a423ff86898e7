import assert from "node:assert/strict";
import { placeOf, withoutPlace } from "../../src/crypto/place.ts";

const PLACED = { type: "done", ch: "job-7", ep: "run-1", n: 3 };

Deno.test("a place is taken out of a message, and the message is as it was", () => {
  assert.deepEqual(placeOf(PLACED), { ch: "job-7", ep: "run-1", n: 3 });
  assert.deepEqual(withoutPlace({ ...PLACED, p: "   " }), { type: "done" });
});

Deno.test("a message without a place has none, whatever its p is", () => {
  assert.equal(placeOf({ type: "done" }), undefined);
  assert.equal(placeOf({ type: "progress", p: 7 }), undefined);
});

const MALFORMED: [what: string, field: Record<string, unknown>][] = [
  ["no channel", { ch: undefined }],
  ["no epoch", { ep: undefined }],
  ["no number", { n: undefined }],
  ["a number below 0", { n: -1 }],
  ["half a number", { n: 1.5 }],
  ["a number beyond what is exact", { n: 2 ** 53 }],
  ["a number as text", { n: "3" }],
  ["padding that is no text", { p: 1 }],
];

for (const [what, field] of MALFORMED) {
  Deno.test(`a place with ${what} is refused`, () => {
    assert.throws(() => placeOf({ ...PLACED, ...field }), {
      name: "RelayError",
      code: "integrity",
    });
  });
}
