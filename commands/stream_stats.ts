/**
 * What `--stats` prints.
 *
 * @module
 */

/** Counts a stream from the moment it is made. Times are in ms of the monotonic clock. */
export class StreamStats {
  readonly #startedAt = performance.now();
  #firstAt: number | undefined;
  #lastAt = 0;
  #tokens = 0;

  /** Takes tokens that came together. */
  count(tokens: number): void {
    if (tokens === 0) return;
    this.#lastAt = performance.now();
    this.#firstAt ??= this.#lastAt;
    this.#tokens += tokens;
  }

  /** One line. */
  summary(): string {
    if (this.#firstAt === undefined) return "no token came";
    const first = (this.#firstAt - this.#startedAt) / 1000;
    const seconds = (this.#lastAt - this.#firstAt) / 1000;
    // n tokens have n − 1 gaps between them
    const rate = seconds > 0 ? ((this.#tokens - 1) / seconds).toFixed(1) : "–";
    return `time to first token ${first.toFixed(3)} s, ${this.#tokens} tokens, ${rate} tokens/s`;
  }
}
