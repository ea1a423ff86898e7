import assert from "node:assert/strict";
import fc from "fast-check";
import { RelayError } from "../../src/errors.ts";
import { checkKey, generateKey, parseKey } from "../../src/crypto/key.ts";
import vectors from "../vectors/envelope.json" with { type: "json" };

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const encodings = (key: Uint8Array) => [
  key.toHex(),
  key.toBase64(),
  key.toBase64({ omitPadding: true }),
  key.toBase64({ alphabet: "base64url" }),
  key.toBase64({ alphabet: "base64url", omitPadding: true }),
];

/** Asserts that `text` is refused for the reason given, and that nothing of it is in the error. */
function refused(text: string, why: RegExp): void {
  assert.throws(() => parseKey(text), (error: unknown) => {
    assert.ok(error instanceof RelayError);
    assert.equal(error.code, "usage");
    assert.equal(error.cause, undefined);
    assert.match(error.message, why);
    assert.match(error.message, /^Cannot use the encryption key: .*streamrelay keygen/);
    for (let i = 0; i + 6 <= text.length; i++) {
      assert.ok(!error.message.includes(text.slice(i, i + 6)), "part of the key is in the message");
    }
    return true;
  });
}

Deno.test("a key written by Python is read in every encoding", () => {
  for (const vector of vectors) {
    const key = parseKey(vector.key_hex);
    assert.equal(key.toHex(), vector.key_hex);
    assert.deepEqual(parseKey(vector.key_base64), key);
    assert.deepEqual(parseKey(vector.key_base64url), key);
  }
});

Deno.test("any 32 bytes are read back from hex, base64 and base64url, padded or not", () => {
  fc.assert(fc.property(bytes(32), (key) => {
    for (const text of encodings(key)) assert.deepEqual(parseKey(text), key);
  }));
});

Deno.test("hex is read in upper case too", () => {
  assert.deepEqual(parseKey("AB".repeat(32)), new Uint8Array(32).fill(0xab));
});

Deno.test("64 hex digits are hex, although they are valid base64", () => {
  const text = "0123456789abcdef".repeat(4);
  assert.equal(Uint8Array.fromBase64(text).length, 48);
  assert.equal(parseKey(text).toHex(), text);
});

Deno.test("whitespace around a key is dropped", () => {
  const key = generateKey();
  for (const text of [`${key}\n`, `  ${key}`, `\t${key}\r\n`, `\ufeff${key}`]) {
    assert.deepEqual(parseKey(text), parseKey(key));
  }
});

Deno.test("whitespace inside a key is refused", () => {
  const key = generateKey();
  refused(`${key.slice(0, 20)} ${key.slice(20)}`, /whitespace inside/);
  refused("ab ".repeat(32), /whitespace inside/);
  refused(`${key}\n${key}`, /whitespace inside/);
});

Deno.test("an empty key is refused", () => {
  for (const text of ["", " ", "\n\t"]) refused(text, /it is empty/);
});

Deno.test("a key of 31 or 33 bytes is refused", () => {
  const first = Uint8Array.from({ length: 33 }, (_, i) => i * 7 + 130);
  for (const length of [31, 33]) {
    const [hex, ...others] = encodings(first.subarray(0, length));
    refused(hex, new RegExp(`it has ${length * 2} hex digits, 64 are needed`));
    for (const text of others) refused(text, new RegExp(`it has ${length} bytes, 32 are needed`));
  }
});

Deno.test("hex of odd length is refused as hex, not as base64", () => {
  refused("c0ffee12".repeat(8).slice(1), /it has 63 hex digits/);
  refused("c0ffee12".repeat(8) + "a", /it has 65 hex digits/);
});

Deno.test("text that is neither hex nor base64 is refused", () => {
  const key = "+/".repeat(21) + "8=";
  assert.equal(parseKey(key).length, 32);
  const mixedAlphabets = key.replace("/", "_");
  for (const text of [mixedAlphabets, key + "=", key + key, "=" + key, "p@ssword", "clésecrète"]) {
    refused(text, /neither 64 hex digits nor base64/);
  }
});

Deno.test("any other text is refused and no part of it is told", () => {
  const letter = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/_=! ");
  fc.assert(fc.property(fc.string({ unit: letter, minLength: 45 }), (text) => {
    fc.pre(text.trim().length > 44 && !/^[0-9A-F]{64}$/.test(text.trim()));
    refused(text, /./);
  }));
});

Deno.test("bytes pass as a key only if they are 32", () => {
  checkKey(new Uint8Array(32));
  for (const length of [0, 16, 24, 31, 33, 64]) {
    const why = new RegExp(`it has ${length} bytes, 32 are needed`);
    assert.throws(() => checkKey(new Uint8Array(length)), why);
  }
});

Deno.test("a generated key is 32 bytes of base64, another one each time", () => {
  const keys = Array.from({ length: 100 }, generateKey);
  for (const key of keys) assert.match(key, /^[A-Za-z0-9+/]{43}=$/);
  assert.equal(new Set(keys).size, keys.length);
});
