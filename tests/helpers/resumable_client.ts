/**
 * A client of the resumable protocol in the test's hand: it says what it is told to say, right or wrong, and hands out what
 * the relay says. The numbers of data frames are written here anew, not by the code under test.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OPCODE } from "../../src/protocol/frame.ts";
import { clientClose, clientFrame, concat } from "./client_frames.ts";
import { type CloseFrame, HANDSHAKE, RawSocket, request } from "./raw_socket.ts";

/** What a relay says: a control message, `data` with `seq` and `lines`, or `close` with `code` and `reason`. */
export interface Said {
  readonly type: string;
  readonly [name: string]: unknown;
}

/** All that a consumer is told up to the close. */
export interface Reading {
  /** The messages, each once, of all runs that were read. */
  readonly lines: string[];
  /** All but data and the close, in order. */
  readonly controls: Said[];
  readonly close: CloseFrame;
}

/** What a producer says of itself; see `docs/protocol.md`. */
export interface Claim {
  epoch: string;
  /** Default 0. */
  first?: number;
  /** Default 0. */
  next?: number;
  credential?: string;
}

const SUBPROTOCOL = "streamrelay.v2";
const SEQ_BYTES = 8;
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

/** A connection on which version 2 was agreed; each read has 20 s. Leaving its `await using` block cuts it. */
export class ResumableClient implements AsyncDisposable {
  /** The bytes under it. */
  readonly socket: RawSocket;

  private constructor(socket: RawSocket) {
    this.socket = socket;
  }

  /** Connects, and says nothing yet. */
  static async connect(
    port: number,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<ResumableClient> {
    const socket = await RawSocket.connect(port);
    const offer = { ...HANDSHAKE, "Sec-WebSocket-Protocol": SUBPROTOCOL, ...headers };
    await socket.write(request(`GET ${path}`, offer));
    const response = await socket.response();
    assert.equal(response.status, 101, response.body);
    assert.equal(response.headers.get("sec-websocket-protocol"), SUBPROTOCOL);
    return new ResumableClient(socket);
  }

  /** Connects to channel `id` as its producer and says hello; the answer is still to be read. */
  static async produce(port: number, id: string, claim: Claim): Promise<ResumableClient> {
    const client = await ResumableClient.connect(port, `/produce/${id}`);
    await client.send(produceHello(claim));
    return client;
  }

  /** Connects to channel `id` as a consumer and says hello; the answer is still to be read. */
  static async consume(
    port: number,
    id: string,
    wish: Record<string, unknown> = {},
  ): Promise<ResumableClient> {
    const client = await ResumableClient.connect(port, `/consume/${id}`);
    await client.send({ type: "hello", role: "consume", ...wish });
    return client;
  }

  /** Writes frames in one go. */
  write(...frames: Uint8Array[]): Promise<void> {
    return this.socket.write(concat(...frames));
  }

  /** Sends a control message, or any text. */
  send(control: Said | string): Promise<void> {
    return this.write(controlFrame(control));
  }

  /** Sends messages in one data frame, the first one with number `seq`. */
  data(seq: number | bigint, lines: readonly string[]): Promise<void> {
    return this.write(dataFrame(seq, lines));
  }

  /** What the relay says next. */
  async next(): Promise<Said> {
    const frame = await this.socket.frame();
    assert.ok(frame !== undefined, "the connection ended without a close frame");
    const { opcode, payload } = frame;
    if (opcode === OPCODE.ping) return this.next();
    if (opcode === OPCODE.text) return JSON.parse(DECODER.decode(payload));
    if (opcode === OPCODE.binary) return { type: "data", ...dataOf(payload) };
    assert.equal(opcode, OPCODE.close);
    return {
      type: "close",
      code: payload[0] << 8 | payload[1],
      reason: DECODER.decode(payload.subarray(2)),
    };
  }

  /** What the relay says next, which is of this type. */
  async expect(type: string): Promise<Said> {
    const said = await this.next();
    assert.equal(said.type, type, `no ${type} but ${JSON.stringify(said)}`);
    return said;
  }

  /** Reads acknowledgements, each further than the one before, up to that of all messages below `next`. */
  async acknowledged(next: number): Promise<void> {
    for (let before = -1; before < next;) {
      const ack = await this.expect("ack");
      assert.ok(Number(ack.next) > before && Number(ack.next) <= next, JSON.stringify(ack));
      before = Number(ack.next);
    }
  }

  /** Reads acknowledgements up to that of the end, after `next` messages. */
  async acknowledgedEnd(next: number): Promise<void> {
    let ack = await this.expect("ack");
    while (!ack.end) ack = await this.expect("ack");
    assert.deepEqual(ack, { type: "ack", next, end: true });
  }

  /** Reads on until `count` messages of the run that is being read have come, and returns them. */
  async lines(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) lines.push(...(await this.expect("data")).lines as string[]);
    assert.equal(lines.length, count);
    return lines;
  }

  /** Reads the close frame, which is next, answers it as clients do, and reads the end of the connection. */
  async closed(): Promise<CloseFrame> {
    const { code, reason } = await this.expect("close") as unknown as CloseFrame;
    await this.socket.write(clientClose(code)).catch(() => {}); // the relay may have gone by then
    assert.ok(await this.socket.ended(), "bytes after the close frame");
    this.close();
    return { code, reason };
  }

  /** Reads up to the close as a consumer; data must go on where it was, and the end be where data ended. */
  async collect(): Promise<Reading> {
    const lines: string[] = [];
    const controls: Said[] = [];
    let next: unknown;
    for (;;) {
      const said = await this.next();
      if (said.type === "close") {
        await this.socket.write(clientClose(Number(said.code))).catch(() => {});
        return { lines, controls, close: { code: Number(said.code), reason: String(said.reason) } };
      }
      if (said.type === "data") {
        assert.equal(said.seq, next ?? said.seq, "data from elsewhere");
        lines.push(...said.lines as string[]);
        next = Number(said.seq) + (said.lines as string[]).length;
        continue;
      }
      controls.push(said);
      if (said.type === "gap") assert.equal(said.from, next ?? said.from, "a gap from elsewhere");
      if (said.type === "end") assert.equal(said.next, next ?? said.next, "an end elsewhere");
      next = said.type === "gap" ? said.to : isBeginning(said) ? said.from : next;
    }
  }

  /** Says goodbye; what the relay answers is still to be read. */
  goodbye(code = 1000): Promise<void> {
    return this.socket.sendClose(code);
  }

  /** Cuts the connection. */
  close(): void {
    this.socket.close();
  }

  // deno-lint-ignore require-await -- the interface asks for a promise
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/** A producer's hello. */
export function produceHello({ first = 0, next = 0, ...claim }: Claim): Said {
  return { type: "hello", role: "produce", first, next, ...claim };
}

/** A control message as a frame; text goes as it is. */
export function controlFrame(control: Said | string): Uint8Array {
  return clientFrame(typeof control === "string" ? control : JSON.stringify(control));
}

/** A binary frame. */
export function binaryFrame(payload: Uint8Array): Uint8Array {
  return clientFrame(payload, { opcode: OPCODE.binary });
}

/** A data frame: each of `lines` with a newline after it. */
export function dataFrame(seq: number | bigint, lines: readonly string[]): Uint8Array {
  return binaryFrame(dataPayload(seq, lines.map((line) => `${line}\n`).join("")));
}

/** The payload of a data frame, whose `text` may be anything. */
export function dataPayload(seq: number | bigint, text: string): Uint8Array {
  const number = new Uint8Array(SEQ_BYTES);
  new DataView(number.buffer).setBigUint64(0, BigInt(seq));
  return concat(number, ENCODER.encode(text));
}

function dataOf(payload: Uint8Array): { seq: number; lines: string[] } {
  const view = new DataView(payload.buffer, payload.byteOffset);
  const text = DECODER.decode(payload.subarray(SEQ_BYTES));
  assert.ok(text.endsWith("\n"), "data without a newline at its end");
  return { seq: Number(view.getBigUint64(0)), lines: text.slice(0, -1).split("\n") };
}

function isBeginning({ type }: Said): boolean {
  return type === "begin" || type === "restart";
}
