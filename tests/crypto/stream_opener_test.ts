import assert from "node:assert/strict";
import fc from "fast-check";
import { RelayError } from "../../src/errors.ts";
import { Envelope } from "../../src/crypto/envelope.ts";
import { StreamOpener } from "../../src/crypto/stream_opener.ts";
import { StreamSealer } from "../../src/crypto/stream_sealer.ts";
import vectors from "../vectors/envelope.json" with { type: "json" };

type Json = Record<string, unknown>;

const CHANNEL = "job-7";
const LENGTH = 8;
/** Epochs of runs in the order of their starts; the parts after the time are in no order. */
const RUNS = ["0mg3x9k2a-zzzzzzzzzzzz", "0mg3x9k2b-Zk3_b0aTq9-x", "0mg3z0000-AAAAAAAAAAAA"];
const [OLDER, EPOCH, NEWER] = RUNS;
const FAR_FUTURE = "zzzzzzzzz-AAAAAAAAAAAA";

const envelope = await Envelope.create(new Uint8Array(32).map((_, i) => i * 7 + 130));
const otherKey = await Envelope.create(new Uint8Array(32));

const contentOf = (epoch: string, n: number): Json => ({
  type: n === LENGTH - 1 ? "done" : "token",
  content: `${n} of ${epoch.slice(0, 9)} "日本語" 👩‍🚀\n`,
});

/** A run of {@linkcode LENGTH} messages, sealed. */
function sealRun(epoch: string, channel = CHANNEL, key = envelope): Promise<string[]> {
  const sealer = new StreamSealer(key, { channel, epoch, pad: 16 });
  return Promise.all(
    Array.from({ length: LENGTH }, (_, n) => sealer.seal(JSON.stringify(contentOf(epoch, n)), n)),
  );
}

const sealedRuns = await Promise.all(RUNS.map((epoch) => sealRun(epoch)));
const [olderRun, run, newerRun] = sealedRuns;
/** The same messages as a producer seals them that writes no places. */
const unplaced = await Promise.all(
  Array.from({ length: LENGTH }, (_, n) => envelope.seal(JSON.stringify(contentOf(EPOCH, n)))),
);
const otherChannel = await sealRun(EPOCH, "job-8");
/** Everything that a relay may have besides the run. */
const foreign = [
  ...[olderRun, newerRun, unplaced, otherChannel, await sealRun(EPOCH, CHANNEL, otherKey)].flat(),
  ...['{"type":"done"}', '{"type":"error","message":"x"}', "x"],
];

/** An opener at message `n` of a run, `null` where the relay does not say which. */
function openerAt(n: number, epoch: string | null = EPOCH): StreamOpener {
  const opener = new StreamOpener(envelope, { channel: CHANNEL });
  opener.expect(epoch ?? undefined, n);
  return opener;
}

/** An opener that has opened the first `count` messages of the run. */
async function openerAfter(count: number): Promise<StreamOpener> {
  const opener = openerAt(0);
  for (let n = 0; n < count; n++) assert.deepEqual(await opener.open(run[n]), contentOf(EPOCH, n));
  return opener;
}

/** What each of `texts` gives, one after the other or side by side: a message, or an error. */
async function openAll(
  opener: StreamOpener,
  texts: string[],
  sideBySide = false,
): Promise<unknown[]> {
  const fail = (error: unknown) => error;
  if (sideBySide) return await Promise.all(texts.map((text) => opener.open(text).catch(fail)));
  const results: unknown[] = [];
  for (const text of texts) results.push(await opener.open(text).catch(fail));
  return results;
}

function isFault(error: unknown): error is RelayError {
  return error instanceof RelayError && error.code === "integrity";
}

/** Asserts that `text` is refused for the reason given, and that what comes after it is, too. */
async function refused(opener: StreamOpener, text: string, why: RegExp): Promise<void> {
  const [error, ...later] = await openAll(opener, [text, ...run, text]);
  assert.ok(isFault(error), `${error}`);
  assert.match(error.message, why);
  assert.doesNotMatch(error.message, /job-|0mg3|日本語/);
  assert.ok(later.every((one) => one === error));
}

const integrity = (message: RegExp) => ({ name: "RelayError", code: "integrity", message });

/** One text with a bit of its ciphertext flipped. */
function flipped(text: string, bit: number): string {
  const bytes = Uint8Array.fromBase64(JSON.parse(text).d);
  const at = bit % (bytes.length * 8);
  bytes[at >> 3] ^= 1 << (at & 7);
  return JSON.stringify({ type: "enc", d: bytes.toBase64() });
}

Deno.test("a whole run is opened as it was before it was sealed", async () => {
  for (const epoch of [EPOCH, null]) {
    for (const sideBySide of [false, true]) {
      const opener = openerAt(0, epoch);
      assert.equal(opener.proven, undefined);
      const messages = await openAll(opener, run, sideBySide);
      assert.deepEqual(messages, run.map((_, n) => contentOf(EPOCH, n)));
      assert.equal(opener.proven, true);
      assert.equal(opener.next, LENGTH);
    }
  }
});

Deno.test("where expect is never called, any run is read from its beginning", async () => {
  const opener = new StreamOpener(envelope, { channel: CHANNEL });
  assert.deepEqual(await opener.open(run[0]), contentOf(EPOCH, 0));
});

Deno.test("any object is opened as it was before it was sealed", async () => {
  const objects = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue())
    .filter((object) => !["ch", "ep", "n", "p"].some((name) => Object.hasOwn(object, name)));
  const pads = fc.constantFrom(undefined, 1, 100);
  const each = fc.asyncProperty(objects, fc.maxSafeNat(), pads, async (object, n, pad) => {
    const text = JSON.stringify(object); // drops the sign of -0
    const sealer = new StreamSealer(envelope, { channel: CHANNEL, epoch: EPOCH, pad });
    assert.equal(JSON.stringify(await openerAt(n).open(await sealer.seal(text, n))), text);
  });
  await fc.assert(each);
});

Deno.test("messages sealed by Python's cryptography, with their places, are opened", async () => {
  const placed = vectors.filter(({ plaintext }) => plaintext.includes('"ep":'));
  assert.equal(placed.length, 2);
  for (const { key_hex, envelope: sealed, plaintext } of placed) {
    const { ch, ep, n, p: _p, ...message } = JSON.parse(plaintext);
    const opener = new StreamOpener(await Envelope.create(key_hex), { channel: ch });
    opener.expect(ep, n);
    assert.deepEqual(await opener.open(sealed), message);
    assert.equal(opener.proven, true);
  }
});

/** Ways to spoil a list of messages at place `a`; `b` is any number. */
const spoil = {
  drop: (texts: string[], a: number) => texts.toSpliced(a, 1),
  dropSome: (texts: string[], a: number, b: number) => texts.toSpliced(a, b % LENGTH),
  repeat: (texts: string[], a: number, b: number) => texts.toSpliced(b % LENGTH, 0, texts[a]),
  swap: (texts: string[], a: number, b: number) => {
    const c = b % texts.length;
    return texts.with(a, texts[c]).with(c, texts[a]);
  },
  reverse: (texts: string[], a: number) => [...texts.slice(0, a), ...texts.slice(a).reverse()],
  inject: (texts: string[], a: number, b: number) =>
    texts.toSpliced(a, 0, foreign[b % foreign.length]),
  replace: (texts: string[], a: number, b: number) => texts.with(a, foreign[b % foreign.length]),
  splice: (texts: string[], a: number, b: number) => [
    ...texts.slice(0, a),
    ...[olderRun, newerRun, otherChannel, unplaced][b % 4].slice(a),
  ],
  truncate: (texts: string[], a: number) => texts.slice(0, a),
  flip: (texts: string[], a: number, b: number) =>
    texts[a].startsWith('{"type":"enc"') ? texts.with(a, flipped(texts[a], b)) : texts,
};

/** How many of `texts` may be handed out: those that are one run from its beginning, or all without places. */
function goodOnes(texts: string[], announced: string | null): number {
  const any = [...sealedRuns, unplaced].find((sealed) => sealed[0] === texts[0]);
  const expected = announced === null ? any : run;
  const good = unplaced.includes(texts[0])
    ? (text: string) => unplaced.includes(text)
    : (text: string, i: number) => text === expected?.[i];
  const wrong = texts.findIndex((text, i) => !good(text, i));
  return wrong < 0 ? texts.length : wrong;
}

const contents = new Map([
  ...sealedRuns.flatMap((sealed, k) =>
    sealed.map((text, n) => [text, contentOf(RUNS[k], n)] as const)
  ),
  ...unplaced.map((text, n) => [text, contentOf(EPOCH, n)] as const),
]);

for (const [name, first] of Object.entries(spoil)) {
  Deno.test(`${name}: what comes before the first wrong message is handed out, and nothing after`, async () => {
    const more = fc.array(fc.constantFrom(...Object.values(spoil)), { maxLength: 2 });
    const at = fc.array(fc.nat(), { minLength: 6, maxLength: 6 });
    const how = fc.record({ announced: fc.constantFrom(EPOCH, null), sideBySide: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(more, at, how, async (others, at, { announced, sideBySide }) => {
        let texts = run;
        for (const [i, change] of [first, ...others].entries()) {
          if (texts.length > 0) texts = change(texts, at[2 * i] % texts.length, at[2 * i + 1]);
        }
        const good = goodOnes(texts, announced);
        const results = await openAll(openerAt(0, announced), texts, sideBySide);
        assert.deepEqual(results.slice(0, good), texts.slice(0, good).map((t) => contents.get(t)));
        assert.ok(results.slice(good).every(isFault), `not all refused from ${good} on`);
        assert.ok(new Set(results.slice(good)).size <= 1, "a later failure is another one");
      }),
    );
  });
}

Deno.test("each single message that is dropped, repeated or exchanged is told by its number", async () => {
  for (let n = 0; n < LENGTH - 1; n++) {
    const dropped = new RegExp(`: message ${n + 1} where ${n} was expected: the relay dropped, `);
    await refused(await openerAfter(n), run[n + 1], dropped);
    const repeated = new RegExp(`: message ${n} where ${n + 1} was expected`);
    await refused(await openerAfter(n + 1), run[n], repeated);
  }
});

Deno.test("a message of another channel or run, or with a bit flipped, is told as such", async () => {
  for (const n of [0, 1, 5]) {
    await refused(await openerAfter(n), otherChannel[n], /belongs to another channel/);
    await refused(await openerAfter(n), olderRun[n], /belongs to another run of the channel/);
    await refused(await openerAfter(n), newerRun[n], /belongs to another run of the channel/);
    await refused(await openerAfter(n), flipped(run[n], 200), /altered on the way/);
    await refused(await openerAfter(n), '{"type":"done"}', /it is not encrypted/);
  }
});

Deno.test("a run nobody announced is fixed by its first message", async () => {
  const opener = openerAt(0, null);
  assert.deepEqual(await opener.open(newerRun[0]), contentOf(NEWER, 0));
  await refused(opener, run[1], /another run/);
});

/** Text sealed without a look at it. */
const place = (fields: Json) =>
  envelope.seal(JSON.stringify({ type: "token", content: "日本語", ...fields }));

Deno.test("a place that is incomplete or of wrong types is refused", async () => {
  const whole = { ch: CHANNEL, ep: EPOCH, n: 0, p: "" };
  const { ch, ep, n } = whole;
  const partial = [{ ch }, { ep }, { n }, { ch, ep }, { ch, n }, { ep, n }, { n, p: "" }];
  const wrong = [
    ...["0", null, -1, 0.5, 1e300, Number.MAX_SAFE_INTEGER + 1, [0], true].map((n) => ({ n })),
    ...[7, null, ["job-7"], {}].flatMap((other) => [{ ch: other }, { ep: other }]),
    ...[7, null, [], {}].map((p) => ({ p })),
  ].map((change) => ({ ...whole, ...change }));
  for (const fields of [...partial, ...wrong]) {
    for (const epoch of [EPOCH, null]) {
      const opener = openerAt(0, epoch);
      await refused(opener, await place(fields), /incomplete or malformed/);
      assert.equal(opener.proven, undefined);
    }
  }
  assert.deepEqual(await openerAt(0).open(await place(whole)), {
    type: "token",
    content: "日本語",
  });
});

Deno.test("an authentic message that is no JSON object is refused", async () => {
  for (const text of ["", "x", "\ufeff{}", '{"type":']) {
    await refused(openerAt(0), await envelope.seal(text), /a message is not JSON\./);
  }
  for (const text of ["null", "7", '"x"', "[]", '[{"type":"token"}]']) {
    await refused(openerAt(0), await envelope.seal(text), /a message is not a JSON object/);
  }
});

Deno.test("a producer that writes no places is read, without a proof", async () => {
  for (const epoch of [EPOCH, null]) {
    const opener = openerAt(3, epoch);
    for (const n of [3, 4, 4, 6]) {
      assert.deepEqual(await opener.open(unplaced[n]), contentOf(EPOCH, n));
      assert.equal(opener.proven, false);
    }
    assert.equal(opener.next, 7);
  }
});

Deno.test("a p without a place is the message's own", async () => {
  const text = '{"type":"progress","p":0.5}';
  const opener = openerAt(0);
  assert.deepEqual(await opener.open(await envelope.seal(text)), { type: "progress", p: 0.5 });
  assert.equal(opener.proven, false);
});

Deno.test("messages with and without a place are not mixed, after a restart neither", async () => {
  await refused(await openerAfter(2), unplaced[2], /with and without their place/);
  const plain = openerAt(0);
  await plain.open(unplaced[0]);
  await refused(plain, run[1], /with and without their place/);

  const restarted = await openerAfter(2);
  restarted.expect(NEWER, 0);
  await refused(restarted, unplaced[0], /with and without their place/);
  assert.equal(restarted.proven, true);
});

Deno.test("after a reconnect the run goes on where it was", async () => {
  for (const before of [EPOCH, null]) {
    for (const after of [EPOCH, undefined]) {
      const opener = openerAt(0, before);
      await openAll(opener, run.slice(0, 3));
      for (const n of [0, 2, 4, LENGTH]) {
        const why = new RegExp(`message ${n} where 3 was expected`);
        assert.throws(() => opener.expect(after, n), integrity(why));
      }
      opener.expect(after, 3);
      assert.deepEqual(await opener.open(run[3]), contentOf(EPOCH, 3));
    }
  }
});

Deno.test("before its first message, a run may be announced at any number", async () => {
  const opener = openerAt(0);
  for (const n of [5, 2]) opener.expect(EPOCH, n);
  assert.equal(opener.next, 2);
  assert.deepEqual(await opener.open(run[2]), contentOf(EPOCH, 2));
});

Deno.test("a run that nobody announced before is checked against the one announced later", async () => {
  const opener = openerAt(0, null);
  const opening = opener.open(run[0]);
  opener.expect(NEWER, 1);
  await assert.rejects(opening, integrity(/another run/));
});

Deno.test("a restart goes on with the newer run", async () => {
  const opener = await openerAfter(3);
  opener.expect(NEWER, 0);
  assert.equal(opener.next, 0);
  assert.deepEqual(await openAll(opener, newerRun), newerRun.map((_, n) => contentOf(NEWER, n)));
});

Deno.test("after a restart, the messages of the run before are refused", async () => {
  for (const n of [0, 3]) {
    const opener = await openerAfter(3);
    opener.expect(NEWER, n);
    await refused(opener, run[n], /belongs to another run/);
  }
});

Deno.test("an older run is refused when it is announced", async () => {
  const opener = await openerAfter(3);
  const sameTime = EPOCH.slice(0, 10) + "zzzzzzzzzzzz"; // greater as a whole, but not in its time
  for (const epoch of [OLDER, sameTime, "000000000-zzzzzzzzzzzz"]) {
    assert.throws(() => opener.expect(epoch, 0), integrity(/the relay replays an older run/));
  }
  assert.deepEqual(await opener.open(run[3]), contentOf(EPOCH, 3)); // it is still the run that is read
  opener.expect(NEWER, 0);
  await opener.open(newerRun[0]);
  assert.throws(() => opener.expect(EPOCH, 4), integrity(/the relay replays an older run/));
});

Deno.test("a run that an earlier reader has seen is read on, an older one is not", async () => {
  const opener = new StreamOpener(envelope, { channel: CHANNEL });
  opener.seen(EPOCH);
  assert.throws(() => opener.expect(OLDER, 0), integrity(/the relay replays an older run/));
  opener.expect(EPOCH, 2);
  assert.deepEqual(await opener.open(run[2]), contentOf(EPOCH, 2));
  assert.throws(() => opener.expect(EPOCH, 0), integrity(/message 0 where 3/));
  opener.expect(NEWER, 0);
  assert.deepEqual(await opener.open(newerRun[0]), contentOf(NEWER, 0));
});

Deno.test("a run whose age is not known is taken, and does not make way for older ones", async () => {
  const unknown = "0-another-kind-of-epoch"; // it sorts before the others, which says nothing
  const opener = await openerAfter(3);
  opener.expect(unknown, 0);
  await opener.open((await sealRun(unknown))[0]);
  assert.throws(() => opener.expect(OLDER, 0), integrity(/the relay replays an older run/));
  assert.throws(() => opener.expect(EPOCH, 3), integrity(/the relay replays an older run/));
  opener.expect(NEWER, 0);
  await opener.open(newerRun[0]);
});

Deno.test("an older run announced before the newer one is proven is refused by its first message", async () => {
  const opener = openerAt(0);
  const first = opener.open(run[0]);
  opener.expect(OLDER, 0); // the decryption of run[0] is still under way
  const second = opener.open(olderRun[0]);
  assert.deepEqual(await first, contentOf(EPOCH, 0));
  await assert.rejects(second, integrity(/the relay replays an older run/));
});

Deno.test("a forged announcement blocks neither the run that is read nor the next one", async () => {
  const opener = await openerAfter(3);
  opener.expect(FAR_FUTURE, 0);
  assert.throws(() => opener.expect(EPOCH, 5), integrity(/message 5 where 3/)); // no way to skip two
  assert.throws(() => opener.expect(OLDER, 0), integrity(/older run/));
  opener.expect(EPOCH, 3);
  assert.deepEqual(await opener.open(run[3]), contentOf(EPOCH, 3));
  opener.expect(FAR_FUTURE, 0);
  opener.expect(NEWER, 0);
  assert.deepEqual(await opener.open(newerRun[0]), contentOf(NEWER, 0));
});

Deno.test("a forged announcement before the first message does not block the run", async () => {
  const opener = openerAt(0, FAR_FUTURE);
  opener.expect(EPOCH, 0);
  assert.deepEqual(await opener.open(run[0]), contentOf(EPOCH, 0));
});

Deno.test("an announcement does not make the messages of an older run its own", async () => {
  const opener = await openerAfter(3);
  opener.expect(FAR_FUTURE, 0);
  await refused(opener, olderRun[0], /belongs to another run/);
});

Deno.test("no announcement in between lets messages of a run be skipped, whatever its epoch is", async () => {
  const odd = await sealRun("another-kind-of-epoch");
  const opener = openerAt(0, "another-kind-of-epoch");
  await openAll(opener, odd.slice(0, 2));
  for (const other of [EPOCH, FAR_FUTURE, "a-third"]) {
    opener.expect(other, 0);
    assert.throws(() => opener.expect("another-kind-of-epoch", 4), integrity(/message 4 where 2/));
  }
});

Deno.test("a gap that the relay states is skipped, but never backwards", async () => {
  const opener = await openerAfter(3);
  assert.throws(() => opener.skipTo(2), integrity(/message 2 where 3 was expected/));
  opener.skipTo(3);
  opener.skipTo(6);
  assert.equal(opener.next, 6);
  assert.deepEqual(await opener.open(run[6]), contentOf(EPOCH, 6));
  opener.skipTo(LENGTH);
  await refused(opener, run[7], /message 7 where 8 was expected/);
});

Deno.test("numbers that are none are refused", () => {
  const opener = openerAt(0);
  for (const n of [-1, 0.5, NaN, Infinity, Number.MAX_SAFE_INTEGER + 1]) {
    assert.throws(() => opener.expect(EPOCH, n), integrity(/number of a message that is none/));
    assert.throws(() => opener.skipTo(n), integrity(/number of a message that is none/));
  }
  assert.equal(opener.next, 0);
});

Deno.test("a failure is final: no announcement makes up for it", async () => {
  const opener = await openerAfter(1);
  await refused(opener, run[2], /message 2 where 1/);
  opener.expect(NEWER, 0);
  await assert.rejects(opener.open(newerRun[0]), integrity(/message 2 where 1/));
});

/**
 * Runs `body` with decryptions that end when it says so: `release(i)` lets the one that began as number `i` go on, and
 * resolves when it has ended.
 */
async function withHeldDecryption(
  body: (release: (i: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const { subtle } = crypto;
  const { decrypt } = subtle;
  const held: { go: () => void; ended: Promise<void> }[] = [];
  subtle.decrypt = (params, key, data) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const result = promise.then(() => decrypt.call(subtle, params, key, data));
    held.push({ go: resolve, ended: result.then(() => {}, () => {}) });
    return result;
  };
  try {
    await body(async (i) => {
      held[i].go();
      await held[i].ended;
    });
  } finally {
    subtle.decrypt = decrypt;
  }
}

/** Lets everything run that can run without waiting for another thread, unhandled rejections included. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("decryptions that end in any order are handed out in the order of the calls", async () => {
  const orders = fc.shuffledSubarray([...run.keys()], { minLength: LENGTH });
  const each = (order: number[]) =>
    withHeldDecryption(async (release) => {
      const opener = openerAt(0);
      const settled: unknown[] = [];
      const opening = run.map((text) => opener.open(text).then((message) => settled.push(message)));
      assert.equal(opener.next, LENGTH);
      for (const i of order) await release(i);
      await Promise.all(opening);
      assert.deepEqual(settled, run.map((_, n) => contentOf(EPOCH, n)));
    });
  await fc.assert(fc.asyncProperty(orders, each));
});

Deno.test("a message decrypted before an earlier one fails is not handed out", async () => {
  await withHeldDecryption(async (release) => {
    const opener = openerAt(0);
    const results = openAll(opener, [run[0], run[2], run[2], run[3]], true);
    for (const i of [3, 2, 1, 0]) await release(i);
    const [first, ...others] = await results;
    assert.deepEqual(first, contentOf(EPOCH, 0));
    assert.ok(others.every((one) => isFault(one) && /message 2 where 1/.test(one.message)));
  });
});

Deno.test("of two failures that of the earlier call counts, whichever comes first", async () => {
  await withHeldDecryption(async (release) => {
    const opener = openerAt(0);
    const settled: number[] = [];
    const results = [run[0], run[2], flipped(run[2], 99)].map((text, i) =>
      opener.open(text).finally(() => settled.push(i)).catch((error) => error)
    );
    await release(2);
    await turn();
    assert.deepEqual(settled, []);
    for (const i of [1, 0]) await release(i);
    const [, second, third] = await Promise.all(results);
    assert.match(second.message, /message 2 where 1/);
    assert.equal(third, second);
    assert.deepEqual(settled, [0, 1, 2]);
  });
});

Deno.test("each message has the place that was expected when it was given", async () => {
  const opener = openerAt(0);
  const opening = [opener.open(run[0]), opener.open(run[1])];
  opener.skipTo(5);
  opening.push(opener.open(run[5]));
  opener.expect(FAR_FUTURE, 0);
  opener.expect(EPOCH, 6);
  opening.push(opener.open(run[6]));
  opener.expect(NEWER, 2);
  opening.push(opener.open(newerRun[2]));
  const expected = [0, 1, 5, 6].map((n) => contentOf(EPOCH, n)).concat(contentOf(NEWER, 2));
  assert.deepEqual(await Promise.all(opening), expected);
});

Deno.test("failures that nobody waits for any more do not end the process", async () => {
  const unhandled: unknown[] = [];
  const listen = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", listen);
  try {
    await withHeldDecryption(async (release) => {
      const opener = openerAt(0);
      const first = opener.open(flipped(run[0], 99));
      for (const text of [flipped(run[1], 99), run[2], "x"]) opener.open(text);
      for (const i of [1, 2, 0]) await release(i);
      await assert.rejects(first, integrity(/altered on the way/));
      await turn();
    });
  } finally {
    globalThis.removeEventListener("unhandledrejection", listen);
  }
  assert.deepEqual(unhandled, []);
});

/** What a relay can do to an opener. Runs are given by their index in {@linkcode RUNS}. */
type Action =
  | { readonly do: "announce"; readonly run: number | undefined; readonly n: number }
  | { readonly do: "skip"; readonly to: number }
  | { readonly do: "deliver"; readonly run: number; readonly n: number }
  | { readonly do: "deliver what is next" };

const someRun = fc.nat(RUNS.length - 1);
const someNumber = fc.nat(LENGTH - 1);
const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: fc.constant({ do: "deliver what is next" as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("announce" as const),
      run: fc.option(someRun, { nil: undefined }),
      n: fc.oneof(fc.constant(0), someNumber),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("skip" as const), to: someNumber }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("deliver" as const), run: someRun, n: someNumber }),
  },
);

/** Delivers messages to an opener, and asserts what must hold of those that it hands out. */
class Witness {
  readonly opener = new StreamOpener(envelope, { channel: CHANNEL });
  /** The run that comes next, for all that was announced. */
  run = 0;
  #delivered: number | undefined;
  /** What was announced or stated as missing since the last message, and taken. */
  #begin: number | undefined = 0;
  #gapTo: number | undefined;
  #handedOut: { readonly run: number; readonly n: number } | undefined;
  #failed = false;

  announce(run: number | undefined, n: number): void {
    this.opener.expect(run === undefined ? undefined : RUNS[run], n);
    this.run = run ?? this.#delivered ?? this.run;
    this.#begin = n;
  }

  skip(to: number): void {
    this.opener.skipTo(to);
    this.#gapTo = to;
  }

  async deliver(run: number, n: number): Promise<void> {
    const [begin, gapTo] = [this.#begin, this.#gapTo];
    this.#begin = this.#gapTo = undefined;
    this.#delivered = run;
    const result = await this.opener.open(sealedRuns[run][n]).catch((error) => error);
    if (isFault(result)) return void (this.#failed = true);
    assert.ok(!this.#failed, "a message was handed out after a failure");
    assert.deepEqual(result, contentOf(RUNS[run], n));
    const last = this.#handedOut;
    const next = last?.run === run ? last.n + 1 : begin;
    assert.ok(run >= (last?.run ?? 0), "an older run was handed out");
    const right = n === next || n === gapTo && next !== undefined && n > next;
    assert.ok(right, `${n} came, where ${next} or ${gapTo} was stated`);
    this.#handedOut = { run, n };
  }
}

Deno.test("whatever a relay says and sends, runs come in their order and without gaps it did not state", async () => {
  const each = async (list: Action[], sideBySide: boolean) => {
    const witness = new Witness();
    const delivering: Promise<void>[] = [];
    for (const action of list) {
      try {
        if (action.do === "announce") witness.announce(action.run, action.n);
        if (action.do === "skip") witness.skip(action.to);
      } catch (error) {
        assert.ok(isFault(error)); // refused: nothing has changed
      }
      const next = { run: witness.run, n: witness.opener.next };
      const { run, n } = action.do === "deliver" ? action : next;
      if (action.do.startsWith("deliver") && n < LENGTH) delivering.push(witness.deliver(run, n));
      if (!sideBySide) await delivering.at(-1);
    }
    await Promise.all(delivering);
  };
  const lists = fc.array(actions, { maxLength: 30, size: "max" });
  await fc.assert(fc.asyncProperty(lists, fc.boolean(), each), { numRuns: 300 });
});
