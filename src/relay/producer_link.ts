/**
 * A producer, as its channel sees it.
 *
 * @module
 */

import type { RelayError } from "../errors.ts";

/** The connection of a producer. */
export interface ProducerLink {
  /** Whether it may come back after its connection was lost. */
  readonly resumable: boolean;
  /** The channel has no more use for the producer. */
  drop(error: RelayError): void;
  /** Asks it to stop; `false` where it cannot be told. */
  cancel(reason: string | undefined): boolean;
  /** A reader that it may have waited for has taken something, or has gone. */
  eased(): void;
}
