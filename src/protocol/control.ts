/**
 * Control messages of the resumable protocol: one JSON object in a text frame (`docs/protocol.md`, version 2). They are read
 * in `client_control.ts`, by relays, and in `relay_control.ts`, by clients.
 *
 * @module
 */

import type { Meta } from "./meta.ts";

/** The WebSocket subprotocol by which both sides agree on it. */
export const SUBPROTOCOL = "streamrelay.v2";

/** Largest control message a client may send, bytes. */
export const MAX_CONTROL_MESSAGE_BYTES = 8 * 1024;

/** How a producer says its run ended. */
export type RunStatus = "done" | "error" | "cancelled";

/** How a run ended, as readers are told: a run that its producer did not end has a status the relay gave it. */
export type EndStatus = RunStatus | "closed" | "lost" | "expired";

/** What else is known of an ending. */
export interface EndDetails {
  /** Exit code of the producer's command, 0 to 255. */
  readonly exit_code?: number;
  /** Signal that ended it, e.g. `SIGTERM`. */
  readonly signal?: string;
}

/** A producer introduces itself. */
export interface ProduceHello {
  readonly type: "hello";
  readonly role: "produce";
  readonly epoch: string;
  /** The oldest message it can still send. */
  readonly first: number;
  /** The message after the newest one it has made. */
  readonly next: number;
  readonly meta?: Meta;
  /** Whether it was connected to a relay before: readers may have begun there. */
  readonly resumed?: boolean;
  readonly credential?: string;
  /** Nonce of who uses a token, see `holder.ts`. */
  readonly holder?: string;
}

/** A consumer introduces itself, or who is only there to `cancel`: it is told everything but messages and gaps. */
export interface ConsumeHello {
  readonly type: "hello";
  readonly role: "consume" | "cancel";
  /** `live`, or `<epoch>:<seq>`; absent: the oldest message retained. */
  readonly position?: string;
  /** Whether another run than that of the position, or than the one being read, is wanted too. */
  readonly restart?: boolean;
  readonly credential?: string;
  /** As {@linkcode ProduceHello.holder}. */
  readonly holder?: string;
}

/** A producer's run is complete. */
export interface RunEnd extends EndDetails {
  readonly type: "end";
  /** Number of messages. */
  readonly next: number;
  readonly status: RunStatus;
}

/** Asks the producer to stop: from a consumer to the relay, from the relay to the producer. */
export interface Cancel {
  readonly type: "cancel";
  readonly reason?: string;
}

/** Whatever a client sends as text. */
export type ClientControl = ProduceHello | ConsumeHello | RunEnd | Cancel;

/** Whether a producer is there, as consumers are told. */
export type ChannelState = "waiting" | "live" | "away" | "ended";

/** Whatever a relay sends to a producer as text. */
export type ToProducer =
  | { type: "welcome"; epoch: string; next: number; window: number }
  | { type: "ack"; next: number; end?: true }
  | { type: "cancel"; reason?: string };

/** Whatever a relay sends to a consumer as text. */
export type ToConsumer =
  | { type: "welcome"; state: ChannelState }
  | { type: "begin" | "restart"; epoch: string; from: number; next: number }
  | { type: "gap"; from: number; to: number }
  | { type: "producer"; state: "live" | "away" }
  | { type: "cancelling"; reached: boolean; reason?: string }
  | { type: "end"; next: number; status: EndStatus } & EndDetails;
