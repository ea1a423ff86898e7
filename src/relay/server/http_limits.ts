/**
 * The bounds of the HTTP doors alone.
 *
 * @module
 */

/** At each of them something named happens. */
export interface HttpLimits {
  /**
   * How long the body of a producer may bring nothing, ms; then it is answered 408, and its stream lost unless it is gone
   * on with in time. A WebSocket is pinged instead: a body has nothing that a client without data could answer with.
   */
  readonly bodyIdleTimeoutMs: number;
}

/** What holds where nothing else is said. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  // a model may load its weights, or think, for long
  bodyIdleTimeoutMs: 1_800_000,
};
