/**
 * UTF-8 validity, as RFC 6455 §8.1 asks of text messages.
 *
 * @module
 */

/**
 * Whether `bytes[from, to)` is valid UTF-8 by the table of RFC 3629 §4: no surrogates, no overlong forms, nothing above
 * U+10FFFF. `TextDecoder` would make a string to throw away, or an error: for the short messages of a model it costs
 * four times as much (`deno task bench`).
 */
export function isUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to;) {
    const lead = bytes[i++];
    if (lead < 0x80) continue;
    const more = lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1;
    if (more < 0 || i + more > to || !isSecond(lead, bytes[i])) return false;
    for (let k = 1; k < more; k++) if ((bytes[i + k] & 0xc0) !== 0x80) return false;
    i += more;
  }
  return true;
}

/** Whether `byte` may follow `lead`: four leads narrow the range of their second byte. */
function isSecond(lead: number, byte: number): boolean {
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return byte >= least && byte <= most;
}
