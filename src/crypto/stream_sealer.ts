/**
 * Seals messages together with their place in the stream, so that whoever carries them can neither move nor drop one
 * unnoticed. The place is written into the message, not beside it, since the v1 envelope has no room for more: fields
 * `ch` (channel), `ep` (epoch of the run), `n` (number in the run) and, where messages are padded, `p` are added to it.
 * Receivers that do not know them see fields that they ignore.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { Envelope } from "./envelope.ts";
import { RESERVED } from "./place.ts";

/** Most bytes that messages may be padded to a multiple of. */
const MAX_PAD = 65_536;

/**
 * What a message with a reserved name at its top has somewhere: the name before a colon, or an escape that may be a
 * letter of it. Names within nested objects are found too, so this only spares other messages the parsing.
 */
const MAYBE_RESERVED = /"(?:ch|ep|[np])"\s*:|\\u00[67]/;

const encoder = new TextEncoder();

/** Options of {@linkcode StreamSealer}. */
export interface StreamSealerOptions {
  /** The channel's id. */
  channel: string;
  /** The epoch of the run. */
  epoch: string;
  /**
   * Rounds the plaintext of every message up to a multiple of so many bytes, 1 to 65,536 (default: not padded). The
   * lengths of the tokens of a language model tell what it talks about (Whisper Leak, arXiv 2511.03675); this hides
   * them up to the multiple. When messages come, and how many, is still seen.
   */
  pad?: number;
}

/**
 * Seals the messages of one run, for {@linkcode StreamOpener} on the other side. Like those of `Envelope`, calls may
 * overtake one another: send what they resolve with in the order of the numbers.
 *
 * @example
 * ```ts
 * import { Envelope } from "./envelope.ts";
 * import { generateKey } from "./key.ts";
 * import { StreamSealer } from "./stream_sealer.ts";
 * import assert from "node:assert/strict";
 *
 * const envelope = await Envelope.create(generateKey());
 * const sealer = new StreamSealer(envelope, { channel: "job-7", epoch: "0mg3x9k2a-Zk3_b0aTq9-x", pad: 32 });
 * const sealed = await sealer.seal('{"type":"token","content":"Hi"}', 0);
 * assert.equal((await envelope.open(sealed)).length, 96);
 * await assert.rejects(sealer.seal('{"type":"progress","n":7}', 1), { code: "usage" });
 * ```
 */
export class StreamSealer {
  readonly #envelope: Envelope;
  /** What stands before the number in every message. */
  readonly #place: string;
  readonly #pad: number | undefined;

  /** @throws {RelayError} `usage` where `pad` is not a whole number from 1 to 65,536. */
  constructor(envelope: Envelope, { channel, epoch, pad }: StreamSealerOptions) {
    if (pad !== undefined && !(Number.isInteger(pad) && pad >= 1 && pad <= MAX_PAD)) {
      throw new RelayError("usage", `Cannot pad messages to ${pad} bytes: take 1 to ${MAX_PAD}.`);
    }
    this.#envelope = envelope;
    this.#place = `"ch":${JSON.stringify(channel)},"ep":${JSON.stringify(epoch)},"n":`;
    this.#pad = pad;
  }

  /**
   * Encrypts message number `n` of the run. `text` is the JSON of an object; only its outside is looked at, so a text
   * that is no JSON within its braces is sealed, and refused by the one who opens it. A number that is used for two
   * messages lets the relay choose between them.
   *
   * @throws {RelayError} `usage` where `text` is no object or has a field `ch`, `ep`, `n` or `p` of its own, or `n`
   * does not number a message.
   */
  async seal(text: string, n: number): Promise<string> {
    if (!Number.isSafeInteger(n) || n < 0) throw unusable(`${n} is not the number of a message`);
    const body = withoutBrace(text);
    refuseReserved(text);
    const comma = body.trimEnd() === "{" ? "" : ",";
    return await this.#envelope.seal(this.#padded(`${body}${comma}${this.#place}${n}`));
  }

  /** Closes the object `open`, with padding in it where that is wanted. */
  #padded(open: string): string {
    if (this.#pad === undefined) return `${open}}`;
    const least = encoder.encode(open).length + ',"p":""}'.length;
    const spaces = Math.ceil(least / this.#pad) * this.#pad - least;
    return `${open},"p":"${" ".repeat(spaces)}"}`;
  }
}

/** The JSON of an object up to the brace that closes it. */
function withoutBrace(text: string): string {
  const object = text.trim();
  if (object.startsWith("{") && object.endsWith("}")) return object.slice(0, -1);
  throw unusable("it is not a JSON object");
}

function refuseReserved(text: string): void {
  if (!MAYBE_RESERVED.test(text)) return;
  const message = parse(text);
  const taken = RESERVED.find((name) => Object.hasOwn(message, name));
  if (taken !== undefined) {
    throw unusable(`its field "${taken}" is one that encryption adds itself`);
  }
}

/** The parser's error is dropped: it quotes content. */
function parse(text: string): object {
  try {
    return JSON.parse(text);
  } catch {
    throw unusable("it is not JSON");
  }
}

function unusable(why: string): RelayError {
  return new RelayError("usage", `Cannot encrypt the message: ${why}.`);
}
