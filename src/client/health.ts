/**
 * Asks a relay how it is.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { authorization } from "./authorization.ts";
import { Connection } from "./connection.ts";
import { relayPath } from "./relay_url.ts";

/** What a relay says of itself; more fields may follow. */
export interface Health {
  readonly status: string;
  readonly active_channels: number;
  readonly timestamp: string;
}

/** Options of {@linkcode checkHealth}. */
export interface HealthOptions {
  /** Time for the answer, ms (default 5,000); then `unreachable`. */
  timeoutMs?: number;
  /** The relay's secret or a token, for what may stand in front of it; relays of ours ask for none (default none). */
  secret?: string;
}

/**
 * Asks by HTTP, and by WebSocket where HTTP is answered by a server that speaks no other, as the Python relay does.
 *
 * @throws {RelayError} `unreachable` where nothing, or nothing that is a relay, answers.
 *
 * @example
 * ```ts
 * import { checkHealth } from "./health.ts";
 * import { startRelay } from "../mod.ts";
 * import assert from "node:assert/strict";
 *
 * await using relay = await startRelay({ port: 0 });
 * assert.equal((await checkHealth(relay.url)).status, "healthy");
 * ```
 */
export async function checkHealth(relay: string, options: HealthOptions = {}): Promise<Health> {
  const { timeoutMs = 5_000, secret } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  const url = relayPath(relay, "/health");
  const ask = { signal, secret };
  try {
    return parseHealth(await askHttp(url, ask) ?? await askWebSocket(url, ask), url);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new RelayError(
      "unreachable",
      `Cannot reach the relay at ${url.origin}: no answer in time`,
      {
        cause: error,
      },
    );
  }
}

interface Ask {
  readonly signal: AbortSignal;
  readonly secret?: string;
}

async function askHttp(url: URL, { signal, secret }: Ask): Promise<string | undefined> {
  const web = new URL(url);
  web.protocol = url.protocol === "wss:" ? "https:" : "http:";
  // what no header can hold is not asked for here
  const Authorization = authorization(secret);
  const headers = Authorization === undefined ? undefined : { Authorization };
  if (headers !== undefined) web.username = web.password = ""; // they would make a second such header
  try {
    const response = await fetch(web, { signal, headers });
    const text = await response.text();
    return response.headers.get("content-type")?.startsWith("application/json") ? text : undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined; // the WebSocket client knows better why a connection fails
  }
}

async function askWebSocket(url: URL, { signal, secret }: Ask): Promise<string> {
  const connection = await Connection.open(url, {
    signal,
    secret: authorization(secret) === undefined ? undefined : secret,
  });
  signal.addEventListener("abort", () => connection.destroy(), { once: true });
  const text = await connection.receive();
  void connection.close();
  return String(text ?? "");
}

function parseHealth(text: string, url: URL): Health {
  try {
    const health = JSON.parse(text);
    if (typeof health?.status === "string") return health;
  } catch {
    // said below, like an answer that is JSON and no health
  }
  throw new RelayError(
    "unreachable",
    `No relay at ${url.origin}: its /health is not that of a relay`,
  );
}
