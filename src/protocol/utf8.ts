/**
 * UTF-8 validity (RFC 3629), as RFC 6455 §8.1 asks of text messages.
 *
 * @module
 */

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether `bytes[from, to)` is valid UTF-8. */
export function isUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  try {
    STRICT.decode(bytes.subarray(from, to));
    return true;
  } catch {
    return false; // a TypeError is the decoder's way of saying no
  }
}
