/**
 * Results that come back from files.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { Latencies } from "./latencies.ts";
import { type BenchResult, RESULT_VERSION } from "./result.ts";

/** Whether a value is what it should be. */
type Check = (value: unknown) => boolean;

const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const text: Check = (value) => typeof value === "string";
const flag: Check = (value) => typeof value === "boolean";
const optional = (check: Check): Check => (value) => value === undefined || check(value);
const list = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
const all = (keys: string, check: Check): Record<string, Check> =>
  Object.fromEntries(keys.split(" ").map((key) => [key, check]));
const object = (checks: Record<string, Check>): Check => (value) =>
  isObject(value) && Object.entries(checks).every(([key, check]) => check(value[key]));

const summary = object(all("count min mean stddev p50 p90 p99 p999 max", number));
const latencies: Check = (value) => summary(value) && isObject(value) && decodes(value.histogram);
const faults = object(all("lost doubled reordered altered broken", number));
const use = object(
  all("cpuSeconds cpuMicrosecondsPerMessage rssBytesBefore rssBytesPeak", number),
);
const pair = object(all("firstToken total", number));
const histograms = object(all("firstToken total", latencies));

const HEAD = {
  ...all("startedAt command", text),
  machine: object({
    ...all("os cpu deno streamrelay", text),
    ...all("cores memoryBytes", number),
  }),
  relay: object({ url: text, own: flag, version: optional(text) }),
  clock: object({ resolutionMs: number }),
  partial: flag,
  notes: list(text),
};
const settings = object({
  ...all("channels rate consumers size durationMs slow processes", number),
  transport: text,
  ...all("encrypted late", flag),
  idleMs: optional(number),
});
const step = object({
  ...all("channels messagesPerSecond p50 p99", number),
  ...all("relayCpuShare clientCpuShare relayRssBytes", optional(number)),
  faults,
  held: flag,
  limit: limit,
});
const silence = object({
  ...all("seconds connections", number),
  ...all("relayCpuSeconds relayRssBytes", optional(number)),
});
const slice = object({
  ...all("atMs received p50 p99", number),
  ...all("relayCpuSeconds relayRssBytes clientCpuSeconds", optional(number)),
});

const LIMITS = new Set(["none", "client", "relay", "machine", "memory", "sockets", "messages"]);

const KINDS: Record<BenchResult["kind"], Check> = {
  ttft: object({
    ...HEAD,
    model: object({
      ...all("prefillMs tokens", number),
      rate: optional(number),
      replay: optional(text),
      encrypted: flag,
    }),
    runs: list(object({
      streaming: pair,
      batch: pair,
      perToken: object(all("p50 p99", number)),
      receivedAt: list(number),
    })),
    streaming: histograms,
    batch: histograms,
    perToken: object({ method: method, latency: latencies, path: latencies }),
    gaps: object(all("sent received", latencies)),
    ...all("jitter ownShare", latencies),
    faults: optional(faults),
  }),
  load: object({
    ...HEAD,
    settings,
    ...all("due sent received seconds told", number),
    ...all("latency relayLatency ownShare", latencies),
    faults,
    relayUse: optional(use),
    clientUse: optional(use),
    silence: optional(silence),
    slices: list(slice),
    limit: limit,
  }),
  max: object({
    ...HEAD,
    settings,
    sloMs: number,
    steps: list(step),
    held: optional(step),
    limit: limit,
  }),
};

/**
 * The result in `json`, the content of the file `name`.
 *
 * @throws {RelayError} `usage` where it is none, or one that a newer version has written.
 *
 * @example
 * ```ts
 * import { parseResult } from "./read_result.ts";
 * import assert from "node:assert/strict";
 *
 * assert.throws(() => parseResult("{}", "a.json"), { message: "Cannot use a.json: it is no result of the bench" });
 * ```
 */
export function parseResult(json: string, name: string): BenchResult {
  const unusable = (why: string) => new RelayError("usage", `Cannot use ${name}: ${why}`);
  const value = parse(json);
  if (!isObject(value) || !isKind(value.kind)) throw unusable("it is no result of the bench");
  if (typeof value.version === "number" && value.version > RESULT_VERSION) {
    throw unusable("a newer version of streamrelay has written it");
  }
  if (value.version !== RESULT_VERSION || !KINDS[value.kind](value)) {
    throw unusable("it is no whole result of the bench");
  }
  return value as unknown as BenchResult; // as was just checked, field by field
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // what the caller says of other files that are no result
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isKind(value: unknown): value is BenchResult["kind"] {
  return typeof value === "string" && Object.hasOwn(KINDS, value);
}

function limit(value: unknown): boolean {
  return LIMITS.has(String(value));
}

function method(value: unknown): boolean {
  return value === "one clock" || value === "ping-pong halves";
}

function decodes(histogram: unknown): boolean {
  if (typeof histogram !== "string") return false;
  try {
    Latencies.from({ histogram });
    return true;
  } catch {
    return false; // damaged: the library throws whatever it stumbles over
  }
}
