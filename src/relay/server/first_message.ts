/**
 * A connection whose first message may be a credential.
 *
 * @module
 */

import { RelayError } from "../../errors.ts";
import { payloadStart, recordEnd } from "../../protocol/record.ts";
import type { Handler } from "./connection.ts";

/** Largest first message of a client that has yet to show a credential, bytes. */
export const MAX_CREDENTIAL_BYTES = 8 * 1024;

/**
 * Judges the first message of a connection. `{"type":"auth","secret":"…"}` never goes further, also where it was not asked
 * for: it holds a secret that is not the readers' business. The decoder must be in `single` mode.
 */
export class FirstMessage implements Handler {
  readonly #inner: Handler | undefined;
  readonly #judge: (secret: string | undefined) => Handler;
  #next: Handler | undefined;

  /**
   * `judge` gets the secret, or `undefined` where the first message is another one; it returns who takes over, or throws.
   * `inner` is the handler that exists already, when the client is let in without the message.
   */
  constructor(judge: (secret: string | undefined) => Handler, inner?: Handler) {
    this.#judge = judge;
    this.#inner = inner;
  }

  texts(records: Uint8Array, count: number, last: number): void {
    const secret = authSecret(records.subarray(payloadStart(records, 0), recordEnd(records, 0)));
    this.#next = this.#judge(secret);
    if (secret === undefined) this.#next.texts(records, count, last);
  }

  flush(): void {
    this.#next?.flush();
  }

  drained(): void {
    this.#inner?.drained();
  }

  gone(code: number): void {
    this.#inner?.gone(code);
  }

  drain(): void {
    this.#inner?.drain();
  }
}

/** The secret in an auth message; `undefined` for any other message. */
function authSecret(payload: Uint8Array): string | undefined {
  if (payload.length > MAX_CREDENTIAL_BYTES) return undefined;
  const text = new TextDecoder().decode(payload);
  if (!text.includes('"auth"')) return undefined;
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined; // not JSON, so not an auth message
  }
  if (message?.type !== "auth") return undefined;
  if (typeof message.secret !== "string") throw new RelayError("unauthorized");
  return message.secret;
}
