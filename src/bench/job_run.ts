/**
 * One run of a made-up job.
 *
 * @module
 */

import { pause } from "../client/backoff.ts";
import type { RelayProducer } from "../client/producer.ts";
import { type Endpoint, type Lane, laneProducer, LaneReader } from "./lane.ts";
import { Latencies } from "./latencies.ts";
import { longestGapMs, type Model } from "./model.ts";
import type { TtftRun } from "./result.ts";
import { TokenTimes } from "./token_times.ts";
import type { TtftTally } from "./ttft_tally.ts";

/** Times of tokens kept of each run, for the chart. */
const MOST_TIMES = 2_000;
/** What a reader of a file hands on in one go: the batch is sent as `produce` sends a file. */
const READ_BYTES = 64 * 1024;

/** Options of {@linkcode JobRun}. */
export interface JobRunOptions extends Endpoint {
  readonly model: Model;
  /** A relay of the plain protocol (v1), which does not tell when a reader is there (default false). */
  readonly plain?: boolean;
  readonly streaming: Lane;
  readonly batch: Lane;
  readonly signal: AbortSignal;
  readonly tally: TtftTally;
  readonly onTokens: (count: number) => void;
  /** A stream did not come to its end: `signal` is to be aborted. */
  readonly fail: (error: unknown) => void;
}

/** One run of a job: its readers are there before it starts. */
export class JobRun {
  readonly times: TokenTimes;
  lostConnections = 0;
  readonly #options: JobRunOptions;
  /** When the job started, was over, and its readers had the first and the last of the batch, ms. */
  #startedAt = 0;
  #endedAt = 0;
  #batchFirstAt: number | undefined;
  #batchLastAt = 0;
  #batchText = "";

  constructor(options: JobRunOptions) {
    this.#options = options;
    this.times = new TokenTimes(options.model.tokens, options.streaming);
  }

  /** Whether the batch has come as it was sent. */
  get batchIntact(): boolean {
    return this.#batchText === this.#text();
  }

  /** Resolves when both streams were read to their ends. @throws {RelayError} where one does not come to it. */
  async play(): Promise<void> {
    const { model, plain = false, streaming, batch, tally, fail } = this.#options;
    const last = model.tokens[model.tokens.length - 1].dueMs;
    const readers = [
      this.#reader(streaming, longestGapMs(model), (contents) => this.#streamed(contents)),
      this.#reader(batch, last, (contents) => this.#delivered(contents)),
    ];
    try {
      await Promise.all(readers.map((reader) => reader.there({ plain })));
      const tasks = [this.#job(), ...readers.map((reader) => reader.finished)];
      for (const task of tasks) task.catch(fail);
      await allOf(tasks);
    } finally {
      this.lostConnections = readers.reduce((sum, reader) => sum + reader.lostConnections, 0);
    }
    if (this.times.receivedCount > 0 && this.#batchFirstAt !== undefined) {
      tally.finished(this.#figures(this.#batchFirstAt));
    }
  }

  #reader(
    { back }: Lane,
    silenceMs: number,
    onTokens: (contents: readonly string[]) => void,
  ): LaneReader {
    const { url, secret, encryptionKey, signal } = this.#options;
    return new LaneReader({
      url,
      secret,
      encryptionKey,
      channel: back,
      silenceMs,
      onTokens,
      signal,
    });
  }

  async #job(): Promise<void> {
    const { streaming, batch, signal } = this.#options;
    this.#startedAt = performance.now();
    await using producer = await laneProducer(this.#options, streaming.there);
    await using later = await laneProducer(this.#options, batch.there);
    await this.#stream(producer, signal);
    const abandon = () => [producer, later].forEach((each) => each.abandon());
    signal.addEventListener("abort", abandon, { once: true });
    try {
      await allOf([producer.done(), this.#deliver(later)]);
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  }

  /** Each token when the model has made it; one that is late does not move the others. */
  async #stream(producer: RelayProducer, signal: AbortSignal): Promise<void> {
    const { tally, model } = this.#options;
    for (const { dueMs, content } of model.tokens) {
      const dueAt = this.#startedAt + dueMs;
      let now = performance.now();
      for (; now < dueAt; now = performance.now()) await pause(dueAt - now, signal);
      tally.sent(now - dueAt, this.times.sent(now));
      await producer.sendToken(content);
    }
  }

  /** The whole output, as a batch job's file would be sent. */
  async #deliver(producer: RelayProducer): Promise<void> {
    this.#endedAt = performance.now();
    const bytes = new TextEncoder().encode(this.#text());
    for (let at = 0; at < bytes.length; at += READ_BYTES) {
      await producer.sendText(bytes.subarray(at, at + READ_BYTES));
    }
    await producer.done();
  }

  #text(): string {
    return this.#options.model.tokens.map(({ content }) => content).join("");
  }

  #streamed(contents: readonly string[]): void {
    const { tally, onTokens } = this.#options;
    const now = performance.now();
    for (const content of contents) {
      const seen = this.times.received(content, now);
      if (seen === undefined) continue;
      tally.received(seen, this.times.receivedAfter(this.#startedAt, seen.index));
    }
    onTokens(contents.length);
  }

  #delivered(contents: readonly string[]): void {
    if (contents.length === 0) return;
    const now = performance.now();
    this.#batchFirstAt ??= now;
    this.#batchLastAt = now;
    this.#batchText += contents.join("");
  }

  #figures(batchFirstAt: number): TtftRun {
    const latencies = new Latencies();
    for (const ms of this.times.latencies()) latencies.record(ms);
    return {
      streaming: {
        firstToken: this.times.receivedAfter(this.#startedAt, 0),
        total: this.times.receivedAfter(this.#startedAt, this.times.receivedCount - 1),
      },
      batch: {
        firstToken: this.#batchAfter(batchFirstAt),
        total: this.#batchAfter(this.#batchLastAt),
      },
      perToken: { p50: latencies.percentile(50), p99: latencies.percentile(99) },
      receivedAt: this.times.sample(this.#startedAt, MOST_TIMES),
    };
  }

  /** When what came at `at` was where it was to go, ms after the start. */
  #batchAfter(at: number): number {
    const { there, back } = this.#options.batch;
    const whenThere = there === back ? at : (this.#endedAt + at) / 2;
    return whenThere - this.#startedAt;
  }
}

/** Waits for all, also where one fails; then that one's reason is thrown. */
async function allOf(tasks: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(tasks);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
