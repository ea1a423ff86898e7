/**
 * What a run of `produce` is told.
 *
 * @module
 */

import type { ProducerOptions } from "../src/client/producer.ts";
import { MessageInput } from "./message_input.ts";

/** What sending stdin and sending a command's output have in common. */
export interface RunOptions {
  readonly producer: ProducerOptions;
  /** Copy what is sent to stdout. */
  readonly tee: boolean;
  /** What is read: text, or messages, one a line. */
  readonly format: "text" | "ndjson";
  /** Goes into `done`. */
  readonly usage?: Record<string, unknown>;
  /** What an interrupted command has to send what is left, ms. */
  readonly graceMs: number;
}

/** What reads the input where that is messages; `undefined` where it is text. */
export function messageInput({ format, producer }: RunOptions): MessageInput | undefined {
  if (format === "text") return undefined;
  return new MessageInput({ sealed: producer.encryptionKey !== undefined });
}
