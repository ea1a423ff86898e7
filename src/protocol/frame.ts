/**
 * Frames a server sends of its own (RFC 6455 §5.5): ping, pong, close. Server frames are not masked.
 *
 * @module
 */

/** Opcodes, RFC 6455 §5.2. */
export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** Payload bytes a control frame may have, RFC 6455 §5.5. */
export const MAX_CONTROL_BYTES = 125;

/** A control frame; `payload` is at most {@linkcode MAX_CONTROL_BYTES} bytes. */
export function controlFrame(opcode: number, payload: Uint8Array = EMPTY): Uint8Array {
  const frame = new Uint8Array(2 + payload.length);
  frame[0] = 0x80 | opcode;
  frame[1] = payload.length;
  frame.set(payload, 2);
  return frame;
}

/** A close frame; `reason` is cut to what fits, between characters. */
export function closeFrame(code: number, reason: string): Uint8Array {
  const payload = new Uint8Array(MAX_CONTROL_BYTES);
  payload[0] = code >>> 8;
  payload[1] = code;
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  return controlFrame(OPCODE.close, payload.subarray(0, 2 + written));
}

/** Whether a peer may put `code` into a close frame, RFC 6455 §7.4 and the IANA registry. */
export function isCloseCode(code: number): boolean {
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006 ||
    code >= 3000 && code <= 4999;
}

const EMPTY = new Uint8Array(0);
