import assert from "node:assert/strict";
import fc from "fast-check";
import { RelayError } from "../../src/errors.ts";
import {
  Envelope,
  isSealed,
  reachesWarning,
  SEALING_LIMIT,
  SEALING_WARNING,
} from "../../src/crypto/envelope.ts";
import { generateKey, parseKey } from "../../src/crypto/key.ts";
import vectors from "../vectors/envelope.json" with { type: "json" };

const TOKEN = '{"type":"token","content":"Hello"}';
const KEY = new Uint8Array(32).map((_, i) => i * 7 + 130);
const envelope = await Envelope.create(KEY);

const bytesOf = (sealed: string) => Uint8Array.fromBase64(JSON.parse(sealed).d);
const wrap = (bytes: Uint8Array) => JSON.stringify({ type: "enc", d: bytes.toBase64() });

/** Asserts that opening `text` fails as it should, without a word of its content. */
async function refused(text: string, why: RegExp, opener = envelope): Promise<void> {
  await assert.rejects(opener.open(text), (error: unknown) => {
    assert.ok(error instanceof RelayError);
    assert.equal(error.code, "integrity");
    assert.equal(error.cause, undefined);
    assert.match(error.message, why);
    assert.doesNotMatch(error.message, /Hello/);
    return true;
  });
}

/** `plaintext` sealed under KEY by the raw Web Crypto calls. */
async function sealBytes(plaintext: Uint8Array<ArrayBuffer>): Promise<string> {
  const key = await crypto.subtle.importKey("raw", KEY, "AES-GCM", false, ["encrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const box = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plaintext);
  return wrap(new Uint8Array([...iv, ...new Uint8Array(box)]));
}

for (const vector of vectors) {
  Deno.test(`${vector.name}, sealed by Python, is opened with the key in any encoding`, async () => {
    for (const key of [vector.key_hex, vector.key_base64, vector.key_base64url]) {
      const ours = await Envelope.create(key);
      assert.equal(await ours.open(vector.envelope), vector.plaintext);
    }
    assert.equal(bytesOf(vector.envelope).subarray(0, 12).toHex(), vector.nonce);
  });
}

Deno.test("any text that is sealed is opened again", async () => {
  await fc.assert(fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
    assert.equal(await envelope.open(await envelope.seal(text)), text);
  }));
});

Deno.test("a sealed message is opened by the raw Web Crypto calls", async () => {
  const sealed = bytesOf(await envelope.seal(TOKEN));
  const key = await crypto.subtle.importKey("raw", KEY, "AES-GCM", false, ["decrypt"]);
  const params = { name: "AES-GCM", iv: sealed.slice(0, 12), tagLength: 128 };
  const plain = await crypto.subtle.decrypt(params, key, sealed.slice(12));
  assert.equal(new TextDecoder().decode(plain), TOKEN);
});

Deno.test("a sealed message is compact JSON with nothing but type and d", async () => {
  const sealed = await envelope.seal(TOKEN);
  assert.match(sealed, /^\{"type":"enc","d":"[A-Za-z0-9+/]+=*"\}$/);
  assert.equal(bytesOf(sealed).length, 12 + TOKEN.length + 16);
});

Deno.test("one message sealed twice has two nonces", async () => {
  const sealed = await Promise.all(Array.from({ length: 200 }, () => envelope.seal(TOKEN)));
  const nonces = sealed.map((text) => bytesOf(text).subarray(0, 12).toHex());
  assert.equal(new Set(nonces).size, nonces.length);
});

Deno.test("an envelope counts what it seals, and nothing else", async () => {
  const counting = await Envelope.create(KEY);
  assert.equal(counting.sealed, 0);
  const sealing = Array.from({ length: 5 }, () => counting.seal(TOKEN));
  assert.equal(counting.sealed, 5); // a nonce is used up, whatever becomes of the message
  await counting.open((await Promise.all(sealing))[0]);
  await refused(TOKEN, /it is not encrypted/, counting);
  assert.equal(counting.sealed, 5);
  assert.equal((await Envelope.create(KEY)).sealed, 0);
});

Deno.test("a key is good for 2^32 messages, and half of them are time for a warning", () => {
  assert.equal(SEALING_LIMIT, 4_294_967_296);
  assert.equal(SEALING_WARNING, 2_147_483_648);
});

Deno.test("base64url and padding left out are opened too", async () => {
  for (const message of [TOKEN, TOKEN + " ", TOKEN + "  "]) {
    const bytes = bytesOf(await envelope.seal(message));
    for (const omitPadding of [true, false]) {
      const d = bytes.toBase64({ alphabet: "base64url", omitPadding });
      assert.equal(await envelope.open(JSON.stringify({ d, type: "enc", ignored: 1 })), message);
    }
  }
});

Deno.test("every single bit flip is refused", async () => {
  const sealed = bytesOf(await envelope.seal(TOKEN));
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = sealed.slice();
    altered[bit >> 3] ^= 1 << (bit & 7);
    await refused(wrap(altered), /wrong key, or the message was altered on the way/);
  }
});

Deno.test("every truncation of the bytes is refused", async () => {
  const sealed = bytesOf(await envelope.seal(TOKEN));
  for (let length = 0; length < sealed.length; length++) {
    const why = length < 28 ? new RegExp(`it has ${length} bytes, at least 28`) : /altered/;
    await refused(wrap(sealed.subarray(0, length)), why);
    await refused(wrap(sealed.subarray(sealed.length - length)), why);
  }
});

Deno.test("bytes added to either end are refused", async () => {
  const sealed = bytesOf(await envelope.seal(TOKEN));
  await refused(wrap(new Uint8Array([...sealed, 0])), /altered/);
  await refused(wrap(new Uint8Array([0, ...sealed])), /altered/);
});

Deno.test("every truncation of the text is refused", async () => {
  const sealed = await envelope.seal(TOKEN);
  for (let length = 0; length < sealed.length; length++) {
    await refused(sealed.slice(0, length), /it is not encrypted/);
  }
});

Deno.test("plaintext and anything else that is not an envelope is refused", async () => {
  const others = [
    "",
    "Hello",
    "null",
    "7",
    '"enc"',
    "[]",
    "{}",
    '{"type":"ENC","d":""}',
    "{'type'",
  ];
  for (const text of [TOKEN, '{"type":"done"}', '{"type":"error","message":"Hello"}', ...others]) {
    await refused(text, /it is not encrypted, and plaintext is refused where a key is set/);
  }
});

Deno.test("an envelope whose d is missing or not base64 is refused", async () => {
  for (const d of [undefined, null, 7, ["AAAA"], {}, "Hello!", "A", "A===", "-_+/"]) {
    await refused(JSON.stringify({ type: "enc", d }), /its "d" is not base64/);
  }
});

Deno.test("any other text is refused with an integrity error", async () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.base64String().map((d) => `{"type":"enc","d":"${d}"}`),
  );
  await fc.assert(fc.asyncProperty(texts, (text) => refused(text, /^Cannot open the message: /)));
});

Deno.test("another key opens nothing and none of it is told", async () => {
  const key = generateKey();
  const error = await (await Envelope.create(key)).open(await envelope.seal(TOKEN)).catch((e) => e);
  assert.match(error.message, /wrong key/);
  for (const text of [key, parseKey(key).toHex()]) {
    for (let i = 0; i + 6 <= text.length; i++) {
      assert.ok(!error.message.includes(text.slice(i, i + 6)), "part of the key is in the message");
    }
  }
});

Deno.test("an authentic message that is not UTF-8 is refused, not repaired", async () => {
  assert.equal(await envelope.open(await sealBytes(new TextEncoder().encode(TOKEN))), TOKEN);
  await refused(await sealBytes(new Uint8Array([0x22, 0xff, 0x22])), /it is not UTF-8/);
});

Deno.test("a key that is not 32 bytes makes no envelope", async () => {
  for (const key of [new Uint8Array(16), new Uint8Array(33), "", "c0ffee", generateKey() + "A"]) {
    await assert.rejects(Envelope.create(key), { name: "RelayError", code: "usage" });
  }
});

Deno.test("a key in shared memory is taken", async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(32));
  shared.set(KEY);
  const made = await Envelope.create(shared);
  assert.equal(await made.open(await envelope.seal(TOKEN)), TOKEN);
});

Deno.test("the imported key cannot be exported again", async () => {
  const { subtle } = crypto;
  const { encrypt } = subtle;
  const keys: CryptoKey[] = [];
  subtle.encrypt = (params, key, data) => {
    keys.push(key);
    return encrypt.call(subtle, params, key, data);
  };
  try {
    await envelope.seal(TOKEN);
  } finally {
    subtle.encrypt = encrypt;
  }
  assert.deepEqual(keys.map((key) => key.extractable), [false]);
});

Deno.test("an envelope shows nothing of its key", () => {
  assert.equal(Deno.inspect(envelope, { showHidden: true }), "Envelope { [sealed]: [Getter] }");
  assert.equal(JSON.stringify(envelope), "{}");
});

Deno.test("only a message of type enc counts as sealed", () => {
  assert.equal(isSealed({ type: "enc" }), true);
  for (const type of [undefined, null, "token", "ENC", ["enc"]]) {
    assert.equal(isSealed({ type }), false);
  }
});

Deno.test("the warning at half of what a key is good for comes once", () => {
  const calls = [
    SEALING_WARNING - 10,
    SEALING_WARNING - 1,
    SEALING_WARNING + 4,
    SEALING_WARNING + 9,
  ];
  const counts = calls.map((sealed, i) => sealed - (calls[i - 1] ?? 0));
  assert.deepEqual(calls.map((sealed, i) => reachesWarning(sealed, counts[i])), [
    false,
    false,
    true,
    false,
  ]);
  assert.equal(reachesWarning(SEALING_WARNING, 1), true);
  assert.equal(reachesWarning(SEALING_WARNING + 1, 1), false);
});
