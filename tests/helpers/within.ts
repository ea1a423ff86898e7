/**
 * Time limits of waits.
 *
 * @module
 */

/** How long a test waits for anything, ms: far beyond what it takes, for machines under load. */
const LIMIT_MS = 20_000;
/** Between two looks at a state that no event tells of, ms. */
const POLL_MS = 20;

/** Resolves like `promise`; rejects when it takes too long, naming `what` was waited for. */
export async function within<T>(promise: Promise<T>, what: string, limitMs = LIMIT_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Cannot wait longer for ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again until `holds()`; rejects when that takes too long, naming `what` was waited for. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string | (() => string),
  limitMs = LIMIT_MS,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!await holds()) {
    if (performance.now() > deadline) {
      throw new Error(`Cannot wait longer for ${typeof what === "string" ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
