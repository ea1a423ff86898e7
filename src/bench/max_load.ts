/**
 * The largest load that keeps its latency.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { type LoadOptions, measureLoad } from "./load.ts";
import type { LoadFigures } from "./load_figures.ts";
import type { Limit, LoadSettings, MaxResult, MaxStep, ResultHead } from "./result.ts";
import { isCrowded } from "./verdict.ts";
import { isFaulty, NO_FAULTS } from "./verifier.ts";

/** Channels of the first load. */
const START = 8;
/** How often the interval between what held and what did not is halved. */
const HALVINGS = 2;
const KEPT_UP = 0.99;
/** Parts of a core below which a process was not what was short. */
const IDLE = 0.5;
/** Likewise, from which on it may have been. */
const NEARLY_BUSY = 0.8;
/** What of the latency the client's own share may be where the relay is held to account for it. */
const OWN_PART = 0.5;

/** Options of {@linkcode measureMax}. */
export interface MaxOptions extends Omit<LoadOptions, "target" | "onProgress"> {
  /** p99 of due → received that a load must keep, ms. */
  readonly sloMs: number;
  /** A relay for the next load; it is disposed of after it. */
  readonly target: (settings: LoadSettings) => Promise<LoadOptions["target"] & AsyncDisposable>;
  /** Settings for so many channels. @throws {RelayError} where this machine cannot open them. */
  readonly plan: (settings: LoadSettings) => LoadSettings;
  readonly onProgress?: (channels: number, ...progress: Progress) => void;
}

type Progress = Parameters<NonNullable<LoadOptions["onProgress"]>>;

/** What was found: a {@linkcode MaxResult} but for what all results say. */
export interface MaxFigures extends Omit<MaxResult, keyof ResultHead> {
  readonly kind: "max";
  readonly partial: boolean;
  readonly notes: readonly string[];
}

/** A load, and why it did not hold. */
interface Tried extends MaxStep {
  readonly reasons: readonly string[];
}

/**
 * Doubles the channels, from 8 on, until a load does not hold; then halves the interval twice to come closer.
 *
 * @throws {RelayError} where not even the first load can be made.
 */
export async function measureMax(options: MaxOptions): Promise<MaxFigures> {
  const search = new Search(options);
  await search.run();
  return search.figures();
}

class Search {
  readonly #options: MaxOptions;
  readonly #tried: Tried[] = [];
  #partial = false;

  constructor(options: MaxOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    let held = 0;
    let failed = Infinity;
    for (let channels = START; failed === Infinity; channels *= 2) {
      const holds = await this.#try(channels);
      if (holds === undefined) return;
      if (holds) held = channels;
      else failed = channels;
    }
    for (let halving = 0; halving < HALVINGS && failed - held > 1; halving++) {
      const channels = Math.floor((held + failed) / 2);
      const holds = await this.#try(channels);
      if (holds === undefined) return;
      if (holds) held = channels;
      else failed = channels;
    }
  }

  figures(): MaxFigures {
    const { settings, sloMs } = this.#options;
    const bySize = this.#tried.toSorted((a, b) => a.channels - b.channels);
    const failed = bySize.find((step) => !step.held);
    const held = bySize.filter((step) =>
      step.held && step.channels < (failed?.channels ?? Infinity)
    ).at(-1);
    return {
      kind: "max",
      settings: this.#options.plan({ ...settings, channels: held?.channels ?? START }),
      sloMs,
      steps: this.#tried.map(stepOf),
      held: held && stepOf(held),
      limit: this.#partial ? "none" : failed?.limit ?? "none",
      partial: this.#partial,
      // nothing is concluded from a search that was broken off
      notes: (this.#partial ? [] : failed?.reasons ?? []).map((reason) =>
        `at ${failed!.channels} channels: ${reason}`
      ),
    };
  }

  /** Whether so many channels hold; `undefined` where the search was interrupted. */
  async #try(channels: number): Promise<boolean | undefined> {
    const { signal } = this.#options;
    if (signal.aborted) this.#partial = true;
    if (this.#partial) return undefined;
    try {
      const settings = this.#options.plan({ ...this.#options.settings, channels });
      let step = await this.#measure(settings);
      // others that are busy for a moment are no limit
      if (step !== undefined && isMishap(step)) step = await this.#measure(settings);
      if (step === undefined) this.#partial = true;
      else this.#tried.push(step);
    } catch (error) {
      if (error === signal.reason) this.#partial = true;
      else this.#tried.push(this.#impossible(channels, error));
    }
    return this.#partial ? undefined : this.#tried.at(-1)!.held;
  }

  /** One load; `undefined` where it was interrupted. */
  async #measure(settings: LoadSettings): Promise<Tried | undefined> {
    await using target = await this.#options.target(settings);
    const { channels } = settings;
    const figures = await measureLoad({
      ...this.#options,
      settings,
      target,
      onProgress: (...progress) => this.#options.onProgress?.(channels, ...progress),
    });
    return figures.partial ? undefined : judged(figures, this.#options.sloMs);
  }

  /** A load whose connections could not be made. */
  #impossible(channels: number, error: unknown): Tried {
    const about = error instanceof RelayError && ABOUT_SOCKETS.has(error.code);
    if (!about || this.#tried.length === 0) throw error;
    return {
      channels,
      messagesPerSecond: 0,
      p50: 0,
      p99: 0,
      faults: NO_FAULTS,
      held: false,
      limit: "sockets",
      reasons: [error.message],
    };
  }
}

/** What connections that cannot be made fail with; `usage` is what too few open files do. */
const ABOUT_SOCKETS = new Set(["limit", "unreachable", "usage"]);

function judged(figures: LoadFigures, sloMs: number): Tried {
  const { settings, latency: { p50, p99 }, faults, due, sent, relayShare, clientShare } = figures;
  const seconds = settings.durationMs / 1000;
  const late = p99 > sloMs;
  const { died = [] } = figures;
  if (died.length > 0) throw new RelayError("internal", died.join("; "));
  const held = !late && !isFaulty(faults) && sent >= KEPT_UP * due;
  return {
    channels: settings.channels,
    messagesPerSecond: figures.received / Math.max(seconds, figures.seconds),
    p50,
    p99,
    relayCpuShare: relayShare,
    clientCpuShare: clientShare,
    relayRssBytes: figures.relayUse?.rssBytesPeak,
    faults,
    held,
    limit: held ? "none" : limitOf(figures),
    reasons: [
      ...(late ? [`p99 of ${p99.toFixed(1)} ms is above ${sloMs} ms`] : []),
      ...figures.notes.flatMap((note) =>
        /^(?:limit: (.*)|(other programs .*))$/s.exec(note)?.slice(1).filter(Boolean) ?? []
      ),
    ],
  };
}

/** Too late, and nothing lost, though neither end had much to do. */
function isMishap({ held, faults, relayCpuShare, clientCpuShare }: Tried): boolean {
  if (relayCpuShare === undefined || clientCpuShare === undefined) return false;
  return !held && !isFaulty(faults) && Math.max(relayCpuShare, clientCpuShare) < IDLE;
}

/**
 * Too late, and nobody at an end of his own: whoever was nearly there; `none` where nothing was, and it is known. What a
 * relay does that cannot be watched is told from where the time went.
 */
function limitOf(figures: LoadFigures): Limit {
  const { limit, ownShare, latency, others, relayShare, clientShare = 0 } = figures;
  if (limit !== "none") return limit;
  if (Math.max(relayShare ?? 0, clientShare) >= NEARLY_BUSY) {
    return clientShare > (relayShare ?? 0) ? "client" : "relay";
  }
  if (isCrowded(others)) return "machine";
  if (relayShare !== undefined) return "none";
  return ownShare.p99 > OWN_PART * latency.p99 ? "client" : "relay";
}

function stepOf({ reasons: _, ...step }: Tried): MaxStep {
  return step;
}
