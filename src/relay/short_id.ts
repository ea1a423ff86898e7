/**
 * Channel ids in log lines.
 *
 * @module
 */

/** The part of a channel id that a log line shows: enough to find it, too little to join it. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
