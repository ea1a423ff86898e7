/**
 * Lets HTTP clients in: those that produce and consume to the channels, the rest to other surfaces.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { RelayError } from "../../errors.ts";
import { corsHeaders, preflight } from "./cors.ts";
import type { HttpBodiesOptions } from "./http_bodies.ts";
import { HttpChannelDoor } from "./http_channel_door.ts";
import { type Answer, draining, refuse, sendAnswer, sendError } from "./http_error.ts";
import { checkRequest, requestUrl, versionFault } from "./http_request.ts";
import type { Route } from "./http_routes.ts";
import { Pipeline } from "./pipeline.ts";
import { HEALTH_PATH } from "./relay_health.ts";

/** What the door needs to know. */
export interface HttpDoorOptions extends HttpBodiesOptions {
  /** Asked in this order for what is neither produced nor consumed. */
  readonly routes: readonly Route[];
}

const OTHER_METHODS = "GET, HEAD, OPTIONS";
/** RFC 9110 §15.6.6; what follows on the connection would be read wrong. */
const NOT_SPOKEN = { status: 505, headers: { Connection: "close" } };

/** Answers every HTTP request of a relay. */
export class HttpDoor {
  readonly #options: HttpDoorOptions;
  readonly #channels: HttpChannelDoor;
  readonly #pipeline = new Pipeline();
  #closing = false;

  constructor(options: HttpDoorOptions) {
    this.#options = options;
    this.#channels = new HttpChannelDoor(options);
  }

  /** Number of bodies under way. */
  get size(): number {
    return this.#channels.bodies.size;
  }

  /** Answers a request; one that `waits` wants to hear that its body is welcome before it sends it. Never rejects. */
  async enter(
    request: IncomingMessage,
    response: ServerResponse,
    { waits = false } = {},
  ): Promise<void> {
    request.on("error", () => {}); // `close` follows
    response.on("error", () => {});
    try {
      await this.#pipeline.turnOf(request, response);
      const fault = versionFault(request);
      if (fault !== undefined) return sendError(request, response, fault, NOT_SPOKEN);
      checkRequest(request);
      const url = requestUrl(request);
      this.#options.gate.checkHost(request, url);
      if (this.#closing) {
        response.setHeader("Connection", "close");
        if (url?.pathname !== HEALTH_PATH) throw draining();
      }
      if (url === undefined) throw new RelayError("bad_path");
      if (!HttpChannelDoor.knows(url.pathname)) return await this.#other(request, response, url);
      await this.#channels.enter({ request, response, url, waits });
    } catch (error) {
      refuse(request, response, error, corsHeaders(request, this.#options.gate.origins));
    }
  }

  /** Keeps the time limits of all bodies. */
  sweep(): void {
    this.#channels.bodies.sweep();
  }

  /** Ends every body, and answers no request any more but with that. Resolves when there is no body. */
  close(): Promise<void> {
    this.#closing = true;
    return this.#channels.bodies.drain();
  }

  async #other(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { origins } = this.#options.gate;
    const answer = await this.#routed(request, url);
    // no route takes OPTIONS: one that refuses it says that the path is there
    if (request.method === "OPTIONS" && answer.status === 405) {
      return sendAnswer(request, response, preflight(request, origins, OTHER_METHODS));
    }
    const headers = { ...answer.headers, ...corsHeaders(request, origins) };
    sendAnswer(request, response, { ...answer, headers });
  }

  /** @throws {RelayError} (rejects with it) `bad_path` for a path of nobody. */
  async #routed(request: IncomingMessage, url: URL): Promise<Answer> {
    for (const route of this.#options.routes) {
      const answer = await route(request, url);
      if (answer !== undefined) return answer;
    }
    throw new RelayError("bad_path");
  }
}
