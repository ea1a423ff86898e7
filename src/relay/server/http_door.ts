/**
 * Lets HTTP clients in: those that produce and consume here, the rest to other surfaces.
 *
 * @module
 */

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { getLogger } from "@logtape/logtape";
import { RelayError } from "../../errors.ts";
import { type ChannelPath, parseChannelPath } from "../../protocol/channel_path.ts";
import { bodyFormat, chooseFormat, type HttpFormat } from "../../protocol/http_format.ts";
import { NdjsonWriter } from "../../protocol/ndjson.ts";
import { PlainTextWriter } from "../../protocol/plain_text.ts";
import { SseWriter } from "../../protocol/sse.ts";
import type { Grant } from "../access.ts";
import type { Channels } from "../channels.ts";
import type { RelayLimits } from "../limits.ts";
import { BodyFrames } from "./body_frames.ts";
import { bodyReader } from "./body_reader.ts";
import { corsHeaders, preflight } from "./cors.ts";
import type { Gate } from "./gate.ts";
import { HttpConsumer } from "./http_consumer.ts";
import { badRequest, knownError, sendAnswer, sendError } from "./http_error.ts";
import type { HttpLimits } from "./http_limits.ts";
import { HttpProducer } from "./http_producer.ts";
import { checkRequest, headerOnce, parameterOnce } from "./http_request.ts";
import type { Route } from "./http_routes.ts";
import { HttpRun } from "./http_run.ts";
import { placeOf } from "./http_place.ts";
import { channelHeaders } from "./stream_headers.ts";

const logger = getLogger(["streamrelay", "relay"]);

/** What the door needs to know. */
export interface HttpDoorOptions {
  readonly gate: Gate;
  readonly channels: Channels;
  readonly limits: RelayLimits & HttpLimits;
  /** Asked in this order for what is neither produced nor consumed. */
  readonly routes: readonly Route[];
}

/** A body that is under way, in either direction. */
interface Stream {
  sweep(): void;
  drain(): void;
}

const METHODS = { produce: "PUT, POST, HEAD, OPTIONS", consume: "GET, HEAD, OPTIONS" };
/** Requests that may wait on one connection; at one more it is cut. */
const MAX_PIPELINED = 16;
const CHANNEL_PATH = /^\/(produce|consume)(\/|$)/;
const OTHER_METHODS = "GET, HEAD, OPTIONS";

/** Owns all HTTP bodies of a relay. */
export class HttpDoor {
  readonly #options: HttpDoorOptions;
  readonly #streams = new Set<Stream>();
  readonly #frames: Readonly<Record<HttpFormat, readonly [BodyFrames, BodyFrames]>>;
  /** Requests of a connection that wait for the answer to an earlier one. */
  readonly #waiting = new WeakMap<Socket, number>();
  #closing = false;

  constructor(options: HttpDoorOptions) {
    this.#options = options;
    const pair = (make: () => SseWriter | NdjsonWriter | PlainTextWriter) =>
      [
        new BodyFrames(make(), { chunked: true }),
        new BodyFrames(make(), { chunked: false }),
      ] as const;
    this.#frames = {
      sse: pair(() => new SseWriter()),
      ndjson: pair(() => new NdjsonWriter()),
      text: pair(() => new PlainTextWriter()),
    };
  }

  /** Number of bodies under way. */
  get size(): number {
    return this.#streams.size;
  }

  /** Answers a request; one that `waits` wants to hear that its body is welcome before it sends it. Never rejects. */
  async enter(
    request: IncomingMessage,
    response: ServerResponse,
    { waits = false } = {},
  ): Promise<void> {
    request.on("error", () => {}); // `close` follows
    response.on("error", () => {});
    let url: URL | null = null;
    try {
      if (response.socket === null) await this.#turnOf(request, response);
      if (this.#closing) throw new RelayError("draining");
      checkRequest(request);
      url = URL.parse(request.url ?? "/", "http://relay");
      if (url === null) throw new RelayError("bad_path");
      if (!CHANNEL_PATH.test(url.pathname)) return await this.#other(request, response, url);
      await this.#channel(request, response, url, waits);
    } catch (error) {
      this.#refuse(request, response, error);
    }
  }

  /** Keeps the time limits of all bodies. */
  sweep(): void {
    for (const stream of this.#streams) stream.sweep();
  }

  /** Ends every body, and answers no request any more but with that. */
  close(): void {
    this.#closing = true;
    for (const stream of this.#streams) stream.drain();
  }

  async #channel(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    waits: boolean,
  ): Promise<void> {
    const path = parseChannelPath(url.pathname);
    const { gate } = this.#options;
    const allowed = METHODS[path.role];
    const method = request.method ?? "";
    if (method === "OPTIONS") {
      return sendAnswer(request, response, preflight(request, gate.origins, allowed));
    }
    if (!allowed.split(", ").includes(method)) return this.#notAllowed(request, response, path);
    const leave = gate.enter(request);
    response.once("close", leave);
    if (response.destroyed) leave(); // it was closed before we listened
    for (const name of ["token", "secret", "holder"]) parameterOnce(url, name);
    const { credential, ...holder } = gate.visitor(request, url);
    const epoch = path.role === "produce" ? headerOnce(request, "stream-epoch") : undefined;
    const use = { role: path.role, channel: path.channel };
    const grant = await gate.access.admit(credential, use, { ...holder, epoch });
    if (response.destroyed) return grant.unused();
    try {
      if (method === "HEAD") {
        this.#head(request, response, path);
        grant.unused();
      } else if (path.role === "consume") this.#consume(request, response, path, url);
      else this.#produce(request, response, path, { grant, waits });
    } catch (error) {
      grant.unused();
      // who was let in is told how the channel stands, too: where it could go on
      this.#refuse(request, response, error, this.#headers(request, path.channel));
    }
  }

  #consume(
    request: IncomingMessage,
    response: ServerResponse,
    { channel: id }: ChannelPath,
    url: URL,
  ): void {
    const { channels, limits } = this.#options;
    const format = chooseFormat(request.headers.accept, parameterOnce(url, "format"));
    const place = placeOf(request, url, channels.find(id));
    const headers = this.#headers(request, id);
    if (place === "told") return sendAnswer(request, response, { status: 204, headers, body: "" });
    const frames = this.#frames[format][request.httpVersion === "1.1" ? 0 : 1];
    const gone = () => void this.#streams.delete(consumer);
    const options = { channels, limits, frames, id, format, wish: place, headers, gone };
    const consumer = new HttpConsumer(response, options);
    this.#streams.add(consumer);
    try {
      consumer.open();
    } catch (error) {
      gone();
      throw error;
    }
  }

  #produce(
    request: IncomingMessage,
    response: ServerResponse,
    { channel: id }: ChannelPath,
    { grant, waits }: { grant: Grant; waits: boolean },
  ): void {
    const { gate, channels, limits } = this.#options;
    const { headers } = request;
    if ((headers["content-encoding"] ?? "identity").toLowerCase() !== "identity") {
      throw new RelayError("bad_data", "Content-Encoding is not known here", { tellPeer: true });
    }
    const format = bodyFormat(headers["content-type"]);
    const body = bodyReader(format, limits.maxMessageBytes);
    const run = new HttpRun(request, channels.find(id), { format });
    const lease = gate.lease(grant, { channel: id, epoch: run.claim.epoch });
    let producer: HttpProducer;
    try {
      const answerHeaders = corsHeaders(request, gate.origins) as Record<string, string>;
      producer = new HttpProducer(request, response, {
        ...{ channels, limits, id, run, body, lease },
        headers: answerHeaders,
      });
    } catch (error) {
      lease.unused();
      throw error;
    }
    this.#streams.add(producer);
    response.once("close", () => this.#streams.delete(producer));
    if (waits) response.writeContinue();
    producer.open();
  }

  #head(request: IncomingMessage, response: ServerResponse, { channel: id }: ChannelPath): void {
    sendAnswer(request, response, { status: 200, headers: this.#headers(request, id), body: "" });
  }

  #headers(request: IncomingMessage, id: string): OutgoingHttpHeaders {
    const { channels, gate } = this.#options;
    return { ...channelHeaders(channels.find(id)), ...corsHeaders(request, gate.origins) };
  }

  #notAllowed(request: IncomingMessage, response: ServerResponse, { role }: ChannelPath): void {
    // who GETs a producer's path has most likely meant a WebSocket
    const upgrade = role === "produce" && request.method === "GET";
    const error = badRequest(`this path takes ${METHODS[role]}, or a WebSocket`);
    sendError(request, response, error, {
      status: upgrade ? 426 : 405,
      headers: { Allow: METHODS[role], ...(upgrade && { Upgrade: "websocket" }) },
    });
  }

  async #other(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { gate, routes } = this.#options;
    if (request.method === "OPTIONS") {
      return sendAnswer(request, response, preflight(request, gate.origins, OTHER_METHODS));
    }
    for (const route of routes) {
      const answer = await route(request, url);
      if (answer === undefined) continue;
      const headers = { ...answer.headers, ...corsHeaders(request, gate.origins) };
      return sendAnswer(request, response, { ...answer, headers });
    }
    throw new RelayError("bad_path");
  }

  /**
   * Resolves when `response` is the one to be answered next on its connection, or that is over: it came behind another that
   * is not answered yet. Behind a stream without an end no more than a few may gather.
   */
  async #turnOf({ socket }: IncomingMessage, response: ServerResponse): Promise<void> {
    const waiting = (this.#waiting.get(socket) ?? 0) + 1;
    this.#waiting.set(socket, waiting);
    if (waiting > MAX_PIPELINED) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once("socket", () => resolve());
    response.once("close", () => resolve());
    await promise;
    this.#waiting.set(socket, this.#waiting.get(socket)! - 1);
  }

  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    error: unknown,
    headers: OutgoingHttpHeaders = corsHeaders(request, this.#options.gate.origins),
  ): void {
    const known = knownError(error);
    if (known.code === "internal") {
      logger.error("a bug, met while answering a request: {error}", { error });
    }
    sendError(request, response, known, { headers });
  }
}
