/**
 * Input that is a message a line, as `produce --format ndjson` reads it.
 *
 * @module
 */

import { RESERVED } from "../src/crypto/place.ts";
import { type ErrorMessage, isDone, isError, type Message } from "../src/protocol/message.ts";
import { type BadLine, MessageLines, type ReadLine } from "../src/protocol/message_lines.ts";
import type { Delivery } from "./delivery.ts";
import { complain } from "./terminal.ts";

/**
 * Input that is a message a line. A line that is none goes out as a `log` message: what a library writes to stdout is no
 * reason to stop a job, and nothing is lost. `done` and `error` say how the stream is to end; what follows them is not sent.
 */
export class MessageInput {
  /** What the input said of its end. */
  ending: { usage?: Record<string, unknown>; error?: ErrorMessage } | undefined;
  /** Whether a line was too long and is missing. */
  incomplete = false;
  readonly #lines: MessageLines;
  #badTold = false;
  #lateTold = false;

  /** `sealed`: messages will be encrypted, and some names of fields are taken. */
  constructor({ sealed }: { sealed: boolean }) {
    this.#lines = new MessageLines({ reserved: sealed ? RESERVED : [] });
  }

  /** Sends the lines that `chunk` ends. */
  send(chunk: Uint8Array, delivery: Delivery): Promise<void> {
    return this.#send(this.#lines.feed(chunk), delivery);
  }

  /** Sends a last line without a newline. */
  end(delivery: Delivery): Promise<void> {
    return this.#send(this.#lines.end(), delivery);
  }

  async #send(lines: readonly ReadLine[], delivery: Delivery): Promise<void> {
    const messages: Message[] = [];
    for (const line of lines) {
      const message = "message" in line ? line.message : this.#logOf(line.bad);
      if (this.ending !== undefined) this.#tellLate();
      else if (!this.#isEnding(message)) messages.push(message);
    }
    if (messages.length > 0) await delivery.send(messages);
  }

  #isEnding(message: Message): boolean {
    if (isDone(message)) this.ending = { usage: usageOf(message.usage) };
    else if (isError(message)) this.ending = { error: message };
    return this.ending !== undefined;
  }

  #logOf({ text, bytes }: BadLine): Message {
    if (text === undefined) {
      this.incomplete = true;
      const content = `a line of ${bytes} bytes was too long and is missing`;
      complain(content);
      return { type: "log", level: "error", content };
    }
    if (!this.#badTold) {
      complain("a line is no message and is sent as log: --format ndjson wants JSON");
    }
    this.#badTold = true;
    return { type: "log", stream: "stdout", content: text };
  }

  #tellLate(): void {
    if (!this.#lateTold) complain("the input goes on after its done or error: that is not sent");
    this.#lateTold = true;
  }
}

function usageOf(usage: unknown): Record<string, unknown> | undefined {
  if (typeof usage !== "object" || usage === null || Array.isArray(usage)) return undefined;
  return usage as Record<string, unknown>;
}
