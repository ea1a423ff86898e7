/**
 * One WebSocket connection, whatever it is used for.
 *
 * @module
 */

import type { Socket } from "node:net";
import { getLogger } from "@logtape/logtape";
import { RelayError } from "../../errors.ts";
import { SEQ_BYTES } from "../../protocol/data_frame.ts";
import { closeFrame, controlFrame, OPCODE } from "../../protocol/frame.ts";
import { FrameDecoder, type FrameSink } from "../../protocol/frame_decoder.ts";
import type { Lease } from "../leases.ts";
import type { RelayLimits } from "../limits.ts";
import type { Rate } from "../rate.ts";
import { freeFrame } from "./free_frame.ts";
import { SocketWriter } from "./socket_writer.ts";
import { Throttle } from "./throttle.ts";

/** What a connection is used for: a producer, a consumer, a client that has yet to show its credential. */
export interface Handler {
  /** Text messages came; see {@linkcode FrameSink.texts}. */
  texts(records: Uint8Array, count: number, last: number): void;
  /** A binary message came; see {@linkcode FrameSink.binary}. Where it is missing none is accepted. */
  binary?(payload: Uint8Array, ascii: boolean): void;
  /** All that was read in one go has been handed on. */
  flush(): void;
  /** Everything sent is written, after a `send` that returned `false`. */
  drained(): void;
  /** The connection is over; called once with the close code of the peer's goodbye: 1005 where it gave none, 1006 where there was no goodbye. */
  gone(code: number): void;
  /** The relay is shutting down and the connection about to be closed: the last chance to say so. */
  drain(): void;
  /** Called every second or so. */
  tick?(): void;
}

/** How long a peer that is refused or broke a rule has to take its goodbye before the socket is destroyed, ms. */
const FAULT_PATIENCE_MS = 3_000;

const logger = getLogger(["streamrelay", "relay"]);

/** Chunks from this size on are freed by hand, bytes. */
const WORTH_FREEING = 4096;

const PING = controlFrame(OPCODE.ping);

/**
 * Owns a socket after its handshake: feeds the decoder, answers pings and closes, and ends the connection with the
 * right code when a peer breaks a rule. Reading and writing both follow the socket's own backpressure.
 */
export class Connection implements FrameSink {
  /** What the messages go to. */
  handler!: Handler;
  /** Reads the peer's frames. */
  readonly decoder: FrameDecoder;

  readonly #socket: Socket;
  readonly #limits: RelayLimits;
  readonly #clock: { readonly now: number };
  /** When the peer last sent or took anything, ms. */
  #heardAt: number;
  #pingedAt = 0;
  readonly #writer: SocketWriter;
  #closeBy = 0;
  #closePatience = 0;
  #hangingUp = false;
  #expectBy = 0;
  #late: RelayError | undefined;
  #gone = false;
  /** Whether nothing is read until a verdict is there. */
  #held = false;
  #decoding = false;
  /** Whether the decoder was stopped because of a debt. */
  #keptBack = false;
  #throttle: Throttle | undefined;
  #lease: { lease: Lease; mayReturn: boolean } | undefined;

  constructor(socket: Socket, limits: RelayLimits, clock: { readonly now: number }) {
    this.#socket = socket;
    this.#limits = limits;
    this.#clock = clock;
    this.#heardAt = clock.now;
    this.decoder = new FrameDecoder(this, limits.maxMessageBytes);
    this.#writer = new SocketWriter(socket, {
      clock,
      taken: () => this.#taken(),
      emptied: () => this.#emptied(),
    });
  }

  /** Begins to read; `head` is what came with the handshake. */
  open(head: Uint8Array): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.on("data", (chunk: Uint8Array) => this.#received(chunk));
    socket.on("end", () => socket.end());
    socket.on("error", () => socket.destroy()); // a reset is an ending like others: `close` follows
    socket.on("close", () => this.#over(1006));
    if (head.length > 0) this.#received(head);
  }

  /** Whether there is nobody left to say anything to but goodbye. */
  get ending(): boolean {
    return this.#gone || this.#closeBy > 0;
  }

  /**
   * Reads nothing, and hands nothing on of what was read, until `verdict` is there: not a message of a client gets further
   * before it is let in. Fails where the verdict is a rejection. The decoder must be in `single` mode.
   */
  hold(verdict: Promise<void>): void {
    this.#held = true;
    this.decoder.hold();
    this.#socket.pause();
    void verdict.catch((error) => this.#reject(error)).then(() => this.#release());
  }

  /** Keeps what is read to a producer's `rate`, where there is one; so, too, what came along with its first message. */
  throttle(rate: Rate | undefined): void {
    if (rate === undefined) return;
    this.#throttle = new Throttle({
      source: { pause: () => this.#socket.pause(), resume: () => this.#readOn() },
      rate,
      feed: (bytes) => this.#decode(bytes),
      free: (bytes) => this.#free(bytes),
    });
    if (!this.#decoding || rate.waitMs(performance.now()) === 0) return;
    this.decoder.hold();
    this.#keptBack = true;
  }

  /**
   * Renews `lease` as long as the connection lives, and releases it with the end of the stream: a producer that `mayReturn`
   * ends its stream with a goodbye of code 1000, another one with its connection.
   */
  lease(lease: Lease, { mayReturn }: { mayReturn: boolean }): void {
    this.#lease = { lease, mayReturn };
  }

  /**
   * Writes whole frames. `true`: the system has taken them. `false`: they are still being read from, and the next call
   * should wait for {@linkcode Handler.drained}.
   */
  send(frames: Uint8Array): boolean {
    if (this.#closeBy > 0) return false;
    return this.#writer.write(frames);
  }

  /**
   * Says goodbye after all that was sent, and hangs up once the peer has answered (RFC 6455 §7.1.1): hung up on at once,
   * a client that still has messages to read takes the stream for broken. A peer that neither answers nor takes anything
   * for `patienceMs` is cut off; by default that is as long as a slow reader has.
   */
  close(code: number, reason: string, patienceMs: number = this.#limits.stallTimeoutMs): void {
    if (this.#closeBy > 0) return;
    this.#closePatience = patienceMs;
    this.#closeBy = this.#clock.now + patienceMs;
    this.#writer.write(closeFrame(code, reason));
    this.#throttle?.release(); // the peer's answer is to be read
  }

  /** Ends the connection because of `error`; a peer that may still have much to read is waited for (`patient`). */
  fail(error: RelayError, { patient = false } = {}): void {
    const { row: { close }, peerText, message } = error;
    if (this.#closeBy === 0) {
      logger.debug("connection closed {close}: {message}", { close, message });
    }
    this.close(close, peerText, patient ? undefined : FAULT_PATIENCE_MS);
  }

  /** Something is expected from the peer within `ms`, or (`undefined`) no longer; else it fails with `error`. */
  expectBy(ms: number | undefined, error: RelayError = new RelayError("unauthorized")): void {
    this.#expectBy = ms === undefined ? 0 : this.#clock.now + ms;
    this.#late = error;
  }

  /** Closes because the relay is shutting down. */
  drain(): void {
    this.handler.drain();
    this.fail(new RelayError("draining"));
  }

  /** Keeps the time limits; called every second or so. */
  sweep(): void {
    const limits = this.#limits;
    const now = this.#clock.now;
    const { blockedAt } = this.#writer;
    if (this.#closeBy > 0) {
      if (now > this.#closeBy) this.#socket.destroy();
    } else if (this.#expectBy > 0 && now > this.#expectBy) {
      this.fail(this.#late!);
    } else if (blockedAt > 0) {
      if (now - blockedAt > limits.stallTimeoutMs) this.fail(new RelayError("too_slow"));
    } else if (now - this.#heardAt > limits.deadAfterMs && !this.#throttle?.paused) {
      this.#socket.destroy();
    } else if (now - Math.max(this.#heardAt, this.#pingedAt) > limits.pingIntervalMs) {
      this.#pingedAt = now;
      this.send(PING);
    }
    if (this.ending) return;
    this.#lease?.lease.renew();
    this.handler.tick?.();
  }

  texts(records: Uint8Array, count: number, last: number): void {
    if (this.#closeBy > 0) return;
    this.#throttle?.spend(count, records.length);
    this.handler.texts(records, count, last);
  }

  binary(payload: Uint8Array, ascii: boolean): void {
    if (this.#closeBy > 0) return;
    if (this.handler.binary === undefined) throw new RelayError("bad_data");
    this.#throttle?.spend(countLines(payload), payload.length);
    this.handler.binary(payload, ascii);
  }

  ping(payload: Uint8Array): void {
    // a peer that floods us with pings and reads no pong gets none
    if (this.#writer.blockedAt === 0) this.send(controlFrame(OPCODE.pong, payload));
  }

  pong(): void {}

  goodbye(code: number): void {
    this.#over(code);
    this.close(code === 1005 ? 1000 : code, "");
    this.#hangUp();
  }

  #received(chunk: Uint8Array): void {
    this.#heardAt = this.#clock.now;
    if (this.#throttle !== undefined) return this.#throttle.take(chunk);
    this.#decode(chunk);
    // what was read has been copied to where it is kept: freeing it now instead of at the next collection lets the
    // allocator hand out the same warm pages again (measured: a third of all CPU time went into clearing fresh ones)
    if (chunk.byteLength >= WORTH_FREEING && chunk.byteLength === chunk.buffer.byteLength) {
      (chunk.buffer as ArrayBuffer).transfer(0);
    }
  }

  /** Takes `bytes`, or what the decoder has kept. */
  #decode(bytes?: Uint8Array): void {
    let fault: unknown;
    this.#decoding = true;
    try {
      if (bytes === undefined) this.decoder.release();
      else this.decoder.feed(bytes);
    } catch (error) {
      fault = error;
    }
    this.#decoding = false;
    this.handler.flush(); // also what came before a fault
    if (fault !== undefined) this.#fault(fault);
    if (!this.#keptBack) return;
    this.#keptBack = false;
    this.#decodeKept();
  }

  /** Takes what the decoder has kept, when the producer's rate allows. */
  #decodeKept(): void {
    if (this.#throttle === undefined || this.decoder.bufferedBytes === 0) return this.#decode();
    this.#throttle.begin(() => this.#decode());
  }

  /** Reads on after a {@linkcode hold}. */
  #release(): void {
    this.#held = false;
    this.#decodeKept();
    if (!this.#throttle?.paused) this.#readOn();
  }

  #readOn(): void {
    this.#heardAt = this.#clock.now; // it could not be heard before
    if (!this.#held) this.#socket.resume();
  }

  /** Size of the frame that begins `bytes`, where a producer that was too fast may send it all the same. */
  #free(bytes: Uint8Array): number {
    if (this.decoder.bufferedBytes > 0) return 0; // in the middle of a message
    return freeFrame(bytes, { texts: this.handler.binary !== undefined });
  }

  /** Ends the connection with what `error` says, or with that it was a bug. */
  #reject(error: unknown): void {
    const known = error instanceof RelayError;
    if (!known) logger.error("a bug, met while reading from a client: {error}", { error });
    this.fail(known ? error : new RelayError("internal"));
  }

  /** No frame can be made out any more, so an answer to the goodbye is not waited for. */
  #fault(error: unknown): void {
    this.#reject(error);
    this.#hangUp();
  }

  #taken(): void {
    this.#heardAt = this.#clock.now;
    if (this.#closeBy > 0) this.#closeBy = this.#clock.now + this.#closePatience;
  }

  #emptied(): void {
    if (this.#hangingUp) this.#socket.end();
    if (this.#closeBy === 0) this.handler.drained();
  }

  /** Ends our side of the connection once everything is written. */
  #hangUp(): void {
    this.#hangingUp = true;
    if (!this.#writer.queued) this.#socket.end();
  }

  #over(code: number): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#throttle?.drop();
    if (code === 1000 || !this.#lease?.mayReturn) this.#lease?.lease.release();
    this.handler.gone(code);
  }
}

const NEWLINE = 0x0a;

/** Messages of a data frame. */
function countLines(payload: Uint8Array): number {
  let count = 0;
  for (let at = SEQ_BYTES; (at = payload.indexOf(NEWLINE, at) + 1) > 0;) count++;
  return count;
}
