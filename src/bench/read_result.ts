/**
 * Results that come back from files.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { Latencies } from "./latencies.ts";
import { type BenchResult, RESULT_VERSION, type Transport } from "./result.ts";
import { GAVE_OUT } from "./summary/limit_words.ts";

/** The way to what is not as it should be in a value: `""` is the value itself, `undefined` that there is no such thing. */
type Check = (value: unknown) => string | undefined;

const which = (is: (value: unknown) => boolean): Check => (value) => is(value) ? undefined : "";
/** Nothing that is measured or set here is below 0. */
const number = which((value) => typeof value === "number" && Number.isFinite(value) && value >= 0);
const above0 = which((value) => typeof value === "number" && Number.isFinite(value) && value > 0);
const whole = which((value) => Number.isInteger(value) && Number(value) >= 0);
const some = which((value) => Number.isInteger(value) && Number(value) > 0);
const text = which((value) => typeof value === "string");
const flag = which((value) => typeof value === "boolean");
const oneOf = (values: readonly string[]) =>
  which((value) => typeof value === "string" && values.includes(value));
const optional = (check: Check): Check => (value) => value === undefined ? undefined : check(value);
const both = (one: Check, other: Check): Check => (value) => one(value) ?? other(value);
const all = (keys: string, check: Check): Record<string, Check> =>
  Object.fromEntries(keys.split(" ").map((key) => [key, check]));

function list(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return "";
    for (const [at, entry] of value.entries()) {
      const way = check(entry);
      if (way !== undefined) return `[${at}]${way}`;
    }
  };
}

function object(checks: Record<string, Check>): Check {
  return (value) => {
    if (!isObject(value)) return "";
    for (const [key, check] of Object.entries(checks)) {
      const way = check(value[key]);
      if (way !== undefined) return `.${key}${way}`;
    }
  };
}

const limit = oneOf(Object.keys(GAVE_OUT)); // which has all there are, or it would not compile
const transport = oneOf(["ws1", "ws2", "sse", "http"] satisfies Transport[]);
const method = oneOf(["one clock", "ping-pong halves"]);
const latencies = object({
  count: whole,
  ...all("min mean stddev p50 p90 p99 p999 max", number),
  histogram: both(text, which(decodes)),
});
const faults = object(all("lost doubled reordered altered broken", whole));
const use = object(
  all("cpuSeconds cpuMicrosecondsPerMessage rssBytesBefore rssBytesPeak", number),
);
const pair = object(all("firstToken total", number));
const histograms = object(all("firstToken total", latencies));

const HEAD = {
  ...all("startedAt command", text),
  machine: object({
    ...all("os cpu deno streamrelay", text),
    cores: whole,
    memoryBytes: number,
  }),
  relay: object({ url: text, own: flag, version: optional(text) }),
  clock: object({ resolutionMs: number }),
  partial: flag,
  notes: list(text),
};
const settings = object({
  ...all("channels size processes", some),
  ...all("rate durationMs", above0),
  ...all("consumers slow", whole),
  transport,
  ...all("encrypted late", flag),
  idleMs: optional(number),
});
const step = object({
  channels: some,
  ...all("messagesPerSecond p50 p99", number),
  ...all("relayCpuShare clientCpuShare relayRssBytes", optional(number)),
  faults,
  held: flag,
  limit,
});
const silence = object({
  seconds: number,
  connections: whole,
  ...all("relayCpuSeconds relayRssBytes", optional(number)),
});
const slice = object({
  received: whole,
  ...all("atMs p50 p99", number),
  ...all("relayCpuSeconds relayRssBytes clientCpuSeconds", optional(number)),
});

const KINDS: Record<BenchResult["kind"], Check> = {
  ttft: object({
    ...HEAD,
    model: object({
      prefillMs: number,
      tokens: some,
      rate: optional(above0),
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
    perToken: object({ method, latency: latencies, path: latencies }),
    gaps: object(all("sent received", latencies)),
    ...all("jitter ownShare", latencies),
    faults: optional(faults),
    failure: optional(text),
  }),
  load: object({
    ...HEAD,
    settings,
    ...all("due sent received told", whole),
    seconds: number,
    ...all("latency relayLatency ownShare", latencies),
    faults,
    relayUse: optional(use),
    clientUse: optional(use),
    silence: optional(silence),
    slices: list(slice),
    limit,
  }),
  max: object({
    ...HEAD,
    settings,
    sloMs: number,
    steps: list(step),
    held: optional(step),
    limit,
  }),
};

/**
 * The result in `json`, the content of the file `name`.
 *
 * @throws {RelayError} `usage` where it is none, or one that a newer version has written; of a damaged one it has the field.
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
  const way = value.version === RESULT_VERSION ? KINDS[value.kind](value) : ".version";
  if (way !== undefined) {
    throw unusable(
      `it is no whole result of the bench: ${way.slice(1)} is missing, or cannot be so`,
    );
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

function decodes(histogram: unknown): boolean {
  if (typeof histogram !== "string") return false;
  try {
    Latencies.from({ histogram });
    return true;
  } catch {
    return false; // damaged: the library throws whatever it stumbles over
  }
}
