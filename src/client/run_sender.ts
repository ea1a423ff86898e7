/**
 * Messages and text of a producer → what its uplink takes.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { Message } from "../protocol/message.ts";
import { type LineRun, TokenLines } from "../protocol/token_lines.ts";
import { TokenSplitter } from "../protocol/token_splitter.ts";
import type { Intake } from "./intake.ts";
import type { Ending } from "./outbox.ts";
import { checkSealable, type SealLine } from "./seal_line.ts";
import type { Uplink } from "./uplink.ts";

/** What a {@linkcode RunSender} sends by. */
export interface RunSenderOptions {
  readonly uplink: Pick<Uplink, "end" | "finished" | "push" | "pushLines">;
  readonly intake: Intake;
  /** With it, messages are sealed (default: they are not). */
  readonly sealLine?: SealLine;
}

/** Sends one run up to its end, and nothing after it. */
export class RunSender {
  readonly #options: RunSenderOptions;
  /** Text that is not sealed becomes lines at once, without a message for each. */
  readonly #tokenLines = new TokenLines();
  readonly #splitter = new TokenSplitter();
  #ended: Promise<void> | undefined;

  constructor(options: RunSenderOptions) {
    this.#options = options;
  }

  /** Whether the end was stated. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Whether text had bytes that are not UTF-8: U+FFFD was sent for them. */
  get textReplaced(): boolean {
    return this.#tokenLines.replaced || this.#splitter.replaced;
  }

  /** Sends messages; resolves when there is room for more. Throws like {@linkcode RelayProducer.sendAll}. */
  async sendAll(messages: readonly Message[]): Promise<void> {
    this.#checkOpen();
    await this.#sendAll(messages);
  }

  /** Sends text, of which `chunk` need not be whole characters. Throws like {@linkcode RelayProducer.sendText}. */
  async sendText(chunk: Uint8Array): Promise<void> {
    this.#checkOpen();
    await this.#sendTokens((tokens) => tokens.feed(chunk), (splitter) => splitter.feed(chunk));
  }

  /** Ends the run with `messages`; the first ending counts, and the others resolve, or reject, along with it. */
  end(messages: Message[], ending: Ending): Promise<void> {
    return this.#ended ??= this.#end(messages, ending);
  }

  /** Nothing follows the end: what came after it would be lost without a word. */
  #checkOpen(): void {
    if (this.#ended === undefined) return;
    throw new RelayError("usage", "Cannot send anything after the end of the stream");
  }

  async #sendAll(messages: readonly Message[]): Promise<void> {
    const { sealLine, intake } = this.#options;
    if (sealLine !== undefined) messages.forEach(checkSealable);
    const may = intake.take(messages.length);
    if (may !== true && !await may) return;
    await this.#push(messages);
  }

  async #sendTokens(
    toLines: (tokens: TokenLines) => LineRun,
    toTokens: (splitter: TokenSplitter) => string[],
  ): Promise<void> {
    const { sealLine, intake, uplink } = this.#options;
    if (sealLine !== undefined) {
      const tokens = toTokens(this.#splitter);
      return await this.#sendAll(tokens.map((content) => ({ type: "token", content })));
    }
    let { lines, count } = toLines(this.#tokenLines);
    const may = intake.take(count);
    if (may !== true) {
      lines = lines.slice(); // the next call may come before there is room
      if (!await may) return;
    }
    uplink.pushLines(lines, count);
  }

  async #push(messages: readonly Message[]): Promise<void> {
    const { sealLine, uplink } = this.#options;
    const texts = messages.map((message) => JSON.stringify(message));
    if (sealLine === undefined) uplink.push(texts);
    else await sealLine.push(texts);
  }

  async #end(messages: Message[], ending: Ending): Promise<void> {
    const { intake, uplink } = this.#options;
    await this.#sendTokens((tokens) => tokens.end(), (splitter) => splitter.end());
    const missing = intake.dropped;
    await this.#push(missing > 0 ? undelivered(missing) : messages);
    uplink.end(missing > 0 ? { status: "error" } : ending);
    await uplink.finished;
    if (missing === 0) return;
    throw new RelayError(
      "unreachable",
      `The relay was away for too long, and ${missing} messages were dropped`,
    );
  }
}

/** The last messages of a stream that lacks those before. */
function undelivered(missing: number): Message[] {
  const message = `${missing} messages were dropped while the relay was away`;
  return [{ type: "error", code: "undelivered", message }, { type: "done", usage: {} }];
}
