/**
 * Time to first token: a made-up job whose output streams through a relay, and the same output delivered at the job's end.
 *
 * @module
 */

import { pause } from "../client/backoff.ts";
import { RelayError } from "../errors.ts";
import { newChannelId } from "../protocol/channel_id.ts";
import { callEcho, type EchoCall } from "./echo_call.ts";
import { JobRun } from "./job_run.ts";
import type { Endpoint, Lane } from "./lane.ts";
import { meanGapMs, type Model } from "./model.ts";
import { Latencies } from "./latencies.ts";
import { PathProbe } from "./path_probe.ts";
import type { TtftResult } from "./result.ts";
import { TtftTally } from "./ttft_tally.ts";

/** Options of {@linkcode measureTtft}. */
export interface TtftOptions extends Endpoint {
  readonly model: Model;
  /** How often the job runs. */
  readonly runs: number;
  /** How many of them at a time. */
  readonly parallel: number;
  /** A relay of the plain protocol (v1), which does not tell when a reader is there (default false). */
  readonly plain?: boolean;
  /** The other host, where `answerEcho` runs with the same id (default none: everything is in this process). */
  readonly echo?: { readonly id: string; readonly timeoutMs: number };
  /** Called when tokens came: how many so far, of how many in all. */
  readonly onProgress?: (came: number, of: number) => void;
  /** Ends it when aborted; what was measured until then is the result. */
  readonly signal: AbortSignal;
}

/** What was measured, and why it is not all. */
export interface TtftMeasurement {
  readonly result: Omit<
    TtftResult,
    "version" | "startedAt" | "command" | "machine" | "relay" | "clock"
  >;
  /** Tokens that came. */
  readonly tokens: number;
  /** What ended it before its time, an abort of `signal` apart. */
  readonly failure?: unknown;
}

/** Round trips that measure the way, spread over the time of a job. */
const PINGS = 40;
/** A timer of the runtime may be as late as that on an idle machine, ms. */
const LATE_MS = 2;

/**
 * Runs the job and measures what its readers see. Whatever happens, what was measured until then is the result, marked as
 * partial.
 *
 * @throws {RelayError} `timeout` where the echo is not there, `usage` for an id that is none.
 *
 * @example
 * ```ts
 * import { measureTtft } from "./ttft.ts";
 * import { evenModel } from "./model.ts";
 * import { startRelay } from "../mod.ts";
 * import assert from "node:assert/strict";
 *
 * await using relay = await startRelay({ port: 0 });
 * const model = evenModel({ prefillMs: 10, rate: 200, tokens: 20 });
 * const { signal } = new AbortController();
 * const { result } = await measureTtft({ url: relay.url, model, runs: 2, parallel: 2, signal });
 * assert.equal(result.streaming.firstToken.count, 2);
 * assert.ok(result.streaming.firstToken.p50 < result.batch.firstToken.p50);
 * ```
 */
export async function measureTtft(options: TtftOptions): Promise<TtftMeasurement> {
  const session = `bench-${newChannelId()}`;
  const { echo } = options;
  if (echo === undefined) return await new Measurement(options, (name) => own(session, name)).run();
  if (options.plain) throw new RelayError("unreachable", PLAIN);
  await using call = await callEcho(echo.id, { ...options, ...echo, lanes: 2 * options.runs });
  const measurement = await new Measurement(options, (_, index) => call.lane(index), call).run();
  if (!measurement.result.partial) await call.done();
  return measurement;
}

const PLAIN = "This relay speaks the plain protocol (v1): streams cannot be sent back through it";

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A channel of our own, both ends of which are here. */
function own(session: string, name: string): Lane {
  return { there: `${session}-${name}`, back: `${session}-${name}` };
}

/** The lane of a stream: by a name for it, or by its number. */
type LaneOf = (name: string, index: number) => Lane;

/** One measurement, from its first run to its last. */
class Measurement {
  readonly #options: TtftOptions;
  readonly #laneOf: LaneOf;
  readonly #call: EchoCall | undefined;
  readonly #tally = new TtftTally();
  readonly #path = new Latencies();
  readonly #notes: string[] = [];
  readonly #stop = new AbortController();
  #next = 0;
  #came = 0;
  #lostConnections = 0;
  #failure: unknown;

  constructor(options: TtftOptions, laneOf: LaneOf, call?: EchoCall) {
    this.#options = options;
    this.#laneOf = laneOf;
    this.#call = call;
  }

  async run(): Promise<TtftMeasurement> {
    const { runs, parallel, signal } = this.#options;
    const stop = () => this.#stop.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    void this.#call?.lost.catch((error) => this.#fail(error));
    const ended = new AbortController();
    const probing = this.#probe(ended.signal);
    const workers = Array.from({ length: Math.min(runs, parallel) }, (_, at) => this.#work(at));
    await Promise.all(workers);
    ended.abort();
    await probing;
    signal.removeEventListener("abort", stop);
    return this.#measurement();
  }

  /** Runs the job again and again. The workers' tokens are due at different times: none waits for another. */
  async #work(at: number): Promise<void> {
    const { model, runs, parallel } = this.#options;
    try {
      await pause(meanGapMs(model) * at / Math.min(runs, parallel), this.#stop.signal);
      while (this.#next < runs) await this.#play(this.#next++);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends everything; the first reason is the one that is told. */
  #fail(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.#failure = error;
    this.#stop.abort(error);
  }

  async #play(index: number): Promise<void> {
    const { model: { tokens }, onProgress, runs } = this.#options;
    const run = new JobRun({
      ...this.#options,
      streaming: this.#laneOf(`s${index}`, 2 * index),
      batch: this.#laneOf(`b${index}`, 2 * index + 1),
      signal: this.#stop.signal,
      tally: this.#tally,
      fail: (error) => {
        if (!this.#stop.signal.aborted) this.#tally.broken();
        this.#fail(error);
      },
      onTokens: (count) => {
        this.#came += count;
        onProgress?.(this.#came, runs * tokens.length);
      },
    });
    let whole = false;
    try {
      await run.play();
      whole = true;
    } finally {
      this.#tally.verify(run.times, { whole, batchIntact: run.batchIntact });
      this.#lostConnections += run.lostConnections;
    }
  }

  /** The way there and back, while the tokens are on it too. Figures without it are worth having, so that it fails nothing. */
  async #probe(ended: AbortSignal): Promise<void> {
    const { url, secret, model: { tokens } } = this.#options;
    const { there: channel } = own(`bench-${newChannelId()}`, "path");
    const signal = AbortSignal.any([ended, this.#stop.signal]);
    try {
      using probe = await PathProbe.open(url, { channel, secret, signal });
      await probe.roundTripMs(); // the first one pays for what is done once
      for (let pings = 0; pings < PINGS && !signal.aborted; pings++) {
        this.#path.record(await probe.roundTripMs());
        await pause(tokens[tokens.length - 1].dueMs / PINGS, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof RelayError)) return this.#fail(error);
      this.#notes.push(`The way to the relay could not be measured: ${error.message}.`);
    }
  }

  #measurement(): TtftMeasurement {
    const { model, encryptionKey, runs } = this.#options;
    const figures = this.#tally.figures();
    return {
      tokens: this.#came,
      failure: this.#failure,
      result: {
        kind: "ttft",
        model: { ...model.settings, encrypted: encryptionKey !== undefined },
        ...figures,
        perToken: {
          method: this.#call === undefined ? "one clock" : "ping-pong halves",
          latency: this.#tally.latency.stored(),
          path: this.#path.stored(),
        },
        faults: this.#tally.faults,
        failure: this.#failure === undefined ? undefined : messageOf(this.#failure),
        partial: this.#tally.runs < runs,
        notes: this.#allNotes(figures.ownShare.p99),
      },
    };
  }

  /** `lateMs` is how late the model was, p99. */
  #allNotes(lateMs: number): string[] {
    const { runs, model } = this.#options;
    const whole = this.#tally.runs;
    const notes = [...this.#notes];
    if (whole < runs) notes.push(`Ended early: ${whole} of ${runs} runs are whole.`);
    if (this.#lostConnections > 0) {
      notes.push(
        `Readers lost their connection ${this.#lostConnections} times, and made it again.`,
      );
    }
    if (lateMs > Math.max(LATE_MS, meanGapMs(model) / 2)) {
      notes.push(
        `The model could not keep its own pace (p99 ${lateMs.toFixed(1)} ms behind): ` +
          "this machine is the limit, and latencies are not the relay's alone.",
      );
    }
    return notes;
  }
}
