/**
 * Streams as bodies of HTTP requests and answers, a message a line.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as plainRequest,
  type RequestOptions,
} from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { proxyRoute } from "../client/proxy_route.ts";
import { relayPath } from "../client/relay_url.ts";
import { RelayError } from "../errors.ts";
import {
  type EndpointOptions,
  type Endpoints,
  type Receiver,
  type ReceiverEvents,
  type Sender,
  type SenderEvents,
  WAITING_BYTES,
} from "./endpoints.ts";
import { credentialHeaders, refusal, unreachable } from "./load_socket.ts";
import { AROUND, LineCutter, readMessage, writeMessage } from "./message_lines.ts";

const NEWLINE = 0x0a;
/** Time for an answer to begin, ms. */
const ANSWER_MS = 20_000;

/** `PUT /produce/…` and `GET /consume/…`, both with NDJSON bodies. */
export function httpEndpoints(options: EndpointOptions): Endpoints {
  const caller = new HttpCaller(options);
  return {
    sender: (channel, events) => openHttpSender(channel, events, caller),
    receiver: async (channel, events) => {
      const response = await caller.consume(channel, "application/x-ndjson");
      return receiveLines(response, { size: options.size, events });
    },
    close: () => caller.close(),
  };
}

/** Makes requests to one relay. */
export class HttpCaller {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #agent: Agent;

  constructor({ url, secret }: EndpointOptions) {
    this.#url = url;
    this.#headers = credentialHeaders(secret);
    const { protocol } = relayPath(url, "/");
    const options = { keepAlive: true, maxSockets: Infinity, maxFreeSockets: 64 };
    this.#agent = protocol === "wss:" ? new TlsAgent(options) : new Agent(options);
  }

  /** Begins a request whose body is the stream; resolves once the relay has let it in. */
  async produce(channel: string): Promise<ClientRequest> {
    const request = await this.#request(`/produce/${channel}`, {
      method: "PUT",
      // once the credential is accepted it is answered with 100, see docs/protocol.md
      headers: { "Content-Type": "application/x-ndjson", Expect: "100-continue" },
    });
    request.setNoDelay(true);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    request.once("continue", resolve);
    request.once("response", ({ statusCode }: IncomingMessage) => reject(refusal(statusCode ?? 0)));
    request.once("error", (cause) => reject(unreachable(cause)));
    request.flushHeaders();
    await promise;
    request.removeAllListeners("response");
    return request;
  }

  /** The answer to a request for a channel. */
  async consume(channel: string, accept: string): Promise<IncomingMessage> {
    const request = await this.#request(`/consume/${channel}`, { headers: { Accept: accept } });
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    request.once("response", resolve);
    request.on("error", (cause) => reject(unreachable(cause)));
    request.end();
    const response = await promise;
    if (response.statusCode === 200) return response;
    request.destroy();
    throw refusal(response.statusCode ?? 0);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #request(path: string, options: RequestOptions): Promise<ClientRequest> {
    const url = relayPath(this.#url, path);
    const silent = new AbortController();
    const agent = (await proxyRoute(url, silent.signal))?.agent ?? this.#agent;
    const tls = url.protocol === "wss:";
    url.protocol = tls ? "https:" : "http:";
    const headers = { ...this.#headers, ...options.headers };
    const request = tls ? tlsRequest : plainRequest;
    const sent = request(url, { ...options, headers, agent, timeout: ANSWER_MS });
    // what a proxy does not answer has no socket, whose time limit this would be
    const timer = setTimeout(() => silent.abort(), ANSWER_MS);
    sent.once("close", () => clearTimeout(timer)).once("socket", () => clearTimeout(timer));
    return sent;
  }
}

async function openHttpSender(
  channel: string,
  events: SenderEvents,
  caller: HttpCaller,
): Promise<Sender> {
  const request = await caller.produce(channel);
  const answered = Promise.withResolvers<void>();
  answered.promise.catch(() => {}); // nobody need wait for it
  let ending = false;
  const fail = (error: RelayError) => {
    answered.reject(error);
    if (!ending) events.lost(error);
    ending = true;
  };
  request.on("error", (cause: Error) => fail(unreachable(cause)));
  request.once("response", (response: IncomingMessage) => {
    response.resume();
    if (ending && response.statusCode === 200) answered.resolve();
    else fail(refusal(response.statusCode ?? 0));
  });
  return {
    send(content) {
      if (request.writableLength > WAITING_BYTES) return false;
      const line = Buffer.allocUnsafe(content.length + AROUND + 1);
      line[writeMessage(line, 0, content)] = NEWLINE;
      request.write(line);
      return true;
    },
    end() {
      ending = true;
      request.end();
      return answered.promise;
    },
    close: () => request.destroy(),
  };
}

function receiveLines(
  response: IncomingMessage,
  { size, events }: { size: number; events: ReceiverEvents },
): Receiver {
  let over = false;
  const cutter = new LineCutter((bytes, from, to) => {
    if (!over) over = readMessage(bytes, { from, to, size, events });
  });
  return receiveBody(response, {
    feed: (bytes) => cutter.feed(bytes),
    // only a stream that was done has a body that ends whole, and a `done` before that end
    ended: (error) => {
      if (!over) events.ended(error ?? new RelayError("incomplete", "A body ended too early"));
      over = true;
    },
  });
}

/** Reads a body to its end, or to where it is cut. */
export function receiveBody(
  response: IncomingMessage,
  reading: { feed: (bytes: Buffer) => void; ended: (error?: RelayError) => void },
): Receiver {
  response.on("data", (bytes: Buffer) => reading.feed(bytes));
  response.once("end", () => reading.ended());
  response.once("error", (cause: Error) => reading.ended(unreachable(cause)));
  response.once("close", () => {
    reading.ended(new RelayError("incomplete", "A body was cut"));
  });
  return {
    pause: () => response.pause(),
    resume: () => response.resume(),
    close: () => response.destroy(),
  };
}
