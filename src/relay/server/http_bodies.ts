/**
 * Streams that are the body of a request or of an answer.
 *
 * @module
 */

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { RelayError } from "../../errors.ts";
import { bodyFormat, chooseFormat, type HttpFormat } from "../../protocol/http_format.ts";
import { NdjsonWriter } from "../../protocol/ndjson.ts";
import { PlainTextWriter } from "../../protocol/plain_text.ts";
import { SseWriter } from "../../protocol/sse.ts";
import type { Grant } from "../access.ts";
import type { Channels } from "../channels.ts";
import type { RelayLimits } from "../limits.ts";
import { BodyFrames } from "./body_frames.ts";
import { bodyReader } from "./body_reader.ts";
import type { Gate } from "./gate.ts";
import { HttpConsumer } from "./http_consumer.ts";
import { sendAnswer } from "./http_error.ts";
import type { HttpLimits } from "./http_limits.ts";
import { placeOf } from "./http_place.ts";
import { HttpProducer } from "./http_producer.ts";
import { parameterOnce } from "./http_request.ts";
import { HttpRun } from "./http_run.ts";
import { Occupants } from "./occupants.ts";

/** What the bodies need to know. */
export interface HttpBodiesOptions {
  readonly gate: Gate;
  readonly channels: Channels;
  readonly limits: RelayLimits & HttpLimits;
}

/** A request that was let in, and what it asks for. */
export interface BodyRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** The channel. */
  readonly id: string;
}

/** A body that is under way, in either direction. */
interface Body {
  sweep(): void;
  drain(): void;
}

/** Owns all HTTP bodies of a relay. */
export class HttpBodies {
  readonly #options: HttpBodiesOptions;
  readonly #bodies = new Occupants<Body>();
  readonly #frames = framesOfFormats();

  constructor(options: HttpBodiesOptions) {
    this.#options = options;
  }

  /** Number of bodies under way. */
  get size(): number {
    return this.#bodies.size;
  }

  /** Keeps the time limits of all bodies. */
  sweep(): void {
    for (const body of this.#bodies) body.sweep();
  }

  /** Ends every body, because the relay shuts down. Resolves when there is none. */
  drain(): Promise<void> {
    for (const body of this.#bodies) body.drain();
    return this.#bodies.gone();
  }

  /**
   * Answers with the channel's stream; `headers` are those of the answer. Returns whether there is anything to be told: 204
   * says that there is not.
   *
   * @throws {RelayError} what the request cannot have, and why; nothing was answered then.
   */
  consume({ request, response, url, id }: BodyRequest, headers: OutgoingHttpHeaders): boolean {
    const { channels, limits } = this.#options;
    const format = chooseFormat(request.headers.accept, parameterOnce(url, "format"));
    const place = placeOf(request, url, channels.find(id));
    if (place === "told") {
      sendAnswer(request, response, { status: 204, headers, body: "" });
      return false;
    }
    const frames = this.#frames[format][request.httpVersion === "1.1" ? 0 : 1];
    const gone = () => void this.#bodies.delete(consumer);
    const options = { channels, limits, frames, id, format, wish: place, headers, gone };
    const consumer = new HttpConsumer(response, options);
    this.#bodies.add(consumer);
    try {
      consumer.open();
    } catch (error) {
      gone();
      throw error;
    }
    return true;
  }

  /**
   * Takes the request's body as the channel's stream; a client that `waits` is told to send it. `headers` are those of the
   * answer.
   *
   * @throws {RelayError} what the request cannot have, and why; nothing was answered then.
   */
  produce(
    { request, response, id }: BodyRequest,
    { grant, waits, headers }: { grant: Grant; waits: boolean; headers: OutgoingHttpHeaders },
  ): void {
    const { gate, channels, limits } = this.#options;
    const coding = request.headers["content-encoding"] ?? "identity";
    if (coding.toLowerCase() !== "identity") {
      throw new RelayError("bad_data", "Content-Encoding is not known here", { tellPeer: true });
    }
    const format = bodyFormat(request.headers["content-type"]);
    const body = bodyReader(format, limits.maxMessageBytes);
    const run = new HttpRun(request, channels.find(id), { format });
    const lease = gate.lease(grant, { channel: id, epoch: run.claim.epoch });
    let producer: HttpProducer;
    try {
      const answerHeaders = headers as Record<string, string>;
      const options = { channels, limits, id, run, body, lease, headers: answerHeaders };
      producer = new HttpProducer(request, response, options);
    } catch (error) {
      lease.unused();
      throw error;
    }
    this.#bodies.add(producer);
    response.once("close", () => this.#bodies.delete(producer));
    if (waits) response.writeContinue();
    producer.open();
  }
}

/** For each format the frames of HTTP/1.1, which are chunks, and of HTTP/1.0. All readers of a format share them. */
function framesOfFormats(): Readonly<Record<HttpFormat, readonly [BodyFrames, BodyFrames]>> {
  const pair = (make: () => SseWriter | NdjsonWriter | PlainTextWriter) =>
    [
      new BodyFrames(make(), { chunked: true }),
      new BodyFrames(make(), { chunked: false }),
    ] as const;
  return {
    sse: pair(() => new SseWriter()),
    ndjson: pair(() => new NdjsonWriter()),
    text: pair(() => new PlainTextWriter()),
  };
}
