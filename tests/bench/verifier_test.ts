/** Which faults of a relay a reader sees. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Stamp } from "../../src/bench/stamp.ts";
import { NO_FAULTS, RunningHash, Verifier } from "../../src/bench/verifier.ts";

const stamp = new Stamp(40);
const CHANNEL = 3;

function content(seq: number, channel = CHANNEL): Uint8Array {
  const bytes = new Uint8Array(40);
  stamp.write(bytes, 0, { channel, seq, sentMs: seq / 7 });
  return bytes;
}

/** What is found where `sent` messages were sent, and `received` came. */
function found(sent: number, received: Uint8Array[], skips: Record<number, number> = {}) {
  const hash = new RunningHash();
  for (let seq = 0; seq < sent; seq++) hash.add(content(seq));
  const verifier = new Verifier(stamp, CHANNEL);
  received.forEach((bytes, at) => {
    if (at in skips) verifier.skipTo(skips[at]);
    verifier.take(bytes, 0, bytes.length);
  });
  verifier.end({ sent, hash: hash.digest() });
  return { ...verifier.faults, told: verifier.told };
}

const good = { ...NO_FAULTS, told: 0 };
const all = (count: number) => Array.from({ length: count }, (_, seq) => content(seq));

Deno.test("what comes as it was sent has no fault", () => {
  assert.deepEqual(found(50, all(50)), good);
});

Deno.test("a message that does not come is lost, also the last one", () => {
  assert.deepEqual(found(5, all(5).toSpliced(2, 1)), { ...good, lost: 1 });
  assert.deepEqual(found(5, all(4)), { ...good, lost: 1 });
});

Deno.test("a message that comes again is doubled", () => {
  assert.deepEqual(found(5, all(5).toSpliced(3, 0, content(2))), { ...good, doubled: 1 });
});

Deno.test("messages in another order are reordered, and neither lost nor doubled", () => {
  const [a, b, c, d] = all(4);
  assert.deepEqual(found(4, [a, c, b, d]), { ...good, reordered: 1 });
});

Deno.test("a message that is changed anywhere is a fault", () => {
  fc.assert(fc.property(fc.nat(39), fc.integer({ min: 1, max: 255 }), (at, bits) => {
    const received = all(5);
    received[2][at] ^= bits;
    const { told: _, ...faults } = found(5, received);
    assert.ok(Object.values(faults).some((count) => count > 0));
  }));
});

Deno.test("a message of another channel is altered, as is one of another length", () => {
  assert.deepEqual(found(3, [content(0), content(1, 4), content(2)]), { ...good, altered: 1 });
  const [a, b, c] = all(3);
  assert.deepEqual(found(3, [a, b.subarray(1), c]), { ...good, altered: 1 });
});

Deno.test("what is told to be gone is not lost", () => {
  assert.deepEqual(found(9, all(9).slice(4), { 0: 4 }), { ...good, told: 4 });
});

Deno.test("another time of sending is seen by the hash alone", () => {
  const received = all(3);
  stamp.write(received[1], 0, { channel: CHANNEL, seq: 1, sentMs: 99 });
  assert.deepEqual(found(3, received), { ...good, altered: 1 });
});

Deno.test("what follows a message that could not be decrypted is not read, and not lost", () => {
  const verifier = new Verifier(stamp, CHANNEL);
  for (const bytes of all(3)) verifier.take(bytes, 0, bytes.length);
  verifier.distrust();
  verifier.end({ sent: 10 });
  assert.deepEqual(verifier.faults, { ...NO_FAULTS, altered: 1 });
  assert.equal(verifier.unread, 6);
  assert.deepEqual([...verifier.missing(10)], []);
});

Deno.test("which messages never came is known", () => {
  const verifier = new Verifier(stamp, CHANNEL);
  for (const bytes of all(5).toSpliced(2, 1)) verifier.take(bytes, 0, bytes.length);
  verifier.end({ sent: 8 });
  assert.deepEqual([...verifier.missing(8)], [2, 5, 6, 7]);
});
