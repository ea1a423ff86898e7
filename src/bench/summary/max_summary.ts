/**
 * What `bench max` says.
 *
 * @module
 */

import { bytes, count, counted, rate, share, span, time } from "./figures.ts";
import { anyFault, faultWords, GAVE_OUT } from "./limit_words.ts";
import { streamWords } from "./load_summary.ts";
import type { MaxResult, MaxStep } from "../result.ts";
import type { OwnSummary, Table } from "./summary.ts";

/** The summary of a `max` result. */
export function maxSummary(result: MaxResult): OwnSummary {
  const { settings, sloMs, limit } = result;
  return {
    headline: headlineOf(result),
    warnings: limit === "client" && !result.partial ? [CLIENT] : [],
    facts: [
      ["each load", `channels × ${streamWords(settings)}`],
      ["holds while", `p99 of due → received is at most ${span(sloMs)}, and nothing is lost`],
    ],
    tables: result.steps.length === 0 ? [] : [stepsTable(result)],
    remarks: [
      ...(result.steps.length === 0 ? [] : [gaveOut(result)]),
      "CPU is told in parts of one core.",
    ],
  };
}

const CLIENT = "The client gave out first: the relay can carry more than this.";
const UNTRIED = "Nothing gave out: the largest load that was tried held.";
const UNFINISHED = "Interrupted: what gives out first was not found.";
/** Of one core, what a thread takes that may be what was short. */
const BUSY = 0.8;
const LATE = "What gave out first is not known: messages were late, though nothing was used up.";

function headlineOf({ held, sloMs, steps, partial }: MaxResult): string {
  if (steps.length === 0) return "No load was tried to its end.";
  if (partial) return interrupted(held);
  if (held === undefined) return `No load held: p99 passed ${span(sloMs)}, or messages were lost.`;
  return `The largest load that held: ${counted(held.channels, "channel")}, ` +
    `${rate(held.messagesPerSecond)} messages/s, at a p99 of ${time(held.p99)} ` +
    `(limit ${span(sloMs)}).`;
}

function interrupted(held: MaxStep | undefined): string {
  if (held === undefined) return "Until the interrupt, no load had held.";
  return `The largest load that had held until the interrupt: ${
    counted(held.channels, "channel")
  }, ` +
    `${rate(held.messagesPerSecond)} messages/s, at a p99 of ${time(held.p99)}.`;
}

function gaveOut({ limit, steps, partial }: MaxResult): string {
  if (partial) return UNFINISHED;
  const first = steps.filter(({ held }) => !held).toSorted((a, b) => a.channels - b.channels).at(0);
  const busy = limit === "relay" && (first?.relayCpuShare ?? 0) >= BUSY;
  if (busy) return "What gave out first: the relay's CPU.";
  if (limit !== "none") return `What gave out first: ${GAVE_OUT[limit]}.`;
  return first === undefined ? UNTRIED : LATE;
}

const part = (value: number | undefined) => value === undefined ? "–" : share(value);

function stepsTable({ steps }: MaxResult): Table {
  return {
    caption: "Every load that was tried",
    columns: [
      "channels",
      "messages/s",
      "p50",
      "p99",
      "relay CPU",
      "client CPU",
      "relay memory",
      "held",
    ],
    rows: steps.map((step) => [
      count(step.channels),
      `${rate(step.messagesPerSecond)}/s`,
      time(step.p50),
      time(step.p99),
      part(step.relayCpuShare),
      part(step.clientCpuShare),
      step.relayRssBytes === undefined ? "–" : bytes(step.relayRssBytes),
      verdict(step),
    ]),
  };
}

function verdict({ held, limit, faults }: MaxStep): string {
  if (held) return "yes";
  if (anyFault(faults)) return `no: ${faultWords(faults)}`;
  return limit === "none" ? "no: p99" : `no: ${SHORT[limit]}`;
}

const SHORT = {
  client: "client",
  relay: "relay",
  machine: "machine",
  memory: "memory",
  sockets: "sockets",
  messages: "messages",
} as const;
