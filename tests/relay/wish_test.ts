import assert from "node:assert/strict";
import { RelayError } from "../../src/errors.ts";
import { MemoryLog } from "../../src/log/memory_log.ts";
import { fulfil, type Place, type Wish } from "../../src/relay/wish.ts";

/** A run of which messages 5 to 9 can still be had here or from its producer. */
const OFFER = { log: new MemoryLog("run-2", { first: 5 }), extent: 10, waited: false };

const at = (epoch: string, seq: number) => ({ epoch, seq });

const PLACES: [string, Wish, Place][] = [
  ["no wish is all there is", {}, { from: 0, restart: false }],
  ["live is what comes after all that exists", { position: "live" }, { from: 10, restart: false }],
  ["a position is itself", { position: at("run-2", 7) }, { from: 7, restart: false }],
  ["also one that is forgotten", { position: at("run-2", 1) }, { from: 1, restart: false }],
  ["also the end", { position: at("run-2", 10) }, { from: 10, restart: false }],
  [
    "with restart a position in another run is the beginning of this one",
    { position: at("run-1", 7), restart: true },
    { from: 0, restart: true },
  ],
];

for (const [what, wish, place] of PLACES) {
  Deno.test(what, () => assert.deepEqual(fulfil(wish, OFFER), place));
}

Deno.test("for who was here before the run, live begins with it", () => {
  const offer = { ...OFFER, waited: true };
  assert.deepEqual(fulfil({ position: "live" }, offer), { from: 5, restart: false });
});

const REFUSALS: [string, Wish, string][] = [
  ["a position in another run", { position: at("run-1", 7) }, "fenced"],
  ["a position beyond the run", { position: at("run-2", 11) }, "protocol"],
  [
    "one beyond the run, with restart too,",
    { position: at("run-2", 11), restart: true },
    "protocol",
  ],
];

for (const [what, wish, code] of REFUSALS) {
  Deno.test(`${what} is refused: ${code}`, () => {
    const refusal = fulfil(wish, OFFER);
    assert.ok(refusal instanceof RelayError && refusal.code === code && refusal.peerText !== "");
  });
}
