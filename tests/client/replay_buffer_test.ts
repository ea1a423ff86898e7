import assert from "node:assert/strict";
import fc from "fast-check";
import { ReplayBuffer } from "../../src/client/replay_buffer.ts";
import { decodeDataFrame, SEQ_BYTES } from "../../src/protocol/data_frame.ts";
import { bytesOf } from "../helpers/client_frames.ts";

/** What the bookkeeping of a batch may count as, bytes: how much it is nobody need know. */
const OVERHEAD_AT_MOST = 512;

/** A call of `push`. */
interface Push {
  readonly seq: number;
  readonly next: number;
  /** Bytes of its frame. */
  readonly bytes: number;
}

/** Something that happens to a buffer; numbers are parts, from 0 to 1, of what is possible. */
type Step =
  | { readonly do: "push"; readonly texts: string[] }
  | { readonly do: "acknowledge" | "stream"; readonly part: number };

const part = fc.double({ min: 0, max: 1, noNaN: true });
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."{}ü€🙂 0"), maxLength: 12 }),
  fc.nat(400).map((size) => "x".repeat(size)),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("push" as const),
    texts: fc.array(text, { minLength: 1, maxLength: 6, size: "max" }),
  }),
  fc.record({ do: fc.constantFrom("acknowledge" as const, "stream" as const), part }),
);

/** The lines of a frame, which begins with the number `seq`. */
function textsIn(frame: Uint8Array, seq: number): string[] {
  const decoded = decodeDataFrame(frame);
  assert.equal(decoded.seq, seq);
  return new TextDecoder().decode(decoded.lines).slice(0, -1).split("\n");
}

/** A buffer beside an array of all messages it was ever given. */
class Model {
  readonly #buffer: ReplayBuffer;
  readonly #texts: string[] = [];
  #acknowledged = 0;
  #first = 0;
  /** The pushes of which messages should be kept. */
  #kept: Push[] = [];

  constructor(maxBytes: number) {
    this.#buffer = new ReplayBuffer(maxBytes);
    assert.equal(this.#buffer.maxBytes, maxBytes);
    this.#check();
  }

  take(step: Step): void {
    if (step.do === "push") this.#push(step.texts);
    else if (step.do === "acknowledge") this.#acknowledge(this.#place(step.part));
    else this.#stream(this.#place(step.part));
    this.#check();
  }

  /** A message that is kept, or the one to come. */
  #place(part: number): number {
    return this.#first + Math.round(part * (this.#texts.length - this.#first));
  }

  #push(texts: string[]): void {
    const seq = this.#texts.length;
    const bytes = SEQ_BYTES + bytesOf(`${texts.join("\n")}\n`).length;
    this.#buffer.push(texts);
    this.#texts.push(...texts);
    this.#kept.push({ seq, next: this.#texts.length, bytes });
  }

  #acknowledge(next: number): void {
    this.#buffer.acknowledge(next);
    this.#acknowledged = next;
  }

  /** Takes all from message `seq` on as an uplink does. */
  #stream(seq: number): void {
    for (let batch; (batch = this.#buffer.frameAt(seq)) !== undefined; seq = batch.next) {
      assert.ok(batch.next > seq && batch.next <= this.#texts.length);
      assert.deepEqual(textsIn(batch.frame, seq), this.#texts.slice(seq, batch.next));
    }
    assert.equal(seq, this.#texts.length, "not all of it");
  }

  /** What always holds. */
  #check(): void {
    const { first, next, acknowledged, full, maxBytes } = this.#buffer;
    assert.deepEqual([next, acknowledged], [this.#texts.length, this.#acknowledged]);
    assert.equal(this.#buffer.frameAt(next), undefined);
    this.#checkForgotten(first, maxBytes);
    const waiting = this.#kept.filter((push) => push.next > acknowledged);
    const [least, most] = boundsOf(waiting);
    if (least >= maxBytes) assert.ok(full, "is full");
    if (most < maxBytes) assert.ok(!full, "is not full");
  }

  #checkForgotten(first: number, maxBytes: number): void {
    const forgotten = this.#kept.filter(({ next }) => next <= first);
    const kept = this.#kept.slice(forgotten.length);
    assert.equal(first, forgotten.at(-1)?.next ?? this.#first, "forgets what was pushed together");
    const newest = forgotten.at(-1);
    if (newest !== undefined) {
      assert.ok(newest.next <= this.#acknowledged, "forgot what was not acknowledged");
      assert.ok(boundsOf([newest, ...kept])[1] > maxBytes, "forgot what there was room for");
    }
    const mayForget = kept.length > 0 && kept[0].next <= this.#acknowledged;
    assert.ok(!mayForget || boundsOf(kept)[0] <= maxBytes, "keeps more than it may");
    this.#first = first;
    this.#kept = kept;
  }
}

/** What `pushes` count as, at least and at most, bytes. */
function boundsOf(pushes: Push[]): [number, number] {
  const bytes = pushes.reduce((sum, push) => sum + push.bytes, 0);
  return [bytes, bytes + pushes.length * OVERHEAD_AT_MOST];
}

/** A buffer that was given `count` messages, one at a time. */
function filled(count: number, maxBytes: number): ReplayBuffer {
  const buffer = new ReplayBuffer(maxBytes);
  for (let i = 0; i < count; i++) buffer.push([`${i}`]);
  return buffer;
}

Deno.test("whatever happens to it, it has what it should, and forgets only what it may", () => {
  const steps = fc.array(step, { maxLength: 60, size: "max" });
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 1000, 4096, 100_000), steps, (maxBytes, steps) => {
      const model = new Model(maxBytes);
      for (const step of steps) model.take(step);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a frame is the number and the lines of what was pushed together", () => {
  const buffer = new ReplayBuffer(1024);
  buffer.push(['{"a":"ü"}']);
  buffer.push(["1", "2", "3"]);
  const [first, second, rest] = [0, 1, 3].map((seq) => buffer.frameAt(seq));
  assert.equal(first?.frame.toHex(), `0000000000000000${bytesOf('{"a":"ü"}\n').toHex()}`);
  assert.equal(second?.frame.toHex(), `0000000000000001${bytesOf("1\n2\n3\n").toHex()}`);
  assert.equal(rest?.frame.toHex(), `0000000000000003${bytesOf("3\n").toHex()}`);
  assert.deepEqual([first?.next, second?.next, rest?.next], [1, 4, 4]);
  assert.equal(buffer.frameAt(4), undefined);
});

Deno.test("an empty buffer has nothing, and is full only where it has no room at all", () => {
  const buffer = new ReplayBuffer(1);
  assert.deepEqual([buffer.first, buffer.next, buffer.acknowledged, buffer.full], [0, 0, 0, false]);
  assert.equal(buffer.frameAt(0), undefined);
  buffer.acknowledge(0);
  assert.equal(new ReplayBuffer(0).full, true);
});

Deno.test("what is not acknowledged is kept, however far over the bound", () => {
  const buffer = filled(1000, 1);
  assert.deepEqual([buffer.first, buffer.next, buffer.full], [0, 1000, true]);
  buffer.acknowledge(999);
  assert.deepEqual([buffer.first, buffer.full], [999, true]);
  assert.deepEqual(textsIn(buffer.frameAt(999)!.frame, 999), ["999"]);
  buffer.acknowledge(1000);
  assert.deepEqual([buffer.first, buffer.next, buffer.full], [1000, 1000, false]);
  buffer.push(["after"]);
  assert.deepEqual(textsIn(buffer.frameAt(1000)!.frame, 1000), ["after"]);
});

Deno.test("a batch of which only a part is acknowledged is kept whole", () => {
  const buffer = new ReplayBuffer(1);
  buffer.push(["1", "2", "3"]);
  buffer.acknowledge(2);
  assert.deepEqual([buffer.first, buffer.full], [0, true]);
  assert.deepEqual(textsIn(buffer.frameAt(0)!.frame, 0), ["1", "2", "3"]);
});

Deno.test("a relay that has lost its memory can be sent all that is kept, acknowledged or not", () => {
  const buffer = filled(100, 1024 * 1024);
  buffer.acknowledge(100);
  assert.deepEqual([buffer.first, buffer.full], [0, false]);
  buffer.acknowledge(0);
  assert.deepEqual([buffer.first, buffer.acknowledged, buffer.full], [0, 0, false]);
  for (let seq = 0; seq < 100; seq++) {
    assert.deepEqual(textsIn(buffer.frameAt(seq)!.frame, seq), [`${seq}`]);
  }
});

Deno.test("what another relay does not have is no longer acknowledged", () => {
  const buffer = new ReplayBuffer(100_000);
  const large = "x".repeat(60_000);
  buffer.push([large]);
  buffer.push([large]);
  assert.deepEqual([buffer.first, buffer.full], [0, true]);
  buffer.acknowledge(2);
  assert.deepEqual([buffer.first, buffer.full], [1, false]);
  buffer.acknowledge(1);
  assert.deepEqual([buffer.first, buffer.acknowledged, buffer.full], [1, 1, false]);
  buffer.push([large]);
  assert.deepEqual([buffer.first, buffer.full], [1, true]);
  assert.deepEqual(textsIn(buffer.frameAt(1)!.frame, 1), [large]);
});

Deno.test("a long run passes through a small buffer, with readers at any place of it", () => {
  const buffer = new ReplayBuffer(64 * 1024);
  for (let i = 0; i < 8000; i++) {
    buffer.push([`${i}`]);
    if (i >= 20) buffer.acknowledge(i - 20);
    const { first, next } = buffer;
    assert.ok(first <= Math.max(0, i - 20) && next === i + 1);
    assert.ok(next - first >= Math.min(next, 100), "forgot what there was room for");
    for (const seq of [i, first, first + i * 7 % (next - first)]) {
      const batch = buffer.frameAt(seq);
      assert.deepEqual([batch?.next, textsIn(batch!.frame, seq)], [seq + 1, [`${seq}`]]);
    }
  }
  assert.ok(buffer.first > 7000, "forgets the oldest");
});

Deno.test("the memory of a forgotten frame is given back at once", () => {
  const buffer = filled(2, 1);
  const [forgotten, kept] = [0, 1].map((seq) => buffer.frameAt(seq)!.frame);
  buffer.acknowledge(1);
  assert.deepEqual([forgotten.length, kept.length], [0, SEQ_BYTES + 2]);
});
