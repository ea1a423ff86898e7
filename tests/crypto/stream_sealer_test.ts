import assert from "node:assert/strict";
import fc from "fast-check";
import { RelayError } from "../../src/errors.ts";
import { Envelope } from "../../src/crypto/envelope.ts";
import { StreamSealer } from "../../src/crypto/stream_sealer.ts";

const CHANNEL = "job-7";
const EPOCH = "0mg3x9k2a-Zk3_b0aTq9-x";
const TOKEN = '{"type":"token","content":"Hello"}';
const PLACE = `"ch":"${CHANNEL}","ep":"${EPOCH}","n":`;
const envelope = await Envelope.create(new Uint8Array(32).map((_, i) => i * 7 + 130));

const sealerOf = (pad?: number) =>
  new StreamSealer(envelope, { channel: CHANNEL, epoch: EPOCH, pad });
const sealer = sealerOf();

/** What is encrypted for `text` as message `n`. */
async function plaintextOf(text: string, n = 0, by = sealer): Promise<string> {
  return await envelope.open(await by.seal(text, n));
}

/** Asserts that `text` is not sealed, for the reason given, and that its content is not in the error. */
async function refused(text: string, why: RegExp, n = 0): Promise<void> {
  const before = envelope.sealed;
  await assert.rejects(sealer.seal(text, n), (error: unknown) => {
    assert.ok(error instanceof RelayError);
    assert.equal(error.code, "usage");
    assert.equal(error.cause, undefined);
    assert.match(error.message, why);
    assert.doesNotMatch(error.message, /Hello/);
    return true;
  });
  assert.equal(envelope.sealed, before);
}

/** Messages of any fields but the reserved ones. */
const messages = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue())
  .filter((message) => !["ch", "ep", "n", "p"].some((name) => Object.hasOwn(message, name)))
  .map((message) => JSON.stringify(message));

Deno.test("the place is added at the end of the message", async () => {
  assert.equal(await plaintextOf(TOKEN, 7), `{"type":"token","content":"Hello",${PLACE}7}`);
  const last = Number.MAX_SAFE_INTEGER;
  assert.equal(await plaintextOf('{"type":"done"}', last), `{"type":"done",${PLACE}${last}}`);
});

Deno.test("what is written in a message stays as it is written", async () => {
  const texts = [
    '{"type": "token", "content": "\\u65e5 日本語 👩‍🚀"}', // as Python writes it, and not
    '{"seed":12345678901234567890,"x":1.0,"y":1e2,"a":1,"a":2}', // would not survive JSON.parse
    '{"content":"\\ud800"}', // a lone surrogate, as JSON.stringify writes it
    '{ "type":"token"\n}',
  ];
  for (const text of texts) {
    assert.equal(await plaintextOf(text), `${text.slice(0, -1)},${PLACE}0}`);
  }
});

Deno.test("an empty object has nothing but its place", async () => {
  assert.equal(await plaintextOf("{}"), `{${PLACE}0}`);
  assert.deepEqual(JSON.parse(await plaintextOf(" { } ")), JSON.parse(`{${PLACE}0}`));
});

Deno.test("whitespace around a message is dropped", async () => {
  assert.equal(await plaintextOf(` \t${TOKEN}\r\n`), await plaintextOf(TOKEN));
});

Deno.test("any message, padded or not, is there as it was, with its place", async () => {
  const pads = fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined });
  const run = fc.asyncProperty(messages, fc.maxSafeNat(), pads, async (text, n, pad) => {
    const { ch, ep, n: number, p, ...rest } = JSON.parse(await plaintextOf(text, n, sealerOf(pad)));
    assert.deepEqual({ ch, ep, number }, { ch: CHANNEL, ep: EPOCH, number: n });
    assert.equal(p === undefined, pad === undefined);
    assert.equal(JSON.stringify(rest), JSON.stringify(JSON.parse(text)));
  });
  await fc.assert(run);
});

Deno.test("a channel and an epoch of any characters stay within their fields", async () => {
  const odd = { channel: 'a","n":9,"x":"', epoch: "\\\n日" };
  const message = JSON.parse(await plaintextOf(TOKEN, 3, new StreamSealer(envelope, odd)));
  assert.deepEqual([message.ch, message.ep, message.n], [odd.channel, odd.epoch, 3]);
});

Deno.test("every padded length is a multiple, and the next that has room for the padding", async () => {
  const pads = fc.oneof(fc.integer({ min: 1, max: 64 }), fc.constantFrom(256, 1000, 65_536));
  const contents = fc.string({ unit: "binary", maxLength: 300 });
  await fc.assert(fc.asyncProperty(pads, contents, fc.maxSafeNat(), async (pad, content, n) => {
    const text = JSON.stringify({ type: "token", content });
    const bare = new TextEncoder().encode(await plaintextOf(text, n)).length;
    const padded = await plaintextOf(text, n, sealerOf(pad));
    const { length } = new TextEncoder().encode(padded);
    assert.equal(length % pad, 0);
    const least = bare + ',"p":""'.length;
    assert.ok(length >= least && length < least + pad, `${length} for ${bare} and ${pad}`);
    assert.match(padded, /,"p":" *"\}$/);
  }));
});

Deno.test("each length around a multiple is padded", async () => {
  const bare = (await plaintextOf('{"x":""}')).length;
  for (let more = 0; more <= 32; more++) {
    const padded = await plaintextOf(`{"x":"${"-".repeat(more)}"}`, 0, sealerOf(16));
    assert.equal(padded.length, Math.ceil((bare + more + 7) / 16) * 16);
  }
});

Deno.test("padded tokens cannot be told by the lengths of their envelopes", async () => {
  const padding = sealerOf(192); // 192 bytes are 256 characters of base64
  const lengthOf = async (content: string) =>
    (await padding.seal(JSON.stringify({ type: "token", content }), 9)).length;
  const words = ["I", " am", " astonished", " 日本", " \n", " antidisestablishmentarianism"];
  const lengths = new Set(await Promise.all(words.map(lengthOf)));
  assert.equal(lengths.size, 1);
  assert.equal(await lengthOf("-".repeat(192)), [...lengths][0] + 256);
});

Deno.test("padding to nothing, parts of bytes or more than 65,536 is refused", () => {
  for (const pad of [0, -1, 1.5, NaN, Infinity, 65_537]) {
    assert.throws(() => sealerOf(pad), {
      name: "RelayError",
      code: "usage",
      message: /1 to 65536/,
    });
  }
  sealerOf(65_536);
});

Deno.test("a message with a reserved field of its own is refused, however it is written", async () => {
  for (const name of ["ch", "ep", "n", "p"]) {
    const why = new RegExp(`its field "${name}" is one that encryption adds itself`);
    for (const value of ["1", "null", '""', "[]"]) {
      await refused(`{"type":"token","content":"Hello","${name}":${value}}`, why);
      await refused(`{"${name}" \t\n: ${value},"content":"Hello"}`, why);
    }
    for (let i = 0; i < name.length; i++) {
      for (const digits of [(hex: string) => hex, (hex: string) => hex.toUpperCase()]) {
        const escape = `\\u00${digits(name.charCodeAt(i).toString(16))}`;
        const key = name.slice(0, i) + escape + name.slice(i + 1);
        await refused(`{"content":"Hello","${key}":1}`, why);
      }
    }
  }
});

Deno.test("reserved names are taken anywhere but at the top", async () => {
  const fine = [
    { content: '{"n":1}' },
    { content: '"ch":' },
    { type: "n", content: "ep" },
    { usage: { n: 1, p: 2 }, list: [{ ch: "x", ep: "y" }] },
    { N: 1, P: 2, CH: 3, Ep: 4, nn: 5, cp: 6 },
    { content: "\\u006e" },
    { content: "\u001b[31m\u0000\u007f" },
  ];
  for (const message of fine) {
    const { ch: _ch, ep: _ep, n: _n, ...rest } = JSON.parse(
      await plaintextOf(JSON.stringify(message)),
    );
    assert.deepEqual(rest, message);
  }
  await plaintextOf('{"content":"\\u006e\\u0063\\u0068"}');
});

Deno.test("what is not an object is refused", async () => {
  const others = [
    "",
    " ",
    "{",
    "}",
    "[]",
    "null",
    "7",
    '"Hello"',
    "Hello",
    '[{"a":"Hello"}]',
    TOKEN + "x",
  ];
  for (const text of others) await refused(text, /it is not a JSON object/);
  await refused('{"n":Hello}', /it is not JSON/);
});

Deno.test("what is not the number of a message is refused", async () => {
  for (const n of [-1, 0.5, NaN, Infinity, Number.MAX_SAFE_INTEGER + 1]) {
    await refused(TOKEN, /is not the number of a message/, n);
  }
});
