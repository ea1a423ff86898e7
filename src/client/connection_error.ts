/**
 * Why a relay cannot be reached any more, or at all, in words that say what to look at.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { type ErrorCode, errorOfClose, ERRORS, RelayError } from "../errors.ts";

/** How a connection ended. */
export interface Closing {
  /** Close code of the peer; 1006 where it said nothing. */
  readonly code: number;
  readonly reason: string;
}

/** The error that a relay's close code stands for; `fallback` where the code is no error of ours. */
export function closingError({ code, reason }: Closing, fallback: ErrorCode): RelayError {
  const known = errorOfClose(code);
  if (known === undefined) {
    return new RelayError(fallback, `The connection to the relay was lost (${code})`);
  }
  const words = printable(reason);
  return new RelayError(known, `The relay ended the connection: ${words || ERRORS[known].text}`, {
    retryAfterMs: known === "limit" ? wait(/\bretry in (\d+) s$/.exec(words)?.[1]) : undefined,
  });
}

/** An answer by HTTP where a WebSocket was to come, with what its body says: `unauthorized`, `limit`, or `unreachable`. */
export function refusedError(
  url: URL,
  { statusCode: status = 0, headers }: IncomingMessage,
  said = "",
): RelayError {
  if (status === 401 || status === 403) {
    const words = said === "" ? "" : `: ${printable(said)}`;
    return new RelayError(
      "unauthorized",
      `${url.host} refused the connection (HTTP ${status})${words}`,
    );
  }
  const retryAfterMs = wait(headers["retry-after"]);
  if (status === 429) {
    return new RelayError("limit", `${url.host} has no room for another connection (HTTP 429)`, {
      retryAfterMs,
    });
  }
  return new RelayError(
    "unreachable",
    `Cannot reach a relay at ${url.host}: it answers HTTP ${status} instead of a WebSocket. Is the URL that of a relay?`,
    { lasting: status < 500 && !BUSY.has(status), retryAfterMs },
  );
}

/** A peer's words go to a terminal: nothing but printable characters. */
function printable(words: string): string {
  return words.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, "");
}

/** Seconds in ms, where a peer names any; not more than {@linkcode LONGEST_WAIT_MS}, whatever it says. */
function wait(seconds: string | undefined): number | undefined {
  if (seconds === undefined || !/^\d{1,6}$/.test(seconds)) return undefined;
  return Math.min(Number(seconds) * 1000, LONGEST_WAIT_MS);
}

const LONGEST_WAIT_MS = 60_000;

/** Answers below 500 of a server that may answer otherwise soon (RFC 9110 §15.5.9, RFC 8470 §5.2). */
const BUSY: ReadonlySet<number> = new Set([408, 425]);

/** No answer at all: `unreachable`, with what to look at; `proxy` is the one on the way. */
export function unreachableError(url: URL, cause: Error, proxy: string | undefined): RelayError {
  const where = proxy === undefined ? url.origin : `${url.origin} through the proxy ${proxy}`;
  return new RelayError("unreachable", `Cannot reach the relay at ${where}: ${reason(cause)}`, {
    cause,
    lasting: isLasting(cause),
  });
}

type Failure = Error & { code?: string };

/** A certificate that is not trusted and a server that speaks something else stay what they are. */
function isLasting({ code = "", message }: Failure): boolean {
  return UNTRUSTED.test(code) || NO_TLS.test(message) || code === "HPE_INVALID_CONSTANT";
}

const UNTRUSTED = /CERT|VERIFY|ISSUER/;
const NO_TLS = /InvalidContentType|wrong version number/;

function reason({ code = "", message }: Failure): string {
  if (REASONS[code] !== undefined) return REASONS[code];
  if (UNTRUSTED.test(code)) {
    return `${message}. To trust a certificate authority of your own, set DENO_CERT=ca.pem`;
  }
  if (NO_TLS.test(message)) {
    return "what answers there does not speak TLS. Is it ws:// instead of wss://?";
  }
  return message.includes("timed out") ? "no answer in time" : message || code;
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: "connection refused. Is it running?",
  ENOTFOUND: "no such host. Check --url or RELAY_URL",
  EAI_AGAIN: "the host name cannot be looked up. Check --url or RELAY_URL",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "no route to that host",
  ENETUNREACH: "no route to that network",
  ETIMEDOUT: "no answer in time",
  HPE_INVALID_CONSTANT: "what answers there is no web server. Is it wss:// instead of ws://?",
  ERR_INVALID_URL: "that is no URL",
};
