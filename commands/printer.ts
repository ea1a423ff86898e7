/**
 * Prints a stream.
 *
 * @module
 */

import type { RelayConsumer } from "../src/client/consumer.ts";
import type { StreamEvent } from "../src/client/stream_event.ts";
import { isToken, type Message } from "../src/protocol/message.ts";
import { Output } from "./output.ts";
import type { PositionFile } from "./position_file.ts";
import { PrintedPosition } from "./printed_position.ts";
import { ProgressStatus } from "./progress_status.ts";
import { tellNews } from "./stream_news.ts";
import type { StreamStats } from "./stream_stats.ts";
import { complain } from "./terminal.ts";

/** What a {@linkcode Printer} prints. */
export interface PrintOptions {
  /** Messages as JSON, one a line (default: the tokens). */
  readonly json?: boolean;
  /** All at the end (default: as it comes). */
  readonly collect?: boolean;
  /** What follows a gap as well (default: a gap is the end). */
  readonly allowGaps?: boolean;
}

/** What goes along with the printing. */
export interface PrintRun {
  readonly stats: StreamStats;
  /** Remembers the position. */
  readonly file?: PositionFile;
  /** Aborted: stdout has a second to take what is left. */
  readonly signal: AbortSignal;
}

/** What a pipe takes whole or not at all, bytes (POSIX, limits.h: at least 512; Linux: 4096). */
const PIPE_BUF = 4096;
const NEWLINE = 0x0a;

/** Prints one stream to stdout, and what happens to it to stderr. */
export class Printer {
  readonly #options: PrintOptions;
  readonly #stats: StreamStats;
  readonly #output: Output;
  readonly #printed: PrintedPosition | undefined;
  readonly #progress: ProgressStatus;
  readonly #collected: string[] = [];

  constructor(options: PrintOptions, { stats, file, signal }: PrintRun) {
    const { collect } = options;
    this.#options = options;
    this.#stats = stats;
    this.#output = new Output(signal, file && { pieceBytes: PIPE_BUF });
    this.#printed = file && new PrintedPosition(file, this.#output, { collect });
    this.#progress = new ProgressStatus(!collect && Deno.stdout.isTerminal());
  }

  /**
   * Prints all of it, or up to where nobody reads stdout any more.
   *
   * @throws {RelayError} where the stream did not end well, or stdout or the file of positions cannot be written to.
   */
  async print(consumer: RelayConsumer): Promise<void> {
    try {
      const asText = !this.#options.json && !this.#options.collect;
      for await (const event of consumer.events({ asText })) {
        if (event.kind === "text") await this.#printText(event);
        else if (event.kind === "messages") await this.#printMessages(event);
        else tellNews(event, this.#options);
        if (this.#output.closed) return;
      }
      if (consumer.proven === false) {
        complain(
          "the producer does not number what it encrypts: nothing proves order and completeness",
        );
      }
    } finally {
      await this.#finish();
    }
  }

  /** What came is the user's, also where the rest did not. */
  async #finish(): Promise<void> {
    if (this.#options.collect) this.#output.write(this.#collected.join(""));
    try {
      await this.#output.flush();
    } finally {
      await this.#printed?.save();
    }
  }

  async #printMessages(
    { messages, position }: StreamEvent & { kind: "messages" },
  ): Promise<void> {
    this.#progress.makeWay();
    this.#stats.count(messages.filter(isToken).length);
    const text = textOf(messages, this.#options);
    if (this.#options.collect) this.#collected.push(text);
    else if (text !== "") await this.#output.write(text);
    if (text !== "") this.#progress.wrote({ lineOpen: !text.endsWith("\n") });
    await this.#progress.show(messages, () => this.#output.flush());
    if (position === undefined) return;
    await this.#printed?.reached(position, messages.at(-1)!.type === "done");
  }

  async #printText({ text, count, position }: StreamEvent & { kind: "text" }): Promise<void> {
    this.#progress.makeWay();
    this.#stats.count(count);
    await this.#output.write(text);
    if (text.length > 0) this.#progress.wrote({ lineOpen: text[text.length - 1] !== NEWLINE });
    await this.#progress.show([], () => this.#output.flush());
    await this.#printed?.reached(position, false);
  }
}

function textOf(messages: readonly Message[], { json = false }: PrintOptions): string {
  let text = "";
  for (const message of messages) {
    if (json) text += `${JSON.stringify(message)}\n`;
    else if (isToken(message)) text += message.content;
  }
  return text;
}
