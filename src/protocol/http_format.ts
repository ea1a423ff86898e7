/**
 * In which form a client wants to read, or writes, a channel over HTTP.
 *
 * @module
 */

import { RelayError } from "../errors.ts";

/** A form in which messages are read. */
export type HttpFormat = "sse" | "ndjson" | "text";

/** A form in which messages are written. */
export type BodyFormat = "ndjson" | "text";

/** Media type of an answer. No `charset` for an event stream: some proxies know the bare type only, and it is UTF-8 always. */
export const CONTENT_TYPE: Readonly<Record<HttpFormat, string>> = {
  sse: "text/event-stream",
  ndjson: "application/x-ndjson",
  text: "text/plain; charset=utf-8",
};

/** Media types of NDJSON: it has no registered one. */
const NDJSON = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/x-jsonlines",
]);

/** What is no text by its name, but is what clients send that were told nothing: `curl --data-binary @-`, say. */
const UNTYPED = new Set(["application/octet-stream", "application/x-www-form-urlencoded"]);

/** Longest `Accept` that is read, characters. */
const MAX_ACCEPT = 2_048;

/**
 * The form a client asks for: by `?format=`, else the one its `Accept` header likes best, else plain text, so that `curl`
 * prints.
 *
 * @throws {RelayError} `bad_request` for a `format` there is not.
 *
 * @example
 * ```ts
 * import { chooseFormat } from "./http_format.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(chooseFormat("text/event-stream"), "sse");
 * assert.equal(chooseFormat("*\/*"), "text");
 * assert.equal(chooseFormat("*\/*", "ndjson"), "ndjson");
 * ```
 */
export function chooseFormat(accept: string = "*/*", wanted?: string): HttpFormat {
  if (wanted === "sse" || wanted === "ndjson" || wanted === "text") return wanted;
  if (wanted !== undefined) throw fault("bad_request", "format is not sse, ndjson or text");
  let best: HttpFormat = "text";
  let quality = 0;
  for (const range of accept.slice(0, MAX_ACCEPT).split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const format = formatOf(type);
    const q = qualityOf(parameters);
    if (format === undefined || q <= quality) continue;
    best = format;
    quality = q;
  }
  return best;
}

function formatOf(type: string): HttpFormat | undefined {
  if (type === "text/event-stream") return "sse";
  if (NDJSON.has(type)) return "ndjson";
  return type === "text/plain" || type === "text/*" || type === "*/*" ? "text" : undefined;
}

/** RFC 9110 §12.4.2; what is malformed counts as not there. */
function qualityOf(parameters: string[]): number {
  const q = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  return q !== undefined && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(q) ? Number(q) : 1;
}

/**
 * The form of a body, by its `Content-Type`; text where there is none.
 *
 * @throws {RelayError} `bad_data` (415) for any other type, or text that is not UTF-8.
 */
export function bodyFormat(contentType: string = "text/plain"): BodyFormat {
  const [type, ...parameters] = contentType.split(";").map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith("charset="));
  const name = charset?.slice("charset=".length).replaceAll('"', "") ?? "utf-8";
  if (!["utf-8", "utf8", "us-ascii"].includes(name)) {
    throw fault("bad_data", "the body must be UTF-8");
  }
  if (NDJSON.has(type)) return "ndjson";
  if (/^text\/[\w.+-]+$/.test(type) || UNTYPED.has(type)) return "text";
  throw fault("bad_data", "Content-Type is neither text/plain nor application/x-ndjson");
}

function fault(code: "bad_request" | "bad_data", what: string): RelayError {
  return new RelayError(code, what, { tellPeer: true });
}
