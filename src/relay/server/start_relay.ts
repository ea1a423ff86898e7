/**
 * Starts a relay.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { getLogger } from "@logtape/logtape";
import { Channels } from "../channels.ts";
import { DEFAULT_LIMITS, type RelayLimits } from "../limits.ts";
import { Gate } from "./gate.ts";
import { HttpDoor } from "./http_door.ts";
import { answerFault, badRequest, sendError } from "./http_error.ts";
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from "./http_limits.ts";
import { httpRoutes } from "./http_routes.ts";
import { createServer, isLoopback, listen } from "./http_server.ts";
import { KernelSockets } from "./kernel_sockets.ts";
import { healthOf } from "./relay_health.ts";
import { shutDown } from "./shutdown.ts";
import { VERSION } from "../../version.ts";
import { warmUp } from "../warm_up.ts";
import { WebSocketDoor } from "./websocket_door.ts";

const logger = getLogger(["streamrelay", "relay"]);

/** Options of {@linkcode startRelay}. */
export interface RelayOptions extends Partial<RelayLimits>, Partial<HttpLimits> {
  /** Address to bind (default `127.0.0.1`). */
  host?: string;
  /** Port to bind (default 8765); 0 takes any free one. */
  port?: number;
  /** What clients must show, or any of several while it is being changed; without it everyone is let in (default none). */
  secret?: string | readonly string[];
  /**
   * Pages of other origins that may talk to the relay, e.g. `https://portal.example.org` (default none). A relay without a
   * secret that only its own machine reaches answers to their hosts, too, and otherwise to no name that may be a stranger's.
   */
  allowOrigin?: readonly string[];
  /** Whether clients' addresses are what the last entry of `X-Forwarded-For` says (default false). */
  trustProxy?: boolean;
  /** PEM certificate chain and key; with both, the relay speaks wss and https. */
  tls?: { cert: string; key: string };
  /** Stops the relay when aborted. */
  signal?: AbortSignal;
}

/** A relay that runs. */
export interface Relay extends AsyncDisposable {
  /** Where clients connect, e.g. `ws://127.0.0.1:8765`. */
  readonly url: string;
  /** The bound port. */
  readonly port: number;
  /**
   * Stops: no new clients, those there are get close code 1001, and within 5 s everything is closed. Until then `/health`
   * says that it is draining.
   */
  stop(): Promise<void>;
  /** Resolves when the relay has stopped. */
  readonly finished: Promise<void>;
}

/**
 * Starts a relay in this process and resolves once it accepts connections.
 *
 * @throws {RelayError} `usage` where the address cannot be bound, or the certificate does not serve.
 *
 * @example
 * ```ts
 * import { startRelay } from "./start_relay.ts";
 * import assert from "node:assert/strict";
 *
 * await using relay = await startRelay({ port: 0 });
 * assert.match(relay.url, /^ws:\/\/127\.0\.0\.1:\d+$/);
 * ```
 */
export async function startRelay(options: RelayOptions = {}): Promise<Relay> {
  const limits = limitsOf(options);
  const channels = new Channels(limits, performance.now());
  let loopback = true; // until it is known
  const gate = new Gate({
    limits,
    host: options.host,
    loopback: () => loopback,
    secrets: [options.secret ?? []].flat(),
    allowOrigin: options.allowOrigin,
    trustProxy: options.trustProxy,
    onRefusal: (code) => channels.refused(code),
  });
  let stopping = false;
  const source = {
    channels,
    limits,
    connections: () => door.size + httpDoor.size,
    stopping: () => stopping,
    version: VERSION,
  };
  const health = () => JSON.stringify(healthOf(source));
  const interval = sweepInterval(limits);
  const shares = Math.max(1, Math.floor(interval / SHARE_MS));
  const kernel = options.tls === undefined ? KernelSockets.open() : undefined;
  const door = new WebSocketDoor({ gate, channels, limits, health, shares, kernel });
  const address = (request: IncomingMessage) => gate.address(request);
  const routes = httpRoutes({ ...source, access: gate.access, address });
  const httpDoor = new HttpDoor({ gate, channels, limits, routes });
  const server = createServer(options.tls);
  server.on("request", (request, response) => void httpDoor.enter(request, response));
  server.on(
    "checkContinue",
    (request, response) => void httpDoor.enter(request, response, { waits: true }),
  );
  server.on("checkExpectation", (request, response) => {
    const error = badRequest("Expect is not 100-continue");
    sendError(request, response, error, { status: 417 });
  });
  server.on("connect", (_request, socket) => answerFault(new Error("no proxy"), socket as Socket));
  server.on("clientError", (fault, socket) => answerFault(fault, socket as Socket));
  server.on("upgrade", (request, socket, head) => door.enter(request, socket as Socket, head));
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const host = options.host ?? "127.0.0.1";
  const { address: bound, port } = await listen(server, { host, port: options.port ?? 8765 })
    .catch(async (error) => {
      await kernel?.[Symbol.asyncDispose]();
      throw error;
    });
  loopback = isLoopback(bound);

  warmUp();
  let share = 0;
  const sweeper = setInterval(() => {
    if (share === 0) {
      channels.sweep(performance.now());
      httpDoor.sweep();
      gate.sweep();
    }
    share = (share + 1) % shares;
    door.sweep();
  }, interval / shares);
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  const drain = () => Promise.all([door.close(), httpDoor.close()]);
  const stop = () => {
    if (!stopping) {
      stopping = true;
      const cut = () => door.cut();
      void shutDown({ server, sockets, cut, drain }).then(async () => {
        await kernel?.[Symbol.asyncDispose]();
        clearInterval(sweeper);
        channels.clear();
        options.signal?.removeEventListener("abort", stop);
        logger.info("relay stopped");
        resolve();
      });
    }
    return finished;
  };
  options.signal?.addEventListener("abort", stop, { once: true });
  if (options.signal?.aborted) void stop();

  const url = `${options.tls ? "wss" : "ws"}://${urlHost(host)}:${port}`;
  logger.info("relay listening on {url}", { url });
  logger.debug("WebSockets of {whose}", { whose: kernel ? "the kernel" : "the runtime" });
  return { url, port, stop, finished, [Symbol.asyncDispose]: stop };
}

/**
 * Between one share of the connections and the next, ms: to look after 10,000 in one go took 60 ms, in which no message
 * was handed on.
 */
const SHARE_MS = 50;

/** The shortest time limit, seen at least four times; between 20 ms and 1 s. */
function sweepInterval(limits: RelayLimits): number {
  const shortest = Math.min(
    limits.channelTimeoutMs,
    limits.retainMs,
    limits.stallTimeoutMs,
    limits.authTimeoutMs,
    limits.pingIntervalMs,
    limits.resumeTimeoutMs,
    limits.holdTimeoutMs,
    limits.leaseTtlMs,
  );
  return Math.max(20, Math.min(1_000, shortest / 4));
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Nothing but limits: they are handed around, and secrets are among the options. */
function limitsOf(options: RelayOptions): RelayLimits & HttpLimits {
  const defaults: RelayLimits & HttpLimits = { ...DEFAULT_LIMITS, ...DEFAULT_HTTP_LIMITS };
  const given = Object.entries(options).filter(([name, value]) => {
    return name in defaults && value !== undefined;
  });
  return { ...defaults, ...Object.fromEntries(given) };
}
