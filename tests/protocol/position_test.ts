import assert from "node:assert/strict";
import fc from "fast-check";
import { RelayError } from "../../src/errors.ts";
import { formatPosition, isEpoch, newEpoch, parsePosition } from "../../src/protocol/position.ts";

const EPOCH_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

const epoch = fc.string({
  unit: fc.constantFrom(...EPOCH_CHARACTERS),
  minLength: 1,
  maxLength: 64,
});
const seq = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER));

function refused(text: string): void {
  assert.throws(() => parsePosition(text), (error) => {
    assert.ok(error instanceof RelayError, String(error));
    assert.equal(error.code, "protocol");
    assert.equal(error.peerText, "position is not <epoch>:<seq>");
    return true;
  }, JSON.stringify(text));
}

Deno.test("any position is read as it was written", () => {
  fc.assert(fc.property(epoch, seq, (epoch, seq) => {
    const text = formatPosition({ epoch, seq });
    assert.equal(text, `${epoch}:${seq}`);
    assert.deepEqual(parsePosition(text), { epoch, seq });
  }));
});

Deno.test("a position that is spelt in another way is refused", () => {
  const numbers = ["", "-1", "+1", "01", "00", "1.0", "1e3", "0x1", " 1", "1 ", "1\n", "١", "x"];
  for (const number of numbers) refused(`run:${number}`);
  for (const epoch of ["", "a b", "a:b", "a.b", "a/b", "é", "a\n", "x".repeat(65)]) {
    refused(`${epoch}:1`);
  }
  for (const text of ["", "live", "start", "run", ":", ":1", "1", "run:1:2", "\nrun:1"]) {
    refused(text);
  }
});

Deno.test("a number of 2^53 and more is refused", () => {
  assert.equal(parsePosition("run:9007199254740991").seq, Number.MAX_SAFE_INTEGER);
  for (const number of ["9007199254740992", "9007199254740993", "9".repeat(16), "9".repeat(400)]) {
    refused(`run:${number}`);
  }
});

Deno.test("any text is a position in its one spelling, or refused", () => {
  const piece = fc.oneof(epoch, seq.map(String), fc.string(), fc.constantFrom(":", "0", "-", "\n"));
  const text = fc.oneof(
    fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join("")),
    fc.tuple(piece, piece).map(([a, b]) => `${a}:${b}`),
  );
  fc.assert(
    fc.property(text, (text) => {
      let position;
      try {
        position = parsePosition(text);
      } catch {
        return refused(text);
      }
      assert.ok(isEpoch(position.epoch));
      assert.equal(formatPosition(position), text);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("an epoch is 1 to 64 characters of its alphabet", () => {
  for (let code = 0; code < 0x180; code++) {
    const character = String.fromCharCode(code);
    const allowed = EPOCH_CHARACTERS.includes(character);
    assert.equal(isEpoch(character), allowed, `U+${code.toString(16)}`);
    assert.equal(isEpoch(`run${character}`), allowed, `run and U+${code.toString(16)}`);
  }
  for (let length = 0; length <= 70; length++) {
    assert.equal(isEpoch("x".repeat(length)), length >= 1 && length <= 64);
  }
});

Deno.test("a fresh epoch is its start in nine base36 digits, a dash and 72 random bits", () => {
  const before = Date.now();
  const epoch = newEpoch();
  assert.match(epoch, /^[0-9a-z]{9}-[A-Za-z0-9_-]{12}$/);
  assert.ok(isEpoch(epoch));
  const start = parseInt(epoch.slice(0, 9), 36);
  assert.ok(start >= before && start <= Date.now());
  assert.equal(Uint8Array.fromBase64(epoch.slice(10), { alphabet: "base64url" }).length, 9);
});

Deno.test("epochs sort by their starts, until the year 5188", () => {
  const end = Date.UTC(5188, 0);
  const time = fc.oneof(fc.nat(end - 1), fc.constantFrom(0, 35, 36, 36 ** 8 - 1, 36 ** 8));
  fc.assert(fc.property(time, time, fc.nat(3), (a, b, apart) => {
    for (const later of [b, a + apart]) {
      if (a === later) continue;
      assert.equal(newEpoch(a) < newEpoch(later), a < later);
    }
    assert.equal(newEpoch(a).length, 22);
  }));
});

Deno.test("epochs that begin at the same time differ", () => {
  const epochs = Array.from({ length: 2000 }, () => newEpoch(1));
  assert.equal(new Set(epochs).size, epochs.length);
});
