/**
 * How a stream ended, in words for its reader.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { EndDetails, EndStatus } from "../protocol/control.ts";
import { type ErrorMessage, isDone, isError, type Message } from "../protocol/message.ts";

/** An ending. */
export interface Ending {
  /** Whether all is there and well. */
  readonly good: boolean;
  readonly text: string;
}

const GOOD: Ending = { good: true, text: "Done" };

/** The ending that a message states; `undefined` where it is none. A stream with `gaps` is not a good one. */
export function endingOfMessage(message: Message, gaps = false): Ending | undefined {
  if (isDone(message)) return gaps ? bad("Done, but messages are missing") : GOOD;
  return isError(message) ? bad(sentence(message)) : undefined;
}

/** The ending of a run without a message that says so: what the relay says alone is never a good one. */
export function endingOfRun(status: EndStatus, details: EndDetails = {}): Ending {
  switch (status) {
    case "lost":
      return bad("Lost: the producer's connection ended in mid-stream");
    case "expired":
      return bad("The channel expired");
    case "cancelled":
      return bad("Cancelled");
    case "error":
      return bad(
        sentence({ type: "error", message: "the producer reported an error", ...details }),
      );
    case "done":
    case "closed":
      return bad("Cut: the end of the stream is missing");
  }
}

/** Why nothing can be read, or nothing more. */
export function endingOfError(error: unknown): Ending {
  if (error instanceof RelayError) return bad(SENTENCES[error.code] ?? capital(error.message));
  return bad("This page failed: reload it");
}

const SENTENCES: Partial<Record<RelayError["code"], string>> = {
  unreachable: "The relay cannot be reached",
  expired: "The channel expired",
};

function sentence({ message, code, exit_code, signal }: ErrorMessage): string {
  if (code === "cancelled") return "Cancelled";
  const how = signal !== undefined
    ? ` (${signal})`
    : exit_code !== undefined
    ? ` (exit code ${exit_code})`
    : "";
  return `Failed: ${message}${message.includes(how.slice(2, -1)) ? "" : how}`;
}

function bad(text: string): Ending {
  return { good: false, text };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
