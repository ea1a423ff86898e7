/**
 * A connection of the plain protocol whose first message may be a credential.
 *
 * @module
 */

import { RelayError } from "../../errors.ts";
import { payloadStart, recordEnd } from "../../protocol/record.ts";
import type { Handler } from "./handler.ts";

/** Largest first message of a client that has yet to show a credential, bytes. */
export const MAX_CREDENTIAL_BYTES = 8 * 1024;

/**
 * Takes the first message of a connection. `{"type":"auth","secret":"…"}` never goes further, also where it was not asked
 * for: it holds a secret that is not the readers' business. The decoder must be in `single` mode.
 */
export class FirstMessage implements Handler {
  readonly #inner: Handler | undefined;
  readonly #take: (credential: string | undefined, records: Uint8Array) => void;

  /**
   * `take` gets the credential, or `undefined` where the first message is another one, and that message as a record; it
   * sees to who takes over, throws, or holds the connection until it knows. `inner` is the handler that exists already,
   * when the client was let in without the message.
   */
  constructor(
    take: (credential: string | undefined, records: Uint8Array) => void,
    inner?: Handler,
  ) {
    this.#take = take;
    this.#inner = inner;
  }

  texts(records: Uint8Array): void {
    const payload = records.subarray(payloadStart(records, 0), recordEnd(records, 0));
    this.#take(authSecret(payload), records);
  }

  flush(): void {
    this.#inner?.flush();
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

/** The secret or token in an auth message; `undefined` for any other message. */
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
