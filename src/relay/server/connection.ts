/**
 * One WebSocket connection, whatever it is used for.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { RelayError } from "../../errors.ts";
import { countLines, SEQ_BYTES } from "../../protocol/data_frame.ts";
import { closeFrame, controlFrame, OPCODE } from "../../protocol/frame.ts";
import type { FrameDecoder } from "../../protocol/frame_decoder.ts";
import type { Lease } from "../leases.ts";
import type { RelayLimits } from "../limits.ts";
import type { Rate } from "../rate.ts";
import { FrameIntake, type IntakeOwner } from "./frame_intake.ts";
import type { ClientSocket } from "./client_socket.ts";
import type { Handler } from "./handler.ts";
import { readSocket } from "./socket_reading.ts";
import { SocketWriter } from "./socket_writer.ts";

/** How long a peer that is refused or broke a rule has to take its goodbye before the socket is destroyed, ms. */
const FAULT_PATIENCE_MS = 3_000;

const logger = getLogger(["streamrelay", "relay"]);

const PING = controlFrame(OPCODE.ping);

/**
 * Owns a socket after its handshake: answers pings and closes, keeps the time limits, and ends the connection with the right
 * code when a peer breaks a rule. Reading and writing both follow the socket's own backpressure.
 */
export class Connection implements IntakeOwner {
  /** What the messages go to. */
  handler!: Handler;

  readonly #socket: ClientSocket;
  readonly #limits: RelayLimits;
  readonly #clock: { readonly now: number };
  readonly #intake: FrameIntake;
  readonly #writer: SocketWriter;
  /** When the peer last took anything, ms. */
  #tookAt = 0;
  #pingedAt = 0;
  #closeBy = 0;
  #closePatience = 0;
  #hangingUp = false;
  #expectBy = 0;
  #late: RelayError | undefined;
  #gone = false;
  #lease: { lease: Lease; mayReturn: boolean } | undefined;

  constructor(socket: ClientSocket, limits: RelayLimits, clock: { readonly now: number }) {
    this.#socket = socket;
    this.#limits = limits;
    this.#clock = clock;
    const { maxMessageBytes } = limits;
    this.#intake = new FrameIntake(socket, this, { clock, maxMessageBytes });
    this.#writer = new SocketWriter(socket, {
      clock,
      taken: () => this.#taken(),
      emptied: () => this.#emptied(),
    });
  }

  /** Reads the peer's frames. */
  get decoder(): FrameDecoder {
    return this.#intake.decoder;
  }

  /** Begins to read; `head` is what came with the handshake. */
  open(head: Uint8Array): void {
    const socket = this.#socket;
    socket.on("end", () => socket.end());
    socket.on("error", () => socket.destroy()); // a reset is an ending like others: `close` follows
    socket.on("close", () => {
      this.#over(1006);
      this.handler.closed?.();
    });
    if (head.length > 0) this.#intake.take(head);
    readSocket(socket, (bytes) => this.#intake.take(bytes));
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
    this.#intake.hold(verdict.catch((error) => this.#reject(error)));
  }

  /** Keeps what is read to a producer's `rate`, where there is one; where `texts` are control messages they need not wait. */
  throttle(rate: Rate | undefined, as: { texts: "control" | "data" }): void {
    if (rate !== undefined) this.#intake.throttle(rate, as);
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
    this.#intake.ending(); // the peer's answer is to be read
  }

  /** Ends the connection because of `error`; a peer that may still have much to read is waited for (`patient`). */
  fail(error: RelayError, { patient = false } = {}): void {
    const { row: { close }, peerText, message } = error;
    if (this.#closeBy === 0) {
      logger.debug("connection closed {close}: {reason}", { close, reason: message });
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

  /** Ends the connection now. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Keeps the time limits; called every second or so. */
  sweep(): void {
    const limits = this.#limits;
    const now = this.#clock.now;
    const { blockedAt } = this.#writer;
    const heardAt = Math.max(this.#intake.heardAt, this.#tookAt);
    if (this.#closeBy > 0) {
      if (now > this.#closeBy) this.#socket.destroy();
    } else if (this.#expectBy > 0 && now > this.#expectBy) {
      this.fail(this.#late!);
    } else if (blockedAt > 0) {
      if (now - blockedAt > limits.stallTimeoutMs) this.fail(new RelayError("too_slow"));
    } else if (now - heardAt > limits.deadAfterMs && !this.#intake.throttled) {
      this.#socket.destroy();
    } else if (now - Math.max(heardAt, this.#pingedAt) > limits.pingIntervalMs) {
      this.#pingedAt = now;
      this.send(PING);
    }
    if (this.ending) return;
    this.#lease?.lease.renew();
    this.handler.tick?.();
  }

  texts(records: Uint8Array, count: number, last: number): void {
    if (this.#closeBy > 0) return;
    if (this.#intake.limited) this.#intake.spend(count, records.length);
    this.handler.texts(records, count, last);
  }

  binary(payload: Uint8Array, ascii: boolean): void {
    if (this.#closeBy > 0) return;
    if (this.handler.binary === undefined) throw new RelayError("bad_data");
    if (this.#intake.limited) {
      this.#intake.spend(countLines(payload.subarray(SEQ_BYTES)), payload.length);
    }
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

  /** Ends the connection with what `error` says, or with that it was a bug. */
  #reject(error: unknown): void {
    const known = error instanceof RelayError;
    if (!known) logger.error("a bug, met while reading from a client: {error}", { error });
    this.fail(known ? error : new RelayError("internal"));
  }

  flushed(): void {
    this.handler.flush();
  }

  /** No frame can be made out any more, so an answer to the goodbye is not waited for. */
  faulty(error: unknown): void {
    this.#reject(error);
    this.#hangUp();
  }

  #taken(): void {
    this.#tookAt = this.#clock.now;
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
    this.#intake.drop();
    if (this.#socket.destroyed) this.#writer.drop();
    if (code === 1000 || !this.#lease?.mayReturn) this.#lease?.lease.release();
    this.handler.gone(code);
  }
}
