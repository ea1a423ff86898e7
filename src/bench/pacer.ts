/**
 * Makes calls when they are due.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Epoll } from "../system/epoll.ts";
import { Alarm } from "./alarm.ts";
import type { Schedule } from "./schedule.ts";

/** Between two looks at what is due, ms: what is due within is done together. Each look costs some 50 µs. */
const TICK_MS = 0.5;
/** Likewise where the kernel's events are waited for in the same thread, which costs some 5 µs. */
const EPOLL_TICK_MS = 0.25;
/** What is done in one go before others get their turn, ms. */
const GO_MS = 20;
/** How late the last ones may be, ms. */
const GRACE_MS = 100;

/** Options of {@linkcode pace}. */
export interface PaceOptions {
  /** The clock's reading at the schedule's time 0, ms. */
  readonly origin: number;
  /** What was due before, ms of the schedule, and is not done by then is left out. */
  readonly fromMs: number;
  /** What is due from then on is not done; nor is what is not done 100 ms later. */
  readonly untilMs: number;
  /** Does the `k`-th. */
  readonly send: (k: number) => void;
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** What is waited with, and tells meanwhile what happens on its sockets (default: an {@linkcode Alarm}). */
  readonly epoll?: Epoll;
}

/**
 * Calls `send` for all that `schedule` has, in order, each when it is due or as soon after it as can be. Resolves at
 * the end.
 */
export async function pace(schedule: Schedule, options: PaceOptions): Promise<void> {
  const { origin, fromMs, untilMs, send, signal, epoll } = options;
  if (signal.aborted) return; // before the first one was due
  using alarm = epoll === undefined ? new Alarm() : undefined;
  const tickMs = epoll === undefined ? TICK_MS : EPOLL_TICK_MS;
  let k = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  /** Does what is due; returns how long there is nothing to do then, ms; `undefined` at the end. */
  const look = (): number | undefined => {
    const startedAt = performance.now() - origin;
    let now = startedAt;
    let due = schedule.dueMs(k);
    if (due < fromMs && now >= fromMs) due = schedule.dueMs(k = schedule.before(fromMs));
    while (due <= now && due < untilMs && now < startedAt + GO_MS) {
      send(k++);
      now = performance.now() - origin;
      due = schedule.dueMs(k);
    }
    const over = now >= untilMs && due >= untilMs || now >= untilMs + GRACE_MS;
    return over ? undefined : Math.max(tickMs, Math.min(due, untilMs) - now);
  };
  const step = () => {
    try {
      const until = performance.now() + GO_MS;
      while (!signal.aborted) {
        const wait = look();
        if (wait === undefined) return resolve();
        if (epoll === undefined) return alarm!.set(wait, step);
        const next = Math.min(performance.now() + wait, until);
        for (let left = wait; left > 0; left = next - performance.now()) epoll.wait(left);
        if (performance.now() >= until) return void setImmediate(step);
      }
    } catch (error) {
      reject(error);
    }
  };
  const stop = () => resolve();
  signal.addEventListener("abort", stop, { once: true });
  try {
    step();
    await promise;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
