/**
 * WebSockets to a relay on this machine, for as little CPU as can be.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { RelayError } from "../errors.ts";
import { SUBPROTOCOL } from "../protocol/control.ts";
import { Views } from "../protocol/views.ts";
import type { Epoll, SocketOwner, Watched } from "../system/epoll.ts";
import {
  credentialHeaders,
  LoadSocket,
  refusal,
  type Socket,
  type SocketEvents,
  type SocketOptions,
} from "./load_socket.ts";

const TEXT = 0x81;
const BINARY = 0x82;
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;
const MASKED = 0x80;
/** Any will do, as no cache that could be poisoned is on the way (RFC 6455 §10.3). */
const MASK = [0x5a, 0xc3, 0x96, 0x0f];
const MAX_HEADER_BYTES = 14;
const NORMAL = 1000;
const ABNORMAL = 1006;
const HEAD_END = Buffer.from("\r\n\r\n");

/** Frames on their way out are made here, one at a time; larger ones have memory of their own. */
const scratch = new Uint8Array(64 * 1024);

/**
 * Connects to a relay: past the runtime where it is on this machine, and there is an `epoll`.
 *
 * @throws {RelayError} `unreachable`, `unauthorized` or `limit`.
 */
export function openSocket(url: URL, options: SocketOptions, epoll?: Epoll): Promise<Socket> {
  return epoll !== undefined && isLocal(url)
    ? LocalSocket.open(url, options, epoll)
    : LoadSocket.open(url, options);
}

/** Whether a relay is on this machine, and speaks plain WebSocket. */
export function isLocal({ protocol, hostname }: URL): boolean {
  return protocol === "ws:" && (hostname === "127.0.0.1" || hostname === "localhost");
}

/** What was read, and the payload of a frame that is all of it. */
interface Reads {
  readonly all: Views<Buffer>;
  readonly payload: Views<Buffer>;
}

const reads = new WeakMap<Epoll, Reads>();

/** The same for all sockets of `epoll`, which are read into one memory. */
function readsOf(epoll: Epoll): Reads {
  const known = reads.get(epoll);
  if (known !== undefined) return known;
  const bytes = Buffer.from(epoll.bytes.buffer);
  const made = {
    all: new Views(bytes),
    payload: new Views(bytes, (end) => end - 2 < 126 ? 2 : end - 4 < 65536 ? 4 : 10),
  };
  reads.set(epoll, made);
  return made;
}

/** A WebSocket of {@linkcode Epoll}. */
export class LocalSocket implements Socket, SocketOwner {
  readonly keeps = false;
  readonly #epoll: Epoll;
  readonly #reads: Reads;
  readonly #events: SocketEvents;
  readonly #opened = Promise.withResolvers<void>();
  #watched: Watched | undefined;
  /** Whether the handshake is over, well or not, and whether messages can be sent. */
  #greeted = false;
  #isOpen = false;
  /** Whether they ever could. */
  #stood = false;
  /** What is not a whole frame yet, in pieces: put together with each of them, a large frame would be copied many times. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** How long that is to be before it is worth a look. */
  #wanted = 0;
  /** What the kernel had no room for. */
  #unsent: Uint8Array<ArrayBuffer>[] = [];
  #unsentBytes = 0;
  #paused = false;
  #closing = { code: ABNORMAL, reason: "" };

  private constructor(epoll: Epoll, events: SocketEvents) {
    this.#epoll = epoll;
    this.#reads = readsOf(epoll);
    this.#events = events;
  }

  /**
   * Connects.
   *
   * @throws {RelayError} `unreachable`, `unauthorized` or `limit`.
   */
  static async open(
    url: URL,
    { secret, resumable, events }: SocketOptions,
    epoll: Epoll,
  ): Promise<LocalSocket> {
    const socket = new LocalSocket(epoll, events);
    socket.#watched = epoll.connect(Number(url.port || 80), socket);
    if (socket.#watched === undefined) {
      throw new RelayError("unreachable", "A connection to the relay could not be made");
    }
    const headers = {
      Host: url.host,
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": crypto.getRandomValues(new Uint8Array(16)).toBase64(),
      ...(resumable && { "Sec-WebSocket-Protocol": SUBPROTOCOL }),
      ...credentialHeaders(secret),
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.#write(Buffer.from(`GET ${url.pathname} HTTP/1.1\r\n${lines.join("")}\r\n`));
    await socket.#opened.promise;
    return socket;
  }

  /** Bytes that the system has not taken. */
  get waiting(): number {
    return this.#unsentBytes;
  }

  /** Sends a message, of which nothing is kept. */
  send(data: string | Uint8Array, binary: boolean): void {
    if (!this.#isOpen) return;
    const payload = typeof data === "string" ? Buffer.from(data) : data;
    this.#sendFrame(binary ? BINARY : TEXT, payload);
  }

  pause(): void {
    this.#paused = true;
    this.#watch();
  }

  resume(): void {
    this.#paused = false;
    this.#watch();
  }

  /** Says goodbye; the relay's answer ends the connection. */
  close(): void {
    if (!this.#isOpen) return;
    this.#sendFrame(CLOSE, new Uint8Array([NORMAL >> 8, NORMAL & 0xff]));
    this.#isOpen = false;
  }

  /** Cuts the connection. */
  destroy(): void {
    if (this.#watched === undefined) return;
    this.#epoll.close(this.#watched);
    this.gone();
  }

  read(count: number): void {
    let bytes = this.#reads.all.to(count);
    if (this.#restBytes + count < this.#wanted) return this.#keep(bytes);
    if (this.#restBytes > 0) {
      bytes = Buffer.concat([...this.#rest, bytes]);
      this.#rest = [];
      this.#restBytes = 0;
    }
    const from = this.#greeted ? 0 : this.#readHead(bytes);
    const end = this.#greeted ? this.#readFrames(bytes, from) : 0;
    if (end < bytes.length) this.#keep(bytes.subarray(end));
  }

  writable(): void {
    const waiting = this.#unsent;
    this.#unsent = [];
    this.#unsentBytes = 0;
    for (const bytes of waiting) this.#write(bytes);
    this.#watch();
  }

  ended(): void {
    this.destroy();
  }

  gone(): void {
    this.#watched = undefined;
    this.#isOpen = false;
    this.#opened.reject(new RelayError("unreachable", "The relay cut a connection"));
    if (this.#stood) this.#events.closed(this.#closing.code, this.#closing.reason);
  }

  /** Copied, as the memory is used again. */
  #keep(bytes: Buffer): void {
    this.#rest.push(Buffer.from(bytes));
    this.#restBytes += bytes.length;
  }

  /** Reads the answer to the handshake; returns where frames begin. */
  #readHead(bytes: Buffer): number {
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) return 0;
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(bytes.toString("latin1", 0, 12))?.[1] ?? 0);
    this.#greeted = true;
    if (status !== 101) {
      this.#opened.reject(refusal(status));
      this.destroy();
      return bytes.length;
    }
    this.#isOpen = this.#stood = true;
    this.#opened.resolve();
    return end + HEAD_END.length;
  }

  /** Hands out whole frames from `at` on; returns where they end. */
  #readFrames(bytes: Buffer, at: number): number {
    while (this.#watched !== undefined && at + 2 <= bytes.length) {
      const short = bytes[at + 1] & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (at + head > bytes.length) break;
      const length = short < 126
        ? short
        : short === 126
        ? bytes.readUInt16BE(at + 2)
        : bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
      const from = at + head;
      if (from + length > bytes.length) {
        this.#wanted = head + length;
        return at;
      }
      at = from + length;
      const alone = at - from + head === bytes.length && bytes.buffer === this.#epoll.bytes.buffer;
      this.#frame(
        bytes[from - head],
        alone ? this.#reads.payload.to(at) : bytes.subarray(from, at),
      );
    }
    this.#wanted = 0;
    return at;
  }

  #frame(first: number, payload: Buffer): void {
    if (first === TEXT || first === BINARY) this.#events.message(payload, first === BINARY);
    else if (first === PING) this.#sendFrame(PONG, payload);
    else if (first === CLOSE) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.#closing = { code, reason: payload.toString("utf8", 2) };
      this.close();
    }
  }

  #sendFrame(first: number, payload: Uint8Array): void {
    const { length } = payload;
    const size = MAX_HEADER_BYTES + length;
    const frame = size <= scratch.length ? scratch : new Uint8Array(size);
    let at = 2;
    frame[0] = first;
    if (length < 126) frame[1] = MASKED | length;
    else if (length < 65536) {
      frame[1] = MASKED | 126;
      frame[at++] = length >> 8;
      frame[at++] = length & 0xff;
    } else {
      frame[1] = MASKED | 127;
      new DataView(frame.buffer).setBigUint64(at, BigInt(length));
      at += 8;
    }
    for (let i = 0; i < 4; i++) frame[at++] = MASK[i];
    for (let i = 0; i < length; i++) frame[at++] = payload[i] ^ MASK[i & 3];
    this.#write(frame, at);
  }

  /** Writes the first `length` bytes; what finds no room is copied. */
  #write(bytes: Uint8Array<ArrayBuffer>, length = bytes.length): void {
    if (this.#watched === undefined) return;
    const sent = this.#unsentBytes > 0 ? 0 : this.#epoll.send(this.#watched, bytes, length);
    if (sent === length) return;
    this.#unsent.push(bytes.slice(sent, length));
    this.#unsentBytes += length - sent;
    this.#watch();
  }

  #watch(): void {
    if (this.#watched === undefined) return;
    this.#epoll.watch(this.#watched, { reads: !this.#paused, writes: this.#unsentBytes > 0 });
  }
}
