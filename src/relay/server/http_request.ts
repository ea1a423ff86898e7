/**
 * What a request says, each thing once.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { RelayError } from "../../errors.ts";
import { badRequest } from "./http_error.ts";

/** Headers of which node keeps one and drops the others: which one was meant, is not for us to say. */
const SINGLE = ["authorization", "content-type", "content-encoding", "host", "last-event-id"];

/** Longest value of a header or parameter of ours, characters; a credential may be longer. */
const MAX_VALUE = 2_048;

/** Why a request is of no version that is spoken here; `undefined` where it is. The parser takes 0.9 and 2.0, too. */
export function versionFault({ httpVersion }: IncomingMessage): RelayError | undefined {
  if (httpVersion === "1.1" || httpVersion === "1.0") return undefined;
  return badRequest("HTTP/1.1 and HTTP/1.0 are spoken here");
}

/**
 * Checks what concerns every request: whether its end is beyond doubt, and who it is for (RFC 9112 §3.2, §6.1).
 *
 * @throws {RelayError} `bad_request`.
 */
export function checkRequest(request: IncomingMessage): void {
  const { headers, httpVersion, rawHeaders } = request;
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && httpVersion !== "1.1") {
    throw badRequest("Transfer-Encoding is not known to HTTP/1.0");
  }
  if (coding !== undefined && coding.trim().toLowerCase() !== "chunked") {
    throw badRequest("Transfer-Encoding is not chunked");
  }
  if (httpVersion === "1.1" && headers.host === undefined) throw badRequest("no Host");
  for (const name of SINGLE) {
    if (occurrences(rawHeaders, name) > 1) throw badRequest(`${name} is given more than once`);
  }
}

/**
 * What a request is for. A target that came whole, as to a proxy, keeps its host (RFC 9112 §3.2.2), any other has `relay`;
 * `OPTIONS *`, which asks about the server as a whole, is for `/`. `undefined` where it is nothing of HTTP.
 */
export function requestUrl({ method, url: given = "/" }: IncomingMessage): URL | undefined {
  const target = method === "OPTIONS" && given === "*" ? "/" : given;
  // joined and not resolved: `//name/path` is a path, whose first part is empty
  const url = URL.parse(target.startsWith("/") ? `http://relay${target}` : target);
  return url !== null && /^(http|ws)s?:$/.test(url.protocol) ? url : undefined;
}

/**
 * The value of a header of ours; `undefined` where there is none.
 *
 * @throws {RelayError} `bad_request` where it is repeated, empty or too long.
 */
export function headerOnce({ headers, rawHeaders }: IncomingMessage, name: string) {
  const value = headers[name];
  if (value === undefined) return undefined;
  if (occurrences(rawHeaders, name) > 1) throw badRequest(`${name} is given more than once`);
  return checked(name, String(value));
}

/**
 * The value of a parameter of the query; `undefined` where there is none. `longest` is in characters (default 2,048).
 *
 * @throws {RelayError} `bad_request` where it is repeated, empty or too long.
 */
export function parameterOnce(
  { searchParams }: URL,
  name: string,
  { longest = MAX_VALUE } = {},
): string | undefined {
  const values = searchParams.getAll(name);
  if (values.length === 0) return undefined;
  if (values.length > 1) throw badRequest(`${name} is given more than once`);
  return checked(name, values[0], longest);
}

function checked(name: string, value: string, longest: number = MAX_VALUE): string {
  if (value === "") throw badRequest(`${name} is empty`);
  if (value.length > longest) throw badRequest(`${name} is too long`);
  return value;
}

function occurrences(rawHeaders: string[], name: string): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i].toLowerCase() === name) count++;
  }
  return count;
}
