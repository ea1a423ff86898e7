import assert from "node:assert/strict";
import type { Writable } from "node:stream";
import fc from "fast-check";
import * as ws from "ws";
import { ERRORS } from "../../src/errors.ts";
import { MAX_CONTROL_BYTES, OPCODE } from "../../src/protocol/frame.ts";
import {
  bytesOf,
  clientFrame,
  type ClientFrameOptions,
  concat,
  decode,
  type Decoded,
  RecordingSink,
  slicesAt,
} from "../helpers/client_frames.ts";

/** The receiver of `ws`, which its types leave out. */
const { Receiver } = ws as unknown as {
  Receiver: new (options: {
    isServer: boolean;
    maxPayload: number;
    skipUTF8Validation: boolean;
    allowSynchronousEvents: boolean;
  }) => Writable;
};

/** Limit of a message. */
const MAX = 1000;
/** Longest payload of a frame that is within all limits: a few of them in one message are so too. */
const LONGEST = 140;

/** What either side made of the same slices. */
interface Verdict {
  readonly events: Decoded[];
  /** The close code of the fault, if there was one. */
  readonly fault: number | undefined;
  /** Why, in our words. */
  readonly detail?: string;
}

/** What our decoder makes of `slices`. */
function ours(slices: Uint8Array[]): Verdict {
  const { events, fault, detail } = decode(slices, MAX);
  return { events, fault: fault && ERRORS[fault].close, detail };
}

/** What the receiver of `ws` makes of `slices`. */
async function oracle(slices: Uint8Array[]): Promise<Verdict> {
  const receiver = new Receiver({
    isServer: true,
    maxPayload: MAX,
    skipUTF8Validation: false,
    allowSynchronousEvents: true,
  });
  const sink = new RecordingSink();
  let over = false;
  receiver.on("message", (data: Uint8Array, isBinary: boolean) => {
    if (isBinary) sink.binary(data);
    else sink.events.push(["text", new TextDecoder("utf-8", { ignoreBOM: true }).decode(data)]);
  });
  receiver.on("ping", (data: Uint8Array) => sink.ping(data));
  receiver.on("pong", (data: Uint8Array) => sink.pong(data));
  receiver.on("conclude", (code: number, reason: Uint8Array) => {
    over = true;
    sink.goodbye(code, new TextDecoder().decode(reason));
  });
  receiver.on("error", () => {}); // it comes to the callback of write() as well
  for (const slice of slices) {
    const error = await new Promise((done) => receiver.write(slice, done));
    if (error) return { events: sink.events, fault: statusCode(error) };
    if (over) break;
  }
  return { events: sink.events, fault: undefined };
}

/** The close code that `ws` keeps under a symbol of its own. */
function statusCode(error: object): number {
  const key = Object.getOwnPropertySymbols(error).find(({ description }) =>
    description === "status-code"
  );
  assert.ok(key !== undefined, `not a fault of a frame: ${error}`);
  return (error as Record<symbol, number>)[key];
}

/** A frame before it is encoded. */
type Frame = { readonly payload: Uint8Array } & ClientFrameOptions;

const encode = (frames: Frame[]) =>
  concat(...frames.map(({ payload, ...options }) => clientFrame(payload, options)));

const mask = fc.oneof(
  fc.constant(new Uint8Array(4)),
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
);

/** Text of all scripts, often near the lengths where the header changes its form. */
const textPayload = fc.oneof(
  fc.string({ unit: "binary", maxLength: LONGEST >> 2 }),
  fc.tuple(fc.constantFrom("a", "é", "漢", "\u{1f600}"), fc.integer({ min: 20, max: LONGEST }))
    .map(([unit, length]) => unit.repeat(length / bytesOf(unit).length)),
).map(bytesOf);

const anyPayload = fc.oneof(textPayload, fc.uint8Array({ maxLength: LONGEST }));

const controlPayload = fc.uint8Array({ maxLength: MAX_CONTROL_BYTES });

const closePayload = fc.oneof(
  fc.constant(new Uint8Array(0)),
  fc.tuple(fc.constantFrom(1000, 1001, 1011, 3000, 4001, 4999), fc.string({ maxLength: 30 }))
    .map(([code, reason]) => concat(Uint8Array.of(code >> 8, code), bytesOf(reason))),
);

const control: fc.Arbitrary<Frame> = fc.record({
  opcode: fc.constantFrom(OPCODE.ping, OPCODE.pong),
  payload: controlPayload,
  mask,
});

const goodbye: fc.Arbitrary<Frame> = fc.record({
  opcode: fc.constant(OPCODE.close),
  payload: closePayload,
  mask,
});

/** Where a payload is cut into fragments. */
const fragmentCuts: fc.Arbitrary<number[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<number[]>([]) },
  { weight: 2, arbitrary: fc.array(fc.nat(LONGEST), { maxLength: 4 }) },
);

/** A message cut into frames at any bytes, with control frames between them. */
function messageOf(payload: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Frame[]> {
  const opcode = fc.constantFrom(OPCODE.text, OPCODE.binary);
  const between = fc.array(control, { maxLength: 4 });
  return fc.tuple(payload, opcode, fragmentCuts, between, mask).map(
    ([payload, opcode, cuts, between, mask]) => {
      const places = [0, ...cuts.map((cut) => Math.min(cut, payload.length)).sort((a, b) => a - b)];
      return places.flatMap((from, i): Frame[] => [
        {
          opcode: i === 0 ? opcode : OPCODE.continuation,
          fin: i === places.length - 1,
          payload: payload.subarray(from, places[i + 1] ?? payload.length),
          mask,
        },
        ...(i < places.length - 1 ? between.slice(i, i + 1) : []),
      ]);
    },
  );
}

const message = messageOf(textPayload);

/** What a well-behaved client sends. */
const valid: fc.Arbitrary<Frame[]> = fc.tuple(
  fc.array(fc.oneof(message, control.map((frame) => [frame])), { maxLength: 8 }),
  fc.option(goodbye),
).map(([messages, last]) => [...messages.flat(), ...(last === null ? [] : [last])]);

const dataOpcode = fc.constantFrom(OPCODE.continuation, OPCODE.text, OPCODE.binary);
const controlOpcode = fc.constantFrom(OPCODE.ping, OPCODE.pong, OPCODE.close);

/** A frame that breaks a rule of RFC 6455, alone or where it stands. */
const badFrame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ payload: anyPayload, opcode: dataOpcode, mask: fc.constant(null) }),
  fc.record({ payload: anyPayload, opcode: dataOpcode, rsv: fc.constantFrom(1, 2, 4, 7) }),
  fc.record({ payload: anyPayload, opcode: fc.constantFrom(3, 4, 5, 6, 7, 11, 12, 13, 14, 15) }),
  fc.record({ payload: controlPayload, opcode: controlOpcode, fin: fc.constant(false) }),
  fc.record({
    payload: fc.uint8Array({ minLength: MAX_CONTROL_BYTES + 1, maxLength: LONGEST }),
    opcode: controlOpcode,
  }),
  fc.record({
    payload: fc.uint8Array({ minLength: 1, maxLength: 4 }),
    opcode: fc.constant(OPCODE.close),
  }),
  fc.record({ payload: fc.uint8Array({ maxLength: 12 }), opcode: fc.constant(OPCODE.text) }),
  fc.record({ payload: anyPayload, opcode: dataOpcode, fin: fc.boolean() }),
  fc.record({
    payload: fc.constant(new Uint8Array(0)),
    opcode: dataOpcode,
    announced: fc.oneof(
      fc.bigInt({ min: BigInt(MAX + 1), max: 70_000n }),
      fc.bigInt({ min: 2n ** 31n, max: 2n ** 64n - 1n }),
    ),
  }),
);

/** A message around the limit of its size, in one frame or in fragments. */
const largeMessage = messageOf(
  fc.integer({ min: MAX - 1, max: MAX + LONGEST }).map((length) => new Uint8Array(length)),
);

/** Where to cut what is sent; many cuts make slices of few bytes. */
const sliceCuts: fc.Arbitrary<number[]> = fc.oneof(
  fc.constant<number[]>([]),
  fc.array(fc.nat(3000), { maxLength: 5 }),
  fc.integer({ min: 1, max: 9 }).map((step) => Array.from({ length: 400 }, (_, i) => i * step + 1)),
);

Deno.test("any sequence of valid frames in any slices is what ws makes of it", async () => {
  await fc.assert(
    fc.asyncProperty(valid, sliceCuts, async (frames, cuts) => {
      const bytes = encode(frames);
      const mine = ours(slicesAt(bytes, cuts));
      assert.equal(mine.fault, undefined);
      assert.deepEqual(mine.events, (await oracle(slicesAt(bytes, cuts))).events);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a broken frame among valid ones is judged as ws judges it", async () => {
  const at = fc.nat();
  await fc.assert(
    fc.asyncProperty(
      valid,
      badFrame,
      valid,
      at,
      sliceCuts,
      async (before, bad, after, at, cuts) => {
        // in the middle of what comes before, so that it meets fragmented messages too
        const frames = [...before.slice(0, at % (before.length + 1)), bad, ...after];
        await agree(encode(frames), cuts, bad.announced !== undefined);
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("messages around the limit of their size are judged as ws judges them", async () => {
  await fc.assert(
    fc.asyncProperty(valid, largeMessage, valid, sliceCuts, async (before, large, after, cuts) => {
      const open = before.filter(({ opcode }) => opcode !== OPCODE.close);
      await agree(encode([...open, ...large, ...after]), cuts, false);
    }),
    { numRuns: 300 },
  );
});

Deno.test("frames with bytes changed at random are judged as ws judges them", async () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(valid, changes, sliceCuts, async (frames, changes, cuts) => {
      const bytes = concat(encode(frames), clientFrame("end"));
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      await agree(bytes, cuts, true);
    }),
    { numRuns: 500 },
  );
});

Deno.test("frames in any order are judged as ws judges them", async () => {
  const frame: fc.Arbitrary<Frame> = fc.record({
    opcode: fc.constantFrom(0, 0, 0, 1, 1, 2, 8, 9, 10),
    fin: fc.boolean(),
    payload: fc.oneof(fc.string({ maxLength: 3 }).map(bytesOf), fc.uint8Array({ maxLength: 3 })),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(frame), sliceCuts, (frames, cuts) => {
      return agree(encode(frames), cuts, false);
    }),
    { numRuns: 1000 },
  );
});

/** As many bytes as it takes to complete any frame that is not too big. */
const FILLER = new Uint8Array(14 + MAX);

/**
 * Asserts that both make the same of `bytes`. Three differences are a matter of taste: ours refuses lengths that are
 * not in their shortest form; it may wait for the end of a frame that `ws` refuses at its beginning; and a frame that
 * breaks a rule and is too big (`manyFaults`) it calls too big.
 */
async function agree(bytes: Uint8Array, cuts: number[], manyFaults: boolean): Promise<void> {
  const theirs = await oracle(slicesAt(bytes, cuts));
  const more = theirs.fault === undefined ? [] : [FILLER.slice()];
  const mine = ours([...slicesAt(bytes, cuts), ...more]);
  if (mine.detail?.includes("shortest form")) {
    assert.deepEqual(mine.events, theirs.events.slice(0, mine.events.length));
    return;
  }
  assert.deepEqual(mine.events, theirs.events);
  if (!(manyFaults && mine.fault === 1009 && theirs.fault === 1002)) {
    assert.equal(mine.fault, theirs.fault);
  }
}
