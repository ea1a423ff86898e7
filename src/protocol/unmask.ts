/**
 * Removes the RFC 6455 §5.3 mask, moving the payload down in the same buffer on the way.
 *
 * @module
 */

/** Below this many bytes a loop over bytes is cheaper than lining up words. */
const SHORT = 24;

/**
 * Writes `length` unmasked bytes of `bytes[from…]` to `bytes[to…]` and returns the OR of all of them:
 * a result below 0x80 says that the text is ASCII, so that only other text costs a UTF-8 check.
 *
 * `to` must not be above `from`, and their distance a multiple of 4, as it is when each frame on the
 * way loses its 4 bytes of mask: then both sides share their alignment and 32 bits go at a time.
 * `words` covers the same memory: `new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2)`.
 */
export function unmask(
  bytes: Uint8Array,
  words: Int32Array,
  from: number,
  to: number,
  length: number,
  mask: number,
): number {
  let any = 0;
  let i = 0;
  if (length >= SHORT) {
    const base = bytes.byteOffset;
    for (; (base + to + i & 3) !== 0; i++) {
      any |= bytes[to + i] = bytes[from + i] ^ mask;
      mask = mask >>> 8 | mask << 24;
    }
    let target = base + to + i >> 2;
    let source = base + from + i >> 2;
    const count = length - i >> 2;
    let bits = 0;
    const end = target + count;
    for (; target + 4 <= end; target += 4, source += 4) {
      bits |= (words[target] = words[source] ^ mask) |
        (words[target + 1] = words[source + 1] ^ mask) |
        (words[target + 2] = words[source + 2] ^ mask) |
        (words[target + 3] = words[source + 3] ^ mask);
    }
    for (; target < end; target++, source++) bits |= words[target] = words[source] ^ mask;
    any |= bits | bits >>> 8 | bits >>> 16 | bits >>> 24;
    i += count << 2;
  }
  for (; i < length; i++) {
    any |= bytes[to + i] = bytes[from + i] ^ mask;
    mask = mask >>> 8 | mask << 24;
  }
  return any & 0xff;
}
