/**
 * Asks a producer to stop.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { isChannelId } from "../protocol/channel_id.ts";
import type { EndStatus } from "../protocol/control.ts";
import { parseToConsumer } from "../protocol/relay_control.ts";
import { Connection } from "./connection.ts";
import { closingError } from "./connection_error.ts";
import { Deadline } from "./deadline.ts";
import { DEFAULT_RELAY_URL, relayPath } from "./relay_url.ts";

/** Options of {@linkcode cancelChannel}. */
export interface CancelOptions {
  /** The relay; ws, wss, http or https (default `ws://localhost:8765`). */
  url?: string;
  /** The relay's secret, or a token for the role `cancel` (default none). */
  secret?: string;
  /** Why, for the producer's log (default none). */
  reason?: string;
  /** How long to wait for the end of the stream, ms (default 30,000); then `timeout`. */
  timeoutMs?: number;
  /** Waits no longer when aborted. */
  signal?: AbortSignal;
}

const TIMEOUT_MS = 30_000;

/**
 * Asks the producer of `channel` to stop, waits until its stream has ended and resolves with how: `cancelled`, or
 * something else where it ended for another reason meanwhile or before.
 *
 * @throws {RelayError} `unreachable` where no producer could be told, `timeout` where it has not ended in time.
 *
 * @example
 * ```ts
 * import { cancelChannel, RelayProducer, startRelay } from "../mod.ts";
 * import assert from "node:assert/strict";
 *
 * await using relay = await startRelay({ port: 0 });
 * const producer = await RelayProducer.connect({
 *   url: relay.url,
 *   channel: "job-7",
 *   onCancel: () => void producer.error("cancelled by a consumer", { code: "cancelled" }),
 * });
 * assert.equal(await cancelChannel("job-7", { url: relay.url }), "cancelled");
 * ```
 */
export async function cancelChannel(
  channel: string,
  options: CancelOptions = {},
): Promise<EndStatus> {
  if (!isChannelId(channel)) throw new RelayError("bad_channel");
  using deadline = new Deadline(options.signal);
  deadline.set(options.timeoutMs ?? TIMEOUT_MS, `The stream of ${channel} has not ended in time`);
  const url = relayPath(options.url ?? DEFAULT_RELAY_URL, `/consume/${channel}`);
  const { secret, reason } = options;
  const connection = await Connection.open(url, {
    secret,
    resumable: true,
    signal: deadline.signal,
  });
  const destroy = () => connection.destroy();
  deadline.signal.addEventListener("abort", destroy, { once: true });
  try {
    if (!connection.resumable) {
      throw new RelayError(
        "unreachable",
        "This relay speaks the plain protocol (v1): it cannot cancel",
      );
    }
    const { credential } = connection;
    await connection.send(
      JSON.stringify({ type: "hello", role: "cancel", position: "live", credential }),
    );
    await connection.send(JSON.stringify({ type: "cancel", reason }));
    return await ending(connection, deadline.signal);
  } finally {
    connection.destroy();
  }
}

/** Reads until the stream has ended. */
async function ending(connection: Connection, signal: AbortSignal): Promise<EndStatus> {
  for (;;) {
    const data = await connection.receive();
    signal.throwIfAborted();
    if (data === undefined) throw closingError(await connection.closed, "unreachable");
    if (typeof data !== "string") throw new RelayError("protocol", "The relay sent data");
    const message = parseToConsumer(data);
    if (message.type === "end") return message.status;
    if (message.type === "cancelling" && !message.reached) {
      throw new RelayError("unreachable", `Cannot cancel: ${message.reason ?? "no reason given"}`);
    }
  }
}
