/**
 * A consumer that is an HTTP request.
 *
 * @module
 */

import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { ERRORS, RelayError } from "../../errors.ts";
import type { LogEnd } from "../../log/channel_log.ts";
import { CONTENT_TYPE, type HttpFormat } from "../../protocol/http_format.ts";
import { type RelayEvent, SSE_COMMENT, sseEvent, sseOpening } from "../../protocol/sse.ts";
import type { Channel } from "../channel.ts";
import type { Channels } from "../channels.ts";
import type { RelayLimits } from "../limits.ts";
import type { Beginning, Outlet } from "../outlet.ts";
import { Subscriber } from "../subscriber.ts";
import type { Wish } from "../wish.ts";
import type { BodyFrames } from "./body_frames.ts";
import { COMMON_HEADERS } from "./http_error.ts";
import { type BodyOwner, HttpBody } from "./http_body.ts";

/** Options of {@linkcode HttpConsumer}. */
export interface HttpConsumerOptions {
  readonly channels: Channels;
  readonly limits: RelayLimits;
  /** Makes the pieces of bodies in this format. */
  readonly frames: BodyFrames;
  /** The channel's id. */
  readonly id: string;
  readonly format: HttpFormat;
  readonly wish: Wish;
  /** Headers of the answer besides those of every stream. */
  readonly headers: OutgoingHttpHeaders;
  /** Called when the answer is over. */
  readonly gone: () => void;
}

/** Proxies are not to hold back, change or keep what comes as it is made. */
const STREAM_HEADERS = {
  ...COMMON_HEADERS,
  "Cache-Control": "no-cache, no-store, no-transform",
  "X-Accel-Buffering": "no",
};

/** After a relay has restarted its readers come back within this time, not all at once, ms. */
const RETRY_MS = { least: 1_000, spread: 2_000 };

const encoder = new TextEncoder();
const NO_RECORDS: Uint8Array = new Uint8Array(0);

/**
 * Sends a channel as an HTTP body at the pace of its reader. The body ends whole where the reader has got a whole stream
 * that was done, and is broken off in every other case: of all programs that read HTTP, each can tell the two apart.
 */
export class HttpConsumer implements Outlet, BodyOwner {
  readonly toldOfGaps: boolean;
  readonly #options: HttpConsumerOptions;
  readonly #response: ServerResponse;
  readonly #subscriber: Subscriber;
  #channel: Channel | undefined;
  #body: HttpBody | undefined;
  #refusal: RelayError | undefined;
  #epoch = "";
  /** What the log gave and the body has not taken yet: messages from `#seq` on, at `#at` in the records. */
  #records = NO_RECORDS;
  #at = 0;
  #seq = 0;
  #started = false;
  /** Whether messages are missing that the reader could not be told of. */
  #incomplete = false;
  #gone = false;

  constructor(response: ServerResponse, options: HttpConsumerOptions) {
    this.#response = response;
    this.#options = options;
    this.toldOfGaps = options.format === "sse";
    this.#subscriber = new Subscriber(this, options.wish);
  }

  /**
   * Joins the channel and begins to answer.
   *
   * @throws {RelayError} as `Channels.consume` does, or what the reader is refused with; nothing has been answered then.
   */
  open(): void {
    const { channels, id } = this.#options;
    const channel = this.#channel = channels.consume(id, this.#subscriber);
    if (this.#refusal !== undefined) {
      channels.unsubscribe(channel, this.#subscriber);
      throw this.#refusal;
    }
    this.#opened();
  }

  /** Keeps the time limits; called every second or so. */
  sweep(): void {
    const body = this.#body;
    if (body === undefined) return;
    body.sweep();
    const { channels, limits, format } = this.#options;
    const silent = channels.now - body.sentAt >= limits.pingIntervalMs;
    if (format === "sse" && silent && !body.blocked) body.sendOwn(SSE_COMMENT);
  }

  /** The relay shuts down: the reader is to come back. */
  drain(): void {
    this.#tellError("draining", ERRORS.draining.text);
    this.#body?.cut();
  }

  begin({ epoch, from, next, restart }: Beginning): void {
    this.#epoch = epoch;
    this.#event(restart ? "restart" : "begin", { epoch, from, next }, from);
  }

  gap(from: number, to: number): boolean {
    if (this.#options.format === "sse") this.#event("gap", { from, to }, to);
    else if (this.#started) {
      this.#opened().cut();
      return false;
    } else if (this.#options.format === "ndjson") this.#line({ type: "gap", from, to });
    else {
      if (this.#body === undefined) this.#response.setHeader("Stream-Gap", `${from}-${to - 1}`);
      this.#incomplete = true;
    }
    return true;
  }

  write(records: Uint8Array, seq: number): boolean {
    this.#started = true;
    this.#records = records;
    this.#at = 0;
    this.#seq = seq;
    return this.#pump();
  }

  producer(state: "live" | "away"): void {
    // who takes nothing is not told of what has changed again by the time it does
    if (this.#body?.blocked === false) this.#event("producer", { state });
  }

  end({ status, exitCode: exit_code, signal }: LogEnd, next: number): void {
    const ok = status === "done";
    const body = this.#opened();
    this.#event("end", { next, ok, ...(!ok && { status, exit_code, signal }) }, next);
    if (status === "lost") {
      this.#tellError("lost", "the producer's connection ended in mid-stream");
    }
    if (status === "expired") this.#tellError("expired", ERRORS.expired.text);
    if (ok && !this.#incomplete) body.end();
    else body.cut();
  }

  refuse(error: RelayError): void {
    if (this.#body === undefined) {
      this.#refusal = error;
      return;
    }
    const { code, peerText: message } = error;
    this.#event("end", { next: 0, ok: false, status: "refused", code, message });
    this.#tellError(code, message);
    this.#body.cut();
  }

  drained(): void {
    if (this.#gone || !this.#pump()) return;
    this.#subscriber.drained();
    this.#channel?.ease();
  }

  gone(): void {
    this.#gone = true;
    this.#records = NO_RECORDS;
    this.#subscriber.closed(); // what was sent was made of its records, none of which is read from any more
    if (this.#channel !== undefined) {
      this.#options.channels.unsubscribe(this.#channel, this.#subscriber);
      this.#channel.ease();
    }
    this.#options.gone();
  }

  /** Sends what there is, as long as the body takes it. */
  #pump(): boolean {
    const body = this.#opened();
    const { frames } = this.#options;
    while (this.#at < this.#records.length) {
      const { bytes, at, seq, stuck } = frames.piece({
        records: this.#records,
        at: this.#at,
        epoch: this.#epoch,
        seq: this.#seq,
      });
      this.#at = at;
      this.#seq = seq;
      if (bytes.length > 0 && !body.send(bytes)) {
        frames.keep();
        if (stuck) body.cut();
        return false;
      }
      if (stuck) {
        body.cut();
        return false;
      }
    }
    this.#records = NO_RECORDS;
    return true;
  }

  /** The body, whose head and first bytes go out with the first call. */
  #opened(): HttpBody {
    if (this.#body !== undefined) return this.#body;
    const { channels, limits, format, headers } = this.#options;
    const response = this.#response;
    for (const [name, value] of Object.entries({ ...STREAM_HEADERS, ...headers })) {
      if (value !== undefined) response.setHeader(name, value);
    }
    response.setHeader("Content-Type", CONTENT_TYPE[format]);
    response.writeHead(200);
    const options = { clock: channels, stallTimeoutMs: limits.stallTimeoutMs };
    const body = this.#body = new HttpBody(response, this, options);
    if (format === "sse") {
      body.sendOwn(sseOpening(RETRY_MS.least + Math.random() * RETRY_MS.spread));
    }
    return body;
  }

  #event(event: RelayEvent, data: Record<string, unknown>, seq?: number): void {
    if (this.#options.format !== "sse") return;
    const at = seq === undefined || this.#epoch === "" ? undefined : { epoch: this.#epoch, seq };
    this.#opened().sendOwn(sseEvent(event, data, at));
  }

  /** In NDJSON, what a plain WebSocket reader is told; text has no words for it, and events have better ones. */
  #tellError(code: string, message: string): void {
    if (this.#options.format === "ndjson") this.#line({ type: "error", code, message });
  }

  #line(message: Record<string, unknown>): void {
    this.#opened().sendOwn(encoder.encode(`${JSON.stringify(message)}\n`));
  }
}
