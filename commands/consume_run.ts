/**
 * What `streamrelay consume` does.
 *
 * @module
 */

import { type ConsumerOptions, RelayConsumer } from "../src/client/consumer.ts";
import type { StreamEvent } from "../src/client/stream_event.ts";
import { isToken, type Message, type Progress, progressOf } from "../src/protocol/message.ts";
import type { Position } from "../src/protocol/position.ts";
import { ExitCode } from "./exit.ts";
import { Interrupt } from "./interrupt.ts";
import { Output } from "./output.ts";
import { PositionFile } from "./position_file.ts";
import { StreamStats } from "./stream_stats.ts";
import { progressLine } from "./progress_bar.ts";
import { clearStatus, complain, say, status, terminalColumns } from "./terminal.ts";

/** Options of {@linkcode consume}. */
export interface ConsumeOptions {
  readonly consumer: ConsumerOptions;
  /** File that remembers the position. */
  readonly positionFile?: string;
  /** Print messages as JSON. */
  readonly json: boolean;
  /** Print at the end. */
  readonly collect: boolean;
  /** Print counts and times at the end. */
  readonly stats: boolean;
  /** SIGINT asks the producer to stop. */
  readonly cancelOnInterrupt: boolean;
}

/**
 * Prints a channel.
 *
 * @throws {RelayError} where the stream did not end well or is not complete.
 * @throws {ExitCode} where it was interrupted.
 */
export async function consume(options: ConsumeOptions): Promise<void> {
  const { channel, url } = options.consumer;
  const file = options.positionFile === undefined
    ? undefined
    : await PositionFile.open(options.positionFile, { channel });
  using interrupt = new Interrupt(options.cancelOnInterrupt ? () => askToCancel() : undefined);
  const { signal } = interrupt;
  const consumer = new RelayConsumer({ ...options.consumer, ...file?.resume, url, signal });
  const askToCancel = (): boolean => {
    const asked = consumer.cancel("a consumer was interrupted");
    if (asked) status("cancelling … (Ctrl-C again to leave)");
    else complain("cannot cancel: this relay speaks the plain protocol (v1)");
    return asked;
  };
  const stats = new StreamStats();
  try {
    await new Printer(consumer, options, { stats, file, signal }).run();
  } catch (error) {
    if (interrupt.received === undefined) throw error;
  } finally {
    clearStatus();
    if (options.stats) say(stats.summary());
  }
  if (interrupt.received !== undefined) throw new ExitCode(interrupt.received.exitCode);
}

/** What a pipe takes whole or not at all, bytes (POSIX, limits.h: at least 512; Linux: 4096). */
const PIPE_BUF = 4096;
/** Positions kept at a time until stdout has taken what is before them. */
const MOST_MARKS = 1_000;

/** Prints what happens to one stream. */
class Printer {
  readonly #consumer: RelayConsumer;
  readonly #options: ConsumeOptions;
  readonly #stats: StreamStats;
  readonly #file: PositionFile | undefined;
  readonly #output: Output;
  readonly #collected: string[] = [];
  /** Where text and status share a terminal, a status would take away the line that is being written. */
  readonly #shared: boolean;
  #lineOpen = false;
  #progress: Progress | undefined;
  /** Positions, and how much of stdout comes before each. */
  readonly #marks: { at: number; position: Position; complete: boolean }[] = [];

  constructor(
    consumer: RelayConsumer,
    options: ConsumeOptions,
    run: { stats: StreamStats; file: PositionFile | undefined; signal: AbortSignal },
  ) {
    this.#consumer = consumer;
    this.#options = options;
    this.#stats = run.stats;
    this.#file = run.file;
    this.#output = new Output(run.signal, run.file && { pieceBytes: PIPE_BUF });
    this.#shared = !options.collect && Deno.stdout.isTerminal();
  }

  async run(): Promise<void> {
    status(`waiting for the first token of ${this.#options.consumer.channel} … (Ctrl-C to stop)`);
    try {
      const asText = !this.#options.json && !this.#options.collect;
      for await (const event of this.#consumer.events({ asText })) {
        if (event.kind === "text") await this.#printText(event);
        else if (event.kind === "messages") await this.#print(event);
        else this.#tell(event);
        if (this.#output.closed) return;
      }
      if (this.#consumer.proven === false) {
        complain(
          "the producer does not number what it encrypts: nothing proves order and completeness",
        );
      }
    } finally {
      // what came is the user's, also where the rest did not
      if (this.#options.collect) this.#output.write(this.#collected.join(""));
      try {
        await this.#output.flush();
      } finally {
        await this.#savePrinted();
      }
    }
  }

  async #print({ messages, position }: StreamEvent & { kind: "messages" }): Promise<void> {
    this.#makeWay();
    this.#stats.count(messages.filter(isToken).length);
    const text = textOf(messages, this.#options.json);
    if (this.#options.collect) this.#collected.push(text);
    else if (text !== "") await this.#output.write(text);
    if (text !== "") this.#lineOpen = !text.endsWith("\n");
    await this.#showProgress(messages);
    if (position === undefined) return;
    await this.#reached(position, messages.at(-1)!.type === "done");
  }

  async #printText({ text, count, position }: StreamEvent & { kind: "text" }): Promise<void> {
    this.#makeWay();
    this.#stats.count(count);
    await this.#output.write(text);
    if (text.length > 0) this.#lineOpen = text[text.length - 1] !== NEWLINE;
    await this.#showProgress([]);
    await this.#reached(position, false);
  }

  /** Takes a status away that text would run into; a bar stays where the text goes elsewhere. */
  #makeWay(): void {
    if (this.#shared || this.#progress === undefined) clearStatus();
  }

  /** Shows the last progress told of, where there is a place for it. */
  async #showProgress(messages: readonly Message[]): Promise<void> {
    const latest = messages.findLast(({ type }) => type === "progress");
    if (latest !== undefined) this.#progress = progressOf(latest);
    if (this.#progress === undefined || !Deno.stderr.isTerminal()) return;
    if (this.#shared && this.#lineOpen || !this.#shared && latest === undefined) return;
    if (this.#shared) await this.#output.flush();
    status(progressLine(this.#progress, terminalColumns()));
  }

  async #reached(position: Position, complete: boolean): Promise<void> {
    if (this.#file === undefined) return;
    if (this.#options.collect) this.#marks.length = 0; // all is printed at the end
    this.#marks.push({ at: this.#output.accepted, position, complete });
    if (this.#options.collect || !this.#file.due && this.#marks.length < MOST_MARKS) return;
    await this.#savePrinted(); // stdout may take nothing more for long
    await this.#output.flush();
    await this.#savePrinted();
  }

  /** Remembers the position up to which everything is printed: what stdout has not taken is printed by the next run. */
  async #savePrinted(): Promise<void> {
    const { written, accepted } = this.#output;
    const collecting = this.#options.collect && written < accepted;
    const printed = this.#marks.findLastIndex(({ at }) => !collecting && at <= written);
    if (this.#file === undefined || printed < 0) return;
    const { position, complete } = this.#marks[printed];
    this.#marks.splice(0, printed + 1);
    this.#file.reached(position, complete);
    await this.#file.save();
  }

  #tell(event: Exclude<StreamEvent, { kind: "messages" | "text" }>): void {
    switch (event.kind) {
      case "begin":
        if (event.restart) complain("the job was started anew: its new run follows from its start");
        return;
      case "gap":
        return complain(
          `messages ${event.from} to ${event.to - 1} are no longer retained by the relay` +
            (this.#options.consumer.allowGaps ? "" : " (--allow-gaps prints what follows)"),
        );
      case "relay":
        if (event.state === "back") return clearStatus();
        if (event.error?.code === "limit") complain(`Trying it again: ${event.error.message}`);
        if (Deno.stderr.isTerminal()) status("the relay is away; trying it again …");
        return;
      case "producer":
        if (event.state === "away") status("the producer is away; waiting for it …");
        else if (event.state === "live") clearStatus();
        return;
      case "cancelling":
        if (!event.reached) complain(`cannot cancel: ${event.reason ?? "no reason given"}`);
        return;
      case "end":
        return;
    }
  }
}

const NEWLINE = 0x0a;

function textOf(messages: readonly Message[], json: boolean): string {
  let text = "";
  for (const message of messages) {
    if (json) text += `${JSON.stringify(message)}\n`;
    else if (isToken(message)) text += message.content;
  }
  return text;
}
