/**
 * A TCP connection whose every byte is in the test's hand: HTTP requests and WebSocket frames that no library would
 * send, and a reader that does not read unless told to.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OPCODE } from "../../src/protocol/frame.ts";
import { bytesOf, clientClose, clientFrame, concat } from "./client_frames.ts";
import { within } from "./within.ts";

/** An HTTP answer. */
export interface RawResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A frame of a server. */
export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** What a close frame says. */
export interface CloseFrame {
  readonly code: number;
  readonly reason: string;
}

/** The headers of a valid WebSocket handshake. */
export const HANDSHAKE: Readonly<Record<string, string>> = {
  "Host": "localhost",
  "Connection": "Upgrade",
  "Upgrade": "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

const HEAD_END = "\r\n\r\n";
const READ_BYTES = 256 * 1024;
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A connection to 127.0.0.1; each read has 20 s. Leaving its `await using` block cuts it. */
export class RawSocket implements AsyncDisposable {
  readonly #connection: Deno.Conn;
  #unread: Uint8Array = new Uint8Array(0);
  #read = 0;
  #closed = false;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Connects. */
  static async connect(port: number): Promise<RawSocket> {
    const connecting = Deno.connect({ hostname: "127.0.0.1", port });
    return new RawSocket(await within(connecting, `a connection to port ${port}`));
  }

  /** Connects and becomes a WebSocket; `headers` are added to the handshake. */
  static async webSocket(
    port: number,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<RawSocket> {
    const socket = await RawSocket.connect(port);
    await socket.write(request(`GET ${path}`, { ...HANDSHAKE, ...headers }));
    const { status, body } = await socket.response();
    assert.equal(status, 101, body);
    return socket;
  }

  /** Writes all of it; waits where the peer does not read. */
  async write(data: Uint8Array | string): Promise<void> {
    const bytes = bytesOf(data);
    for (let at = 0; at < bytes.length;) {
      at += await within(this.#connection.write(bytes.subarray(at)), "the peer to read");
    }
  }

  /** Sends text messages, each in a frame of its own. */
  send(...texts: string[]): Promise<void> {
    return this.write(concat(...texts.map((text) => clientFrame(text))));
  }

  /** Sends a close frame. */
  sendClose(code = 1000): Promise<void> {
    return this.write(clientClose(code));
  }

  /** Ends the sending direction alone. */
  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  /** Reads an HTTP answer with its body. */
  async response(): Promise<RawResponse> {
    let head: number;
    while ((head = latin1(this.#unread).indexOf(HEAD_END)) < 0) {
      assert.ok(await this.#fill(), `connection ended after: ${latin1(this.#unread)}`);
    }
    const [first, ...lines] = latin1(this.#take(head + HEAD_END.length)!).trimEnd().split("\r\n");
    const headers = new Map(
      lines.map((line) => [line.split(":", 1)[0].toLowerCase(), line.replace(/^[^:]*: */, "")]),
    );
    const length = Number(headers.get("content-length") ?? 0);
    while (this.#unread.length < length && await this.#fill());
    const body = DECODER.decode(this.#take(Math.min(length, this.#unread.length)));
    return { status: Number(first.split(" ")[1]), headers, body };
  }

  /** Reads the next frame; `undefined` where the peer has ended the connection. */
  async frame(): Promise<ServerFrame | undefined> {
    if (!await this.#need(2)) return undefined;
    const [first, second] = this.#unread;
    assert.equal(second & 0x80, 0, "a server's frame is not masked");
    const header = second < 126 ? 2 : second === 126 ? 4 : 10;
    assert.ok(await this.#need(header), "connection ended within a frame");
    const bytes = this.#unread;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const length = second < 126
      ? second
      : second === 126
      ? view.getUint16(2)
      : Number(view.getBigUint64(2));
    assert.ok(await this.#need(header + length), "connection ended within a frame");
    return { opcode: first & 0x0f, payload: this.#take(header + length)!.subarray(header) };
  }

  /** Reads the next frame that is no ping, as a relay sends them to who is silent for long. */
  async #word(): Promise<ServerFrame | undefined> {
    let frame = await this.frame();
    while (frame?.opcode === OPCODE.ping) frame = await this.frame();
    return frame;
  }

  /** Reads the next message, which is a text message. */
  async message(): Promise<string> {
    const frame = await this.#word();
    assert.equal(frame?.opcode, OPCODE.text, `no text message but ${describe(frame)}`);
    return DECODER.decode(frame!.payload);
  }

  /** Reads text messages up to the close frame, which the peer's end of the connection follows. */
  async messages(): Promise<{ texts: string[]; close: CloseFrame }> {
    const texts: string[] = [];
    for (;;) {
      const frame = await this.#word();
      if (frame?.opcode === OPCODE.text) texts.push(DECODER.decode(frame.payload));
      else if (frame?.opcode === OPCODE.close) return { texts, close: closeOf(frame) };
      else assert.fail(`no text message and no close frame but ${describe(frame)}`);
    }
  }

  /** Reads the close frame, which is next, answers it, and reads the end of the connection. */
  async closed(): Promise<CloseFrame> {
    const { texts, close } = await this.messages();
    assert.deepEqual(texts, []);
    await this.write(clientClose(1000)).catch(() => {}); // the peer may have gone by then
    assert.ok(await this.ended(), "bytes after the close frame");
    this.close();
    return close;
  }

  /** Cuts the connection. */
  close(): void {
    if (!this.#closed) this.#connection.close();
    this.#closed = true;
  }

  /** Whether the peer ends the connection, in whatever way, before it sends another byte. */
  async ended(): Promise<boolean> {
    try {
      return this.#unread.length === 0 && !await this.#fill();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return true;
      throw error;
    }
  }

  /** Reads whatever comes up to the end of the connection, or its reset. */
  async rest(): Promise<Uint8Array> {
    try {
      while (await this.#fill());
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
    return this.#take(this.#unread.length);
  }

  /** Bytes read so far. */
  get bytesRead(): number {
    return this.#read;
  }

  // deno-lint-ignore require-await -- the interface asks for a promise
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #need(count: number): Promise<boolean> {
    while (this.#unread.length < count) if (!await this.#fill()) return false;
    return true;
  }

  /** Reads once; `false` at the end. */
  async #fill(): Promise<boolean> {
    const buffer = new Uint8Array(READ_BYTES);
    const count = await within(this.#connection.read(buffer), "bytes or the end of a connection");
    if (count === null) return false;
    this.#read += count;
    this.#unread = concat(this.#unread, buffer.subarray(0, count));
    return true;
  }

  #take(count: number): Uint8Array {
    const taken = this.#unread.subarray(0, count);
    this.#unread = this.#unread.subarray(count);
    return taken;
  }
}

/** The text of an HTTP request: `GET /path`, headers, and a body as it is. */
export function request(line: string, headers: Record<string, string>, body = ""): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

/** Sends one HTTP request on a connection of its own. */
export async function exchange(port: number, text: string): Promise<RawResponse> {
  await using socket = await RawSocket.connect(port);
  await socket.write(text);
  return await socket.response();
}

function closeOf({ payload }: ServerFrame): CloseFrame {
  if (payload.length === 0) return { code: 1005, reason: "" };
  return { code: payload[0] << 8 | payload[1], reason: DECODER.decode(payload.subarray(2)) };
}

function describe(frame: ServerFrame | undefined): string {
  if (frame === undefined) return "the end of the connection";
  if (frame.opcode === OPCODE.close) return `close ${JSON.stringify(closeOf(frame))}`;
  return `opcode ${frame.opcode} with ${frame.payload.length} bytes`;
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
