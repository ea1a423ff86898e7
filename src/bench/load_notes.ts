/**
 * What has to be known of a load to judge its figures.
 *
 * @module
 */

import type { Limit } from "./result.ts";
import { counted } from "./summary/figures.ts";
import type { Others } from "./verdict.ts";
import type { WorkerOutcome } from "./worker_job.ts";

/** What others may take of the machine without a word about it, cores. */
const OTHERS_CORES = 0.1;
/** What a result says where the clients cost less than those of users. */
const KERNEL_SOCKETS =
  "as the relay is on this machine, the client used the kernel's sockets (epoll), past the runtime";

/** What is told of. */
export interface Told {
  /** Processes of the load that have ended before their time, a sentence each. */
  readonly died: readonly string[];
  readonly limit: Limit;
  readonly reasons: readonly string[];
  readonly others?: Others;
  readonly outcomes: readonly Outcome[];
}

type Outcome = Pick<WorkerOutcome, "missed" | "distrusted" | "unread" | "sockets">;

/**
 * The notes of a result, one sentence each.
 *
 * @example
 * ```ts
 * import { notesOf } from "./load_notes.ts";
 * import assert from "node:assert/strict";
 *
 * const outcome = { missed: 3, distrusted: 0, unread: 0, sockets: "runtime" } as const;
 * assert.deepEqual(notesOf({ died: [], limit: "messages", reasons: [], outcomes: [outcome] }), [
 *   "3 messages never came: counted with their age at the end",
 * ]);
 * ```
 */
export function notesOf({ died, limit, reasons, others, outcomes }: Told): string[] {
  return [
    ...died.map((death) => `${death}: its figures are not here`),
    ...reasons.map((reason) => `limit: ${reason}`),
    ...lossNotes(outcomes),
    // as a limit they have been told of
    ...(limit === "machine" ? [] : othersNote(others)),
    ...(outcomes.every(({ sockets }) => sockets === "kernel") ? [KERNEL_SOCKETS] : []),
  ];
}

function othersNote(others: Others | undefined): string[] {
  if (others === undefined || others.others < OTHERS_CORES) return [];
  return [`other programs took ${others.others.toFixed(1)} cores of this machine meanwhile`];
}

function lossNotes(outcomes: readonly Outcome[]): string[] {
  const total = (of: (outcome: Outcome) => number) =>
    outcomes.reduce((sum, outcome) => sum + of(outcome), 0);
  const missed = total((outcome) => outcome.missed);
  const distrusted = total((outcome) => outcome.distrusted);
  const unread = total((outcome) => outcome.unread);
  const never = `${counted(missed, "message")} never came: counted with their age at the end`;
  const failed = `${counted(distrusted, "stream")} failed ${distrusted === 1 ? "its" : "their"} ` +
    `integrity check: ${counted(unread, "message")} not read after it`;
  return [...(missed > 0 ? [never] : []), ...(distrusted > 0 ? [failed] : [])];
}
