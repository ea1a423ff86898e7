/**
 * What a stream has for its reader.
 *
 * @module
 */

import type { RelayError } from "../errors.ts";
import type { ChannelState, EndDetails, EndStatus } from "../protocol/control.ts";
import type { Message } from "../protocol/message.ts";
import type { Position } from "../protocol/position.ts";

/** What a channel has for its reader, in order. */
export type StreamEvent =
  /** Messages. `position` is that of the message after them; plain relays have none. */
  | { readonly kind: "messages"; readonly messages: Message[]; readonly position?: Position }
  /** Tokens in one, where they are wanted as text: UTF-8, valid until the next event is asked for. `position` is that after them. */
  | {
    readonly kind: "text";
    readonly text: Uint8Array;
    readonly count: number;
    readonly position: Position;
  }
  /** A run begins to be read, at message `from`; `restart`: another one than before. */
  | {
    readonly kind: "begin";
    readonly epoch: string;
    readonly from: number;
    readonly restart: boolean;
  }
  /** Messages `from` to `to`, that one not included, are no longer retained. */
  | { readonly kind: "gap"; readonly from: number; readonly to: number }
  /** The producer: awaited, there, away (it may come back), at its end. */
  | { readonly kind: "producer"; readonly state: ChannelState }
  /** The relay cannot be reached for the moment (`error` says why), or can be again. */
  | { readonly kind: "relay"; readonly state: "away" | "back"; readonly error?: RelayError }
  /** The answer to a wish to cancel. */
  | { readonly kind: "cancelling"; readonly reached: boolean; readonly reason?: string }
  /** The relay says that the run has ended. */
  | { readonly kind: "end"; readonly status: EndStatus } & EndDetails;
