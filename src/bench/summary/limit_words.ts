/**
 * What a limit means, in words.
 *
 * @module
 */

import { count } from "./figures.ts";
import type { Faults, Limit } from "../result.ts";

/** What gave out. */
export const GAVE_OUT: Readonly<Record<Limit, string>> = {
  none: "nothing",
  client: "the client, not the relay",
  relay: "the relay, or the way to it",
  machine: "this machine, of which other programs took a part",
  memory: "memory",
  sockets: "sockets",
  messages: "messages: some were lost or damaged",
};

/** What a load that met a limit says about its figures. */
export const LIMIT_REMARKS: Readonly<Record<Limit, string>> = {
  none: "No limit was met: client and relay kept up.",
  client: "The client is the limit: these latencies are its own, not the relay's. " +
    "More processes (--processes), a lower rate or another machine for the load tell more.",
  relay: "The relay, or the way to it, is the limit: messages waited for it.",
  machine: "This machine is the limit: other programs took the cores that client and relay " +
    "needed. Figures of a quiet machine tell more.",
  memory: "Memory is the limit.",
  sockets: "Sockets are the limit: connections could not be made, or were lost.",
  messages: "Messages are the limit: not all that were sent came, or came whole.",
};

const NAMES: readonly (readonly [key: keyof Faults, words: string])[] = [
  ["lost", "lost"],
  ["doubled", "received twice"],
  ["reordered", "out of order"],
  ["altered", "altered"],
  ["broken", "streams that ended badly"],
];

/** Whether there was any. */
export function anyFault(faults: Faults): boolean {
  return NAMES.some(([key]) => faults[key] > 0);
}

/** The faults there were, like `3 lost, 1 altered`. */
export function faultWords(faults: Faults): string {
  return NAMES.filter(([key]) => faults[key] > 0)
    .map(([key, words]) => `${count(faults[key])} ${words}`).join(", ");
}
