/**
 * A producer that is an HTTP request: its body goes into the channel as it comes.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { RelayError } from "../../errors.ts";
import type { Channel } from "../channel.ts";
import type { Channels } from "../channels.ts";
import type { Lease } from "../leases.ts";
import type { RelayLimits } from "../limits.ts";
import type { ProducerLink } from "../producer_link.ts";
import type { BodyReader } from "./body_reader.ts";
import { FreshMessages } from "./fresh_messages.ts";
import { knownError, sendAnswer, sendError } from "./http_error.ts";
import type { HttpLimits } from "./http_limits.ts";
import type { HttpRun } from "./http_run.ts";
import { channelHeaders } from "./stream_headers.ts";
import { Throttle } from "./throttle.ts";

/** Options of {@linkcode HttpProducer}. */
export interface HttpProducerOptions {
  readonly channels: Channels;
  readonly limits: RelayLimits & HttpLimits;
  /** The channel's id. */
  readonly id: string;
  readonly run: HttpRun;
  readonly body: BodyReader;
  /** Headers of the answer, whatever it is. */
  readonly headers: Readonly<Record<string, string>>;
  readonly lease: Lease;
}

const DONE = new TextEncoder().encode('{"type":"done"}\n');

/**
 * Puts the body of a request into a channel. Whatever ends it before its end, the run may be gone on with until the grace
 * time is over: a client that chose an epoch itself, and asked how far it had come, sends the rest.
 *
 * What is too fast, or would make a reader miss something, is not read: the client's socket fills up.
 */
export class HttpProducer implements ProducerLink {
  readonly resumable = true;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: HttpProducerOptions;
  readonly #channel: Channel;
  readonly #throttle: Throttle | undefined;
  readonly #messages: FreshMessages;
  #held = false;
  /** Whether all of the body has come. */
  #whole = false;
  #heardAt: number;
  #over = false;

  /** @throws {RelayError} as `Channels.resume` does. */
  constructor(request: IncomingMessage, response: ServerResponse, options: HttpProducerOptions) {
    const { channels, limits, id, run } = options;
    this.#request = request;
    this.#response = response;
    this.#options = options;
    this.#heardAt = channels.now;
    const { channel, next } = channels.resume(id, this, run.claim);
    this.#channel = channel;
    const { maxMessageBytes } = limits;
    this.#messages = new FreshMessages({ seq: run.claim.first, next, maxMessageBytes });
    run.begin(channel);
    if (channel.rate === undefined) return;
    this.#throttle = new Throttle({
      source: { pause: () => request.pause(), resume: () => this.#readOn() },
      rate: channel.rate,
      feed: (bytes) => this.#guarded(() => this.#take(bytes)),
    });
  }

  /** Begins to read the body. */
  open(): void {
    const request = this.#request;
    request.on("data", (chunk: Uint8Array) => this.#guarded(() => this.#received(chunk)));
    request.on("end", () => this.#ended());
    request.on("error", () => {}); // `close` follows
    request.on("close", () => this.#lost());
  }

  /** Keeps the time limits; called every second or so. */
  sweep(): void {
    if (this.#over) return;
    const { channels: { now }, limits, lease } = this.#options;
    lease.renew();
    if (this.#paused) {
      this.#heardAt = now;
      this.#resume();
    } else if (now - this.#heardAt > limits.bodyIdleTimeoutMs) {
      this.#finishIfDone();
      this.#fail(new RelayError("timeout", "no data came for too long", { tellPeer: true }), 408);
    }
  }

  /** The relay is shutting down. */
  drain(): void {
    this.#finishIfDone();
    this.#fail(new RelayError("draining"));
  }

  drop(error: RelayError): void {
    this.#fail(error);
  }

  /** The answer comes before the body has ended: the client stops sending, and its program finds its pipe closed. */
  cancel(reason: string | undefined): boolean {
    // after the answer to who asked
    queueMicrotask(() => {
      if (this.#over) return;
      const { channels } = this.#options;
      channels.finish(this.#channel, this, this.#channel.log!.next, { status: "cancelled" });
      this.#fail(
        new RelayError("cancelled", reason === undefined ? undefined : `cancelled: ${reason}`, {
          tellPeer: true,
        }),
        409,
      );
      channels.flush(this.#channel);
    });
    return true;
  }

  eased(): void {
    if (this.#held) this.#resume();
  }

  get #paused(): boolean {
    return this.#held || this.#throttle?.paused === true;
  }

  #received(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#heardAt = this.#options.channels.now;
    if (this.#throttle === undefined) this.#take(chunk);
    else this.#throttle.take(chunk);
  }

  #take(chunk: Uint8Array): void {
    const { channels, body, limits, run } = this.#options;
    try {
      body.feed(chunk, this.#append);
    } catch (error) {
      this.#finishIfDone(); // what comes after it does not undo that
      throw error;
    } finally {
      run.took(body.bytes);
      channels.flush(this.#channel); // also what came before a fault
    }
    this.#held = this.#channel.held(channels.now, limits.holdTimeoutMs);
    if (this.#held) this.#request.pause();
  }

  /** Appends lines, less those that the log has from an earlier request. */
  readonly #append = (lines: Uint8Array): void => {
    const run = this.#messages.of(lines);
    if (this.#messages.overlapped) this.#options.run.overlapped();
    if (run === undefined) return;
    this.#options.channels.appendRun(this.#channel, this, run);
    this.#throttle?.spend(run.count, 0);
  };

  /** Nothing more comes. The runtime says so even while the body is paused, when the last of it may still wait here. */
  #ended(): void {
    this.#whole = true;
    if (!this.#throttle?.pending) this.#guarded(() => this.#complete());
  }

  /** The body is whole: so is the stream. */
  #complete(): void {
    if (this.#over) return;
    const { channels, body, run, lease } = this.#options;
    try {
      body.end(this.#append);
      run.took(body.bytes);
      const { count } = this.#messages;
      if (body.status === "done" && !body.saidDone) this.#append(DONE);
      channels.finish(this.#channel, this, this.#messages.next, { status: body.status });
      this.#over = true;
      this.#throttle?.drop();
      lease.release();
      this.#answer(count);
    } finally {
      channels.flush(this.#channel);
    }
  }

  #answer(messages: number): void {
    const { headers, id, run: { claim: { epoch } }, body: { bytes } } = this.#options;
    const { next } = this.#messages;
    sendAnswer(this.#request, this.#response, {
      status: 200,
      headers: { "Content-Type": "application/json", ...headers },
      body: `${JSON.stringify({ channel: id, epoch, next, messages, bytes })}\n`,
    });
  }

  #resume(): void {
    if (this.#over) return;
    const { channels, limits } = this.#options;
    this.#held = this.#channel.held(channels.now, limits.holdTimeoutMs);
    if (!this.#paused) this.#request.resume();
  }

  /** All that came was taken. */
  #readOn(): void {
    if (this.#whole && !this.#over) this.#guarded(() => this.#complete());
    else this.#resume();
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fail(knownError(error));
    }
  }

  /** Answers with an error; the run stays open for as long as it may be gone on with. */
  #fail(error: RelayError, status?: number): void {
    if (this.#over) return;
    this.#over = true;
    const { headers } = this.#options;
    sendError(this.#request, this.#response, error, {
      status,
      headers: { ...headers, ...channelHeaders(this.#channel) },
    });
    this.#leave();
  }

  /** The client is gone; it has lost nothing where its body is whole. */
  #lost(): void {
    if (this.#over || this.#whole) return;
    this.#over = true;
    this.#finishIfDone();
    this.#leave();
  }

  /** The stream has ended where its last message said so, however the request ends. */
  #finishIfDone(): void {
    const { channels, body } = this.#options;
    if (!body.saidDone) return;
    channels.finish(this.#channel, this, this.#messages.next, { status: body.status });
    channels.flush(this.#channel);
  }

  #leave(): void {
    this.#throttle?.drop();
    const { channels, run, lease } = this.#options;
    channels.leave(this.#channel, this, false);
    if (!run.chosen || this.#channel.end !== undefined) lease.release();
  }
}
