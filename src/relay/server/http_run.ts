/**
 * Which run the body of a request belongs to.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { ChannelLog } from "../../log/channel_log.ts";
import { RelayError } from "../../errors.ts";
import { checkedMeta } from "../../protocol/meta.ts";
import { isEpoch, isPlainEpoch, newPlainEpoch } from "../../protocol/position.ts";
import type { Channel } from "../channel.ts";
import type { RunClaim } from "../run.ts";
import { badRequest } from "./http_error.ts";
import { headerOnce } from "./http_request.ts";

/** Bytes of bodies that became messages, by run: text has no other measure that its sender knows. */
const taken = new WeakMap<ChannelLog, number>();

/** Bytes of HTTP bodies that became messages of a run; NaN once bodies overlapped, which leaves no such number. */
export function bytesTaken(log: ChannelLog | undefined): number {
  return log === undefined ? 0 : taken.get(log) ?? 0;
}

/**
 * The run that a request names: `Stream-Epoch`, chosen by the client, and `Stream-Next`, the number of the first message in
 * the body. Without the second the body goes on behind what is here; without both it is a run of its own, which nobody can
 * go on with.
 */
export class HttpRun {
  /** What the channel is told. */
  readonly claim: RunClaim;
  /** Whether the client chose the epoch, and so can name it again. */
  readonly chosen: boolean;
  #log: ChannelLog | undefined;
  #before = 0;

  /**
   * `format` is that of the body: only messages can be sent again, as text is cut into tokens by how it is read.
   *
   * @throws {RelayError} `bad_request` for headers that are malformed, or do not go together; `fenced` for text that is to
   * begin before what is here.
   */
  constructor(
    request: IncomingMessage,
    channel: Channel | undefined,
    { format }: { format: "text" | "ndjson" },
  ) {
    const epoch = headerOnce(request, "stream-epoch");
    const next = headerOnce(request, "stream-next");
    const meta = headerOnce(request, "stream-meta");
    if (epoch === undefined && next !== undefined) {
      throw badRequest("Stream-Next without Stream-Epoch");
    }
    if (epoch !== undefined && (!isEpoch(epoch) || isPlainEpoch(epoch))) {
      throw badRequest("Stream-Epoch is not 1 to 64 of A-Z a-z 0-9 _ -, or begins with v1-");
    }
    const log = epoch !== undefined && channel?.log?.epoch === epoch ? channel.log : undefined;
    const first = next === undefined ? log?.next ?? 0 : numberOf(next);
    if (format === "text" && log !== undefined && first < log.next) {
      throw new RelayError("fenced", `${log.next} messages are here: text goes on behind them`, {
        tellPeer: true,
      });
    }
    this.chosen = epoch !== undefined;
    this.claim = {
      epoch: epoch ?? newPlainEpoch(),
      first,
      next: Math.max(first, log?.next ?? 0),
      ...(meta !== undefined && { meta: metaOf(meta) }),
    };
  }

  /** The channel has taken the run. */
  begin({ log }: Channel): void {
    this.#log = log;
    this.#before = bytesTaken(log);
  }

  /** Messages of this body were here already. */
  overlapped(): void {
    this.#before = NaN;
  }

  /** So many bytes of this body have become messages. */
  took(bytes: number): void {
    if (this.#log !== undefined) taken.set(this.#log, this.#before + bytes);
  }
}

function numberOf(text: string): number {
  const value = Number(text);
  if (/^(0|[1-9]\d{0,15})$/.test(text) && Number.isSafeInteger(value)) return value;
  throw badRequest("Stream-Next is no whole number from 0 on");
}

function metaOf(text: string) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest("Stream-Meta is not JSON");
  }
  return checkedMeta(value);
}
