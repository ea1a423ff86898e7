/**
 * Why a stream is not a good one, as an error.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { EndDetails, EndStatus } from "../protocol/control.ts";
import type { ErrorMessage } from "../protocol/message.ts";
import { isRelayEnding } from "./message_reader.ts";

/** A stream whose last message is an error: the producer's word, `cancelled`, or a plain relay's, that it is cut. */
export function failureOfMessage(message: ErrorMessage): RelayError {
  if (message.code === "cancelled") return new RelayError("cancelled", message.message);
  return new RelayError(isRelayEnding(message) ? "incomplete" : "producer_error", message.message);
}

/** A stream whose last message is no ending, and of which the relay says that it has ended. */
export function failureOfRun(status: EndStatus, details: EndDetails = {}): RelayError {
  switch (status) {
    case "lost":
      return new RelayError("incomplete", "the producer's connection ended in mid-stream");
    case "expired":
      return new RelayError("expired");
    case "cancelled":
      return new RelayError("cancelled");
    case "error":
      return new RelayError("producer_error", howItEnded(details));
    case "done":
    case "closed":
      return new RelayError("incomplete", "The stream was cut: its end is missing");
  }
}

function howItEnded({ exit_code, signal }: EndDetails): string {
  if (signal !== undefined) return `the producer was ended by ${signal}`;
  if (exit_code !== undefined) return `the command ended with exit code ${exit_code}`;
  return "the producer reported an error";
}

/** Messages `from` to `to`, that one not included, that the relay no longer has. */
export function failureOfGap({ from, to }: { from: number; to: number }): RelayError {
  return new RelayError(
    "incomplete",
    `Messages ${from} to ${to - 1} are no longer retained by the relay`,
  );
}
