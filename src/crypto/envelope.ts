/**
 * The v1 envelope: one message, encrypted from producer to consumer, as
 * `{"type":"enc","d":"<base64(nonce[12] + ciphertext + tag[16])>"}`. AES-256-GCM (NIST SP 800-38D)
 * without additional data, byte-compatible with the Python `streamrelay` package.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { decodeBase64 } from "./base64.ts";
import { checkKey, parseKey } from "./key.ts";

/**
 * How many messages one key may seal in all its uses with random nonces of 96 bits (NIST SP 800-38D §8.3): more than a
 * year at 100 a second. Past that, a repeated nonce, which would give away both messages and let others be forged, is
 * no longer unlikely enough.
 */
export const SEALING_LIMIT = 2 ** 32;

/** Half of {@linkcode SEALING_LIMIT}: the time for another key. */
export const SEALING_WARNING = SEALING_LIMIT / 2;

/** Whether the last `count` of all that were sealed reached {@linkcode SEALING_WARNING}: true for one call of many. */
export function reachesWarning(sealed: number, count: number): boolean {
  return sealed >= SEALING_WARNING && sealed - count < SEALING_WARNING;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16; // Web Crypto's default, 128 bits

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }); // every byte comes back

/**
 * Seals and opens messages with one key. An envelope proves only that its message was sealed with
 * this key: whoever carries it can still drop, repeat or reorder whole envelopes. `StreamSealer` and
 * `StreamOpener` see to that.
 *
 * Calls run on other threads, and a short message may overtake a long one: await each call before
 * the next, or await the promises in the order of the calls.
 *
 * @example
 * ```ts
 * import { Envelope } from "./envelope.ts";
 * import { generateKey } from "./key.ts";
 * import assert from "node:assert/strict";
 *
 * const envelope = await Envelope.create(generateKey());
 * const sealed = await envelope.seal('{"type":"token","content":"Hello"}');
 * assert.equal(await envelope.open(sealed), '{"type":"token","content":"Hello"}');
 *
 * const other = await Envelope.create(generateKey());
 * await assert.rejects(other.open(sealed), { code: "integrity" });
 * await assert.rejects(envelope.open('{"type":"done"}'), { code: "integrity" });
 * ```
 */
export class Envelope {
  readonly #key: CryptoKey;
  #sealed = 0;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /**
   * Imports `key`, 32 bytes or a text that `parseKey` reads, as a key that cannot be exported again.
   * A browser has Web Crypto only on `https:` pages and on localhost.
   *
   * @throws {RelayError} `usage` where the key is not a key.
   */
  static async create(key: Uint8Array | string): Promise<Envelope> {
    if (typeof key === "string") key = parseKey(key);
    checkKey(key);
    const raw = new Uint8Array(key); // a copy, since Web Crypto takes no shared memory
    const usages: KeyUsage[] = ["encrypt", "decrypt"];
    return new Envelope(await crypto.subtle.importKey("raw", raw, "AES-GCM", false, usages));
  }

  /** How many messages this envelope has sealed: a part of {@linkcode SEALING_LIMIT}, which counts all uses of the key. */
  get sealed(): number {
    return this.#sealed;
  }

  /**
   * Encrypts one message (well-formed text: a lone surrogate would become U+FFFD).
   *
   * The nonce is 96 fresh random bits (NIST SP 800-38D §8.2.2), which bounds the use of a key: see
   * {@linkcode SEALING_LIMIT}.
   */
  async seal(plaintext: string): Promise<string> {
    this.#sealed++;
    const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const params = { name: "AES-GCM", iv };
    const box = await crypto.subtle.encrypt(params, this.#key, encoder.encode(plaintext));
    const bytes = new Uint8Array(NONCE_BYTES + box.byteLength);
    bytes.set(iv);
    bytes.set(new Uint8Array(box), NONCE_BYTES);
    return `{"type":"enc","d":"${bytes.toBase64()}"}`;
  }

  /**
   * Decrypts one envelope into its message.
   *
   * @throws {RelayError} `integrity` where `text` is not an envelope (plaintext is refused: taken, it
   * would let the relay put words in the producer's mouth), or was altered, or has another key.
   */
  async open(text: string): Promise<string> {
    const bytes = sealedBytes(text);
    const params = { name: "AES-GCM", iv: bytes.subarray(0, NONCE_BYTES) };
    try {
      const box = bytes.subarray(NONCE_BYTES);
      return decoder.decode(await crypto.subtle.decrypt(params, this.#key, box));
    } catch (cause) {
      if (cause instanceof TypeError) throw refusal("it is not UTF-8"); // authentic, badly made
      throw refusal("wrong key, or the message was altered on the way");
    }
  }
}

/**
 * Whether a parsed message is an envelope, for a consumer that has no key and says so.
 *
 * @example
 * ```ts
 * import { isSealed } from "./envelope.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(isSealed({ type: "enc" }), true);
 * assert.equal(isSealed({ type: "token" }), false);
 * ```
 */
export function isSealed(message: { readonly type?: unknown }): boolean {
  return message.type === "enc";
}

/** The nonce, ciphertext and tag of an envelope. */
function sealedBytes(text: string): Uint8Array<ArrayBuffer> {
  const message = parseObject(text);
  if (!message || !isSealed(message)) {
    throw refusal("it is not encrypted, and plaintext is refused where a key is set");
  }
  const bytes = typeof message.d === "string" ? decodeBase64(message.d) : undefined;
  if (!bytes) throw refusal('its "d" is not base64');
  const least = NONCE_BYTES + TAG_BYTES;
  if (bytes.length < least) {
    throw refusal(`it has ${bytes.length} bytes, at least ${least} are needed`);
  }
  return bytes;
}

/** `undefined` where `text` is not a JSON object. The parser's error is dropped: it quotes content. */
function parseObject(text: string): { type?: unknown; d?: unknown } | undefined {
  try {
    return Object(JSON.parse(text)); // a number or null becomes an object without a type
  } catch {
    return undefined;
  }
}

function refusal(why: string): RelayError {
  return new RelayError("integrity", `Cannot open the message: ${why}.`);
}
