/**
 * What the operator sees by HTTP: health, metrics, channels, and a page.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { RelayError } from "../../errors.ts";
import { isChannelId } from "../../protocol/channel_id.ts";
import type { ChannelState } from "../../protocol/control.ts";
import type { Access } from "../access.ts";
import type { Channels } from "../channels.ts";
import { Metrics } from "../metrics.ts";
import { detailsOf, listChannels, type ListOptions } from "../overview.ts";
import { credentialOf } from "./credential.ts";
import { type Answer, badRequest, errorBody } from "./http_error.ts";
import { parameterOnce } from "./http_request.ts";
import { overviewAsset } from "./overview_page.ts";
import { HEALTH_PATH, healthOf, type HealthSource } from "./relay_health.ts";

/** Options of {@linkcode operatorRoutes}. */
export interface OperatorOptions extends HealthSource {
  readonly access: Access;
  /** The address that failed credentials are counted for; see `clientAddress`. */
  readonly address: (request: IncomingMessage) => string;
}

/**
 * Answers a request, or says by `undefined` that its path is another's.
 *
 * @throws {RelayError} (rejects with it) what the request cannot have, and why.
 */
export type OperatorRoute = (request: IncomingMessage, url: URL) => Promise<Answer> | undefined;

/** Channels in a page of the list. */
const USUAL_LIMIT = 100;
const MOST_LIMIT = 1_000;
const STATES: ReadonlySet<string> = new Set<ChannelState>(["waiting", "live", "away", "ended"]);

/** Makes the answer of a path. */
type Make = (request: IncomingMessage, url: URL) => Answer | Promise<Answer>;

/**
 * Makes the route of `/health`, `/metrics`, `/channels`, `/channels/{id}` and `/`. The channels are for holders of the relay's
 * secret: a token, which is for one channel, is not enough. Health and metrics are for everybody, and name no channel; the
 * page is empty until it is given the secret.
 */
export function operatorRoutes(options: OperatorOptions): OperatorRoute {
  const metrics = new Metrics(options);
  const { channels } = options;
  const guarded = (make: (url: URL) => Answer): Make => async (request, url) => {
    await admit(options, request, url);
    return make(url);
  };
  const routes: Readonly<Record<string, Make>> = {
    [HEALTH_PATH]: () => healthAnswer(options),
    "/metrics": async () => answer(200, await metrics.text(), metrics.contentType),
    "/channels": guarded((url) => json(listChannels(channels, listOptions(url)))),
  };
  const makerOf = (path: string): Make | undefined => {
    const asset = overviewAsset(path);
    if (asset !== undefined) return () => asset;
    const id = /^\/channels\/([^/]+)\/?$/.exec(path)?.[1];
    if (id !== undefined) return guarded(() => oneChannel(channels, id));
    return Object.hasOwn(routes, path) ? routes[path] : undefined;
  };
  return (request, url) => {
    const make = makerOf(url.pathname);
    return make === undefined ? undefined : answered(make, request, url);
  };
}

// deno-lint-ignore require-await -- what is thrown is a rejection, too
async function answered(make: Make, request: IncomingMessage, url: URL): Promise<Answer> {
  if (request.method === "GET" || request.method === "HEAD") return make(request, url);
  const headers = { "Content-Type": "application/json", Allow: "GET, HEAD, OPTIONS" };
  return { status: 405, headers, body: errorBody(badRequest("use GET")) };
}

function healthAnswer(source: HealthSource): Answer {
  const health = healthOf(source);
  return json(health, health.ready ? 200 : 503);
}

function oneChannel(channels: Channels, id: string): Answer {
  if (!isChannelId(id)) throw new RelayError("bad_channel");
  const channel = channels.find(id);
  if (channel === undefined) throw new RelayError("no_channel");
  return json(detailsOf(channel, channels.now));
}

/** @throws {RelayError} `unauthorized`, `forbidden`, or `limit` after too many failures. */
async function admit(
  { access, address }: OperatorOptions,
  request: IncomingMessage,
  url: URL,
): Promise<void> {
  const use = { role: "operate", channel: "" } as const;
  await access.admit(credentialOf(request, url), use, { address: address(request) });
}

function listOptions(url: URL): ListOptions {
  const state = parameterOnce(url, "state");
  const after = parameterOnce(url, "after");
  const limit = parameterOnce(url, "limit") ?? String(USUAL_LIMIT);
  if (state !== undefined && !STATES.has(state)) {
    throw badRequest("state is not waiting, live, away or ended");
  }
  if (after !== undefined && !isChannelId(after)) throw badRequest("after is no channel id");
  if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > MOST_LIMIT) {
    throw badRequest(`limit is no number from 1 to ${MOST_LIMIT}`);
  }
  return { state: state as ChannelState | undefined, after, limit: Number(limit) };
}

function json(value: unknown, status = 200): Answer {
  return answer(status, JSON.stringify(value), "application/json");
}

function answer(status: number, body: string, type: string): Answer {
  return { status, headers: { "Content-Type": type }, body };
}
