/**
 * A wait with a limit.
 *
 * @module
 */

/** What ends a wait before its time. */
export interface WaitOptions {
  /** Ends it when aborted. */
  readonly stop?: AbortSignal;
  /** Ends it when settled, however that is. */
  readonly until?: Promise<unknown>;
}

/**
 * Resolves after `ms`, or before, when `stop` is aborted or `until` is settled; never rejects. Whoever needs to know which
 * of them it was looks at those.
 *
 * @example
 * ```ts
 * import { waitAtMost } from "./wait_at_most.ts";
 *
 * await waitAtMost(10, {});
 * await waitAtMost(1e6, { until: Promise.reject(new Error("whatever")) });
 * await waitAtMost(1e6, { stop: AbortSignal.abort() });
 * ```
 */
export async function waitAtMost(ms: number, { stop, until }: WaitOptions): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  const timer = setTimeout(end, Math.max(0, ms));
  stop?.addEventListener("abort", end, { once: true });
  if (stop?.aborted) end();
  until?.then(end, end);
  await promise;
  clearTimeout(timer);
  stop?.removeEventListener("abort", end);
}
