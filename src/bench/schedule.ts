/**
 * When each message is due: what does not depend on how the run goes.
 *
 * @module
 */

/** Options of {@linkcode Schedule}. */
export interface ScheduleOptions {
  /** Channels of the whole load, of all processes. */
  readonly total: number;
  /** The first channel of this process, and their number. */
  readonly first: number;
  readonly count: number;
  /** Messages per second and channel. */
  readonly rate: number;
  /** Equal ones give equal schedules. */
  readonly seed: number;
}

/**
 * An open loop: every channel has a message due each `1/rate` s, whatever became of the one before. The channels' beginnings
 * are spread evenly over that time, in an order that `seed` shuffles, over all processes alike.
 *
 * @example
 * ```ts
 * import { Schedule } from "./schedule.ts";
 * import assert from "node:assert/strict";
 *
 * const schedule = new Schedule({ total: 4, first: 0, count: 4, rate: 10, seed: 1 });
 * assert.deepEqual([0, 1, 2, 3, 4].map((k) => schedule.dueMs(k)), [0, 25, 50, 75, 100]);
 * assert.equal(schedule.dueOf(schedule.channelOf(5), schedule.seqOf(5)), schedule.dueMs(5));
 * assert.equal(schedule.before(60), 3);
 * ```
 */
export class Schedule {
  readonly periodMs: number;
  readonly #count: number;
  /** By their turn: the channel (from 0 in this process), and when in the period it is due, ms. */
  readonly #channels: Uint32Array;
  readonly #phases: Float64Array;
  /** By channel. */
  readonly #phaseOf: Float64Array;

  constructor({ total, first, count, rate, seed }: ScheduleOptions) {
    this.periodMs = 1000 / rate;
    this.#count = count;
    const slots = shuffled(total, seed).subarray(first, first + count);
    this.#phaseOf = Float64Array.from(slots, (slot) => slot / total * this.periodMs);
    this.#channels = Uint32Array.from(slots.keys()).sort((a, b) => slots[a] - slots[b]);
    this.#phases = Float64Array.from(this.#channels, (channel) => this.#phaseOf[channel]);
  }

  /** When the `k`-th message of this process is due, ms from the start; it never falls with `k`. */
  dueMs(k: number): number {
    const turn = k % this.#count;
    return this.#phases[turn] + (k - turn) / this.#count * this.periodMs;
  }

  /** The channel of the `k`-th message, from 0 in this process. */
  channelOf(k: number): number {
    return this.#channels[k % this.#count];
  }

  /** Its number in its channel. */
  seqOf(k: number): number {
    return Math.floor(k / this.#count);
  }

  /** When message `seq` of a channel is due, ms from the start. */
  dueOf(channel: number, seq: number): number {
    return this.#phaseOf[channel] + seq * this.periodMs;
  }

  /** Number of messages that are due before `ms`. */
  before(ms: number): number {
    const rounds = Math.max(0, Math.floor(ms / this.periodMs) - 1);
    let k = rounds * this.#count;
    while (this.dueMs(k) < ms) k++;
    return k;
  }
}

/** 0 to `count - 1`, in an order that `seed` gives (Fisher and Yates). */
function shuffled(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const random = mulberry32(seed);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** T. Ettinger's generator of numbers from 0 to 1: good enough to shuffle, and the same everywhere. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ state >>> 15, state | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}
