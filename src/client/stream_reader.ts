/**
 * What a relay sends to a consumer → what its reader is told.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { ToConsumer } from "../protocol/control.ts";
import { decodeDataFrame } from "../protocol/data_frame.ts";
import { formatPosition, isPlainEpoch, type Position } from "../protocol/position.ts";
import { TokenText } from "../protocol/token_text.ts";
import type { MessageReader, Reading } from "./message_reader.ts";
import type { StreamEvent } from "./stream_event.ts";

/** Options of {@linkcode StreamReader}. */
export interface StreamReaderOptions {
  /** Reads the messages themselves. */
  readonly messages: MessageReader;
  /** Where to begin. */
  readonly from: "start" | "live" | Position;
  /** Whether another run is followed. */
  readonly followRestart: boolean;
  /** Hand out tokens as text where that can be, which is cheaper (default false). */
  readonly asText?: boolean;
}

/** Bytes of lines read in one go: what is made of them dies before the next ones come, which keeps the heap small. */
const PIECE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Follows one channel over all connections to it, and holds the relay to what it has said: nothing is handed out twice, and
 * nothing that is missing goes without a word. It runs in a browser too.
 *
 * @example
 * ```ts
 * import { MessageReader } from "./message_reader.ts";
 * import { StreamReader } from "./stream_reader.ts";
 * import assert from "node:assert/strict";
 *
 * const messages = await MessageReader.create("job-7", undefined);
 * const reader = new StreamReader({ messages, from: "start", followRestart: true });
 * reader.control({ type: "begin", epoch: "run-1", from: 0, next: 5 });
 * assert.throws(() => reader.control({ type: "gap", from: 3, to: 4 }), { code: "incomplete" });
 * ```
 */
export class StreamReader {
  /** How many messages of the run there were when it began to be read, or was read on after a reconnect. */
  existing = 0;

  readonly #options: StreamReaderOptions;
  readonly #tokens: TokenText | undefined;
  /** Whether a run began to be read here. */
  #begun = false;
  /** The run being read, and the message of it that comes next. */
  #epoch: string | undefined;
  #next = 0;

  constructor(options: StreamReaderOptions) {
    const { from, messages } = this.#options = options;
    if (options.asText && !messages.opens) this.#tokens = new TokenText();
    if (typeof from === "object") {
      this.#epoch = from.epoch;
      this.#next = from.seq;
      messages.seen(from.epoch);
    }
  }

  /** The message that is wanted next; `undefined` before a run has begun, and with a plain relay. */
  get position(): Position | undefined {
    return this.#epoch === undefined ? undefined : { epoch: this.#epoch, seq: this.#next };
  }

  /** What a hello asks for: the position, or where to begin; `undefined` is the oldest message. */
  get wish(): string | undefined {
    const { position } = this;
    if (position !== undefined) return formatPosition(position);
    return this.#options.from === "live" ? "live" : undefined;
  }

  /** Whether a run began to be read, so that nothing but its next message will do. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Whether nothing of the run that is wanted was read yet. */
  get atStart(): boolean {
    return this.#next === 0;
  }

  /**
   * Takes note of a control message.
   *
   * @throws {RelayError} `incomplete` where the relay does not keep to the protocol, `integrity` from {@linkcode MessageReader}.
   */
  control(message: ToConsumer): StreamEvent {
    switch (message.type) {
      case "welcome":
      case "producer":
        return { kind: "producer", state: message.state };
      case "begin":
      case "restart":
        return this.#begin(message);
      case "gap":
        return this.#gap(message.from, message.to);
      case "cancelling":
        return { kind: "cancelling", reached: message.reached, reason: message.reason };
      case "end":
        return this.#end(message);
    }
  }

  /**
   * Reads a data frame.
   *
   * @throws {RelayError} as {@linkcode control}, after what was in order before.
   */
  async *data(frame: Uint8Array): AsyncGenerator<StreamEvent, void, undefined> {
    const { seq, lines } = decodeDataFrame(frame);
    if (this.#epoch === undefined) throw broken("sent data before it said of which run");
    if (seq !== this.#next) {
      throw broken(`sent message ${seq} where ${this.#next} was to come, without saying why`);
    }
    for (const piece of pieces(lines)) {
      const run = this.#tokens?.read(piece);
      if (run !== undefined) {
        this.#next += run.count;
        yield { kind: "text", ...run, position: this.position! };
        continue;
      }
      const reading = await this.#options.messages.lines(decoder.decode(piece));
      this.#next += reading.messages.length;
      yield* handOut(reading, this.position);
    }
  }

  #begin({ type, epoch, from, next }: ToConsumer & { type: "begin" | "restart" }): StreamEvent {
    const restart = type === "restart";
    if (restart) this.#checkRestart(epoch, from);
    else this.#checkBegin(epoch, from);
    // a plain producer does not know the epoch that the relay gave its run
    this.#options.messages.expect(isPlainEpoch(epoch) ? undefined : epoch, from);
    this.#begun = true;
    this.#epoch = epoch;
    this.#next = from;
    this.existing = next;
    return { kind: "begin", epoch, from, restart };
  }

  #checkBegin(epoch: string, from: number): void {
    const known = this.#epoch !== undefined;
    const elsewhere = known
      ? epoch !== this.#epoch || from !== this.#next
      : this.#options.from === "start" && from !== 0;
    if (elsewhere) throw broken("begins elsewhere than it was asked to");
  }

  #checkRestart(epoch: string, from: number): void {
    if (this.#options.followRestart && epoch !== this.#epoch && from === 0) return;
    throw broken("restarts a run that was not to be restarted");
  }

  #gap(from: number, to: number): StreamEvent {
    if (from !== this.#next || to <= from) throw broken("states a gap where there is none");
    this.#options.messages.skipTo(to);
    this.#next = to;
    return { kind: "gap", from, to };
  }

  #end({ type: _, next, ...end }: ToConsumer & { type: "end" }): StreamEvent {
    // a relay that was restarted, and never had all of it, cannot know
    if (next !== this.#next && end.status !== "expired" && end.status !== "lost") {
      throw broken(`ended the run at message ${next}, not ${this.#next}`);
    }
    return { kind: "end", ...end };
  }
}

/** The messages that could be read; what is wrong with the next one comes after them. */
export function* handOut(
  { messages, fault }: Reading,
  position?: Position,
): Generator<StreamEvent> {
  if (messages.length > 0) yield { kind: "messages", messages, position };
  if (fault !== undefined) throw fault;
}

/** A relay that does not keep to the protocol cannot be trusted to be complete. */
export function broken(what: string): RelayError {
  return new RelayError("incomplete", `The relay ${what}`);
}

/** Whole lines, in pieces of about the size above. */
function* pieces(lines: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < lines.length;) {
    const to = lines.length - from <= PIECE_BYTES
      ? lines.length
      : lines.indexOf(NEWLINE, from + PIECE_BYTES - 1) + 1;
    yield lines.subarray(from, to);
    from = to;
  }
}
