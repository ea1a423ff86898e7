/**
 * Lets HTTP clients in to channels: `/produce/{channel}` and `/consume/{channel}`.
 *
 * @module
 */

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Grant } from "../access.ts";
import { type ChannelPath, parseChannelPath } from "../../protocol/channel_path.ts";
import { corsHeaders, preflight } from "./cors.ts";
import { HttpBodies, type HttpBodiesOptions } from "./http_bodies.ts";
import { badRequest, refuse, sendAnswer, sendError } from "./http_error.ts";
import { headerOnce } from "./http_request.ts";
import { channelHeaders } from "./stream_headers.ts";

const METHODS = { produce: "PUT, POST, HEAD, OPTIONS", consume: "GET, HEAD, OPTIONS" };
const CHANNEL_PATH = /^\/(produce|consume)(\/|$)/;

/** A request of a channel's path. */
interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** Whether it wants to hear that its body is welcome before it sends it. */
  readonly waits: boolean;
}

/** Asks who comes what the gate asks, and hands over to the streams. */
export class HttpChannelDoor {
  /** Those who were let in. */
  readonly bodies: HttpBodies;
  readonly #options: HttpBodiesOptions;

  constructor(options: HttpBodiesOptions) {
    this.#options = options;
    this.bodies = new HttpBodies(options);
  }

  /** Whether a path is one of a channel, be it well-formed or not. */
  static knows(path: string): boolean {
    return CHANNEL_PATH.test(path);
  }

  /**
   * Answers, or begins a stream.
   *
   * @throws {RelayError} (rejects with it) why the client is not let in; nothing was answered then.
   */
  async enter(visit: Visit): Promise<void> {
    const { request, response, url } = visit;
    const path = parseChannelPath(url.pathname);
    const { gate } = this.#options;
    const allowed = METHODS[path.role];
    const method = request.method ?? "";
    if (method === "OPTIONS") {
      return sendAnswer(request, response, preflight(request, gate.origins, allowed));
    }
    if (!allowed.split(", ").includes(method)) return notAllowed(request, response, path);
    const leave = gate.enter(request);
    response.once("close", leave);
    if (response.destroyed) leave(); // it was closed before we listened
    const { credential, ...holder } = gate.visitor(request, url);
    const epoch = path.role === "produce" ? headerOnce(request, "stream-epoch") : undefined;
    const use = { role: path.role, channel: path.channel };
    const grant = await gate.access.admit(credential, use, { ...holder, epoch });
    if (response.destroyed) return grant.unused();
    this.#serve(visit, path, grant);
  }

  #serve(visit: Visit, { role, channel: id }: ChannelPath, grant: Grant): void {
    const { request, response, waits } = visit;
    try {
      if (request.method === "HEAD") {
        sendAnswer(request, response, {
          status: 200,
          headers: this.#headers(request, id),
          body: "",
        });
        grant.unused();
      } else if (role === "consume") {
        const begun = this.bodies.consume({ ...visit, id }, this.#headers(request, id));
        if (!begun) grant.unused();
      } else {
        const headers = corsHeaders(request, this.#options.gate.origins);
        this.bodies.produce({ ...visit, id }, { grant, waits, headers });
      }
    } catch (error) {
      grant.unused();
      // who was let in is told how the channel stands, too: where it could go on
      refuse(request, response, error, this.#headers(request, id));
    }
  }

  #headers(request: IncomingMessage, id: string): OutgoingHttpHeaders {
    const { channels, gate } = this.#options;
    return { ...channelHeaders(channels.find(id)), ...corsHeaders(request, gate.origins) };
  }
}

function notAllowed(
  request: IncomingMessage,
  response: ServerResponse,
  { role }: ChannelPath,
): void {
  // who GETs a producer's path has most likely meant a WebSocket
  const upgrade = role === "produce" && request.method === "GET";
  sendError(request, response, badRequest(`this path takes ${METHODS[role]}, or a WebSocket`), {
    status: upgrade ? 426 : 405,
    headers: { Allow: METHODS[role], ...(upgrade && { Upgrade: "websocket" }) },
  });
}
