/**
 * What travels → messages.
 *
 * @module
 */

import { Envelope } from "../crypto/envelope.ts";
import { StreamOpener } from "../crypto/stream_opener.ts";
import { RelayError } from "../errors.ts";
import {
  checked,
  isError,
  type Message,
  parseMessage,
  parseMessages,
} from "../protocol/message.ts";

/** Messages that could be read, and what is wrong with the one after them. */
export interface Reading {
  readonly messages: Message[];
  readonly fault?: unknown;
}

/** Endings that a plain relay reports in a message; it has no key, so these come in plaintext always. */
const RELAY_ENDINGS = new Set(["lost", "expired", "draining"]);

/** Whether a message is a relay's own word that the stream has broken off. */
export function isRelayEnding(message: Message): boolean {
  return isError(message) && RELAY_ENDINGS.has(message.code ?? "");
}

/** Reads the messages of one stream: parses them, or, with a key, opens them and proves their places. */
export class MessageReader {
  readonly #opener: StreamOpener | undefined;

  private constructor(opener: StreamOpener | undefined) {
    this.#opener = opener;
  }

  /** @throws {RelayError} `usage` where the key is no key. */
  static async create(channel: string, key: string | undefined): Promise<MessageReader> {
    if (key === undefined) return new MessageReader(undefined);
    return new MessageReader(new StreamOpener(await Envelope.create(key), { channel }));
  }

  /** Whether it has a key. */
  get opens(): boolean {
    return this.#opener !== undefined;
  }

  /** Whether the messages prove their places in the stream; `undefined` without a key, and before the first. */
  get proven(): boolean | undefined {
    return this.#opener?.proven;
  }

  /** Messages of run `epoch` were read before; see {@linkcode StreamOpener.seen}. */
  seen(epoch: string): void {
    this.#opener?.seen(epoch);
  }

  /** The next message is number `seq` of run `epoch`; see {@linkcode StreamOpener.expect}. */
  expect(epoch: string | undefined, seq: number): void {
    this.#opener?.expect(epoch, seq);
  }

  /** The next message is number `seq`, as the ones before are missing. */
  skipTo(seq: number): void {
    this.#opener?.skipTo(seq);
  }

  /** Reads whole lines. */
  async lines(text: string): Promise<Reading> {
    if (this.#opener !== undefined) return await this.#open(text.slice(0, -1).split("\n"));
    const messages: Message[] = [];
    try {
      parseMessages(text, messages);
    } catch (fault) {
      return { messages, fault };
    }
    return unsealed(messages);
  }

  /** Reads one message of the plain protocol, where the relay's own words come as messages too. */
  async plain(text: string): Promise<Reading> {
    try {
      const message = parseMessage(text);
      if (this.#opener === undefined) return unsealed([message]);
      if (isRelayEnding(message)) return { messages: [message] };
      if (message.type === "gap") {
        this.skipTo(Number(message.to));
        return { messages: [message] };
      }
      return await this.#open([text]);
    } catch (fault) {
      return { messages: [], fault };
    }
  }

  async #open(lines: string[]): Promise<Reading> {
    const messages: Message[] = [];
    const opened = await Promise.allSettled(lines.map((line) => this.#opener!.open(line)));
    for (const result of opened) {
      if (result.status === "rejected") return { messages, fault: result.reason };
      try {
        messages.push(checked(result.value));
      } catch (fault) {
        return { messages, fault };
      }
    }
    return { messages };
  }
}

/** Messages of a stream that is read without a key. */
function unsealed(messages: Message[]): Reading {
  const sealed = messages.findIndex(({ type }) => type === "enc");
  if (sealed < 0) return { messages };
  const fault = new RelayError(
    "integrity",
    "The channel is encrypted: give its key with RELAY_ENCRYPTION_KEY, --key-file or --encryption-key",
  );
  return { messages: messages.slice(0, sealed), fault };
}
