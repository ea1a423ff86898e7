/**
 * Version 2 of the protocol, spoken by a client that does nothing but that.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { relayPath } from "../client/relay_url.ts";
import { RelayError } from "../errors.ts";
import type { ToProducer } from "../protocol/control.ts";
import { parseToConsumer, parseToProducer } from "../protocol/relay_control.ts";
import { SEQ_BYTES, writeSeq } from "../protocol/data_frame.ts";
import { newEpoch } from "../protocol/position.ts";
import {
  type EndpointOptions,
  type Endpoints,
  type Receiver,
  type ReceiverEvents,
  type Sender,
  type SenderEvents,
  WAITING_BYTES,
} from "./endpoints.ts";
import { lost, type Socket } from "./load_socket.ts";
import { openSocket } from "./local_socket.ts";
import { AROUND, DONE, readMessage, writeMessage } from "./message_lines.ts";
import { receiverOf } from "./ws1.ts";
import { scratchOf } from "./scratch.ts";

const NEWLINE = 0x0a;

/**
 * The wire of version 2 without what `src/client` does on top, which is to keep everything to be sent again, and to come
 * back: here a lost connection is what the run is to show.
 */
export function ws2Endpoints(options: EndpointOptions): Endpoints {
  return {
    sender: (channel, events) => ResumableSender.open(channel, events, options),
    receiver: (channel, events) => openReceiver(channel, events, options),
    close: () => {},
  };
}

/** Numbers messages, a frame each, and keeps those that the relay's window has no room for. */
class ResumableSender implements Sender {
  readonly #socket: Socket;
  readonly #window: number;
  /** Bytes of lines by message that the relay has not acknowledged: all are of one size. */
  readonly #lineBytes: number;
  #next = 0;
  #sent = 0;
  #acknowledged = 0;
  #waiting: Buffer[] = [];
  #ending = false;
  readonly #ended = Promise.withResolvers<void>();

  private constructor(socket: Socket, { window, size }: { window: number; size: number }) {
    this.#socket = socket;
    this.#window = window;
    this.#lineBytes = size + AROUND + 1;
    this.#ended.promise.catch(() => {}); // nobody need wait for it
  }

  /** Connects, and waits for the relay's welcome. */
  static async open(
    channel: string,
    events: SenderEvents,
    { url, secret, size, epoll }: EndpointOptions,
  ): Promise<Sender> {
    const epoch = newEpoch();
    const welcome = Promise.withResolvers<ToProducer>();
    welcome.promise.catch(() => {}); // it may fail before it is waited for
    let sender: ResumableSender | undefined;
    const socket = await openSocket(relayPath(url, `/produce/${channel}`), {
      secret,
      resumable: true,
      events: {
        message(data) {
          const message = parseToProducer(data.toString());
          if (sender === undefined) welcome.resolve(message);
          else sender.#told(message);
        },
        closed(code, reason) {
          const error = lost(code, reason);
          welcome.reject(error);
          if (sender === undefined) return;
          if (!sender.#ending) events.lost(error);
          sender.#ended.reject(error); // of no effect after the relay has confirmed the end
        },
      },
    }, epoll);
    const hello = { type: "hello", role: "produce", epoch, first: 0, next: 0 };
    socket.send(JSON.stringify(hello), false);
    const message = await welcome.promise;
    if (message.type !== "welcome") {
      throw new RelayError("protocol", "The relay did not welcome us");
    }
    return sender = new ResumableSender(socket, { window: message.window, size });
  }

  send(content: Uint8Array): boolean {
    const held = (this.#next - this.#sent) * this.#lineBytes + this.#socket.waiting;
    if (held > WAITING_BYTES) return false;
    const now = this.#waiting.length === 0 && this.#hasRoom;
    const size = SEQ_BYTES + this.#lineBytes;
    const frame = now && !this.#socket.keeps ? scratchOf(size) : Buffer.allocUnsafe(size);
    writeSeq(frame, 0, this.#next++);
    frame[writeMessage(frame, SEQ_BYTES, content)] = NEWLINE;
    if (now) this.#transmit(frame);
    else this.#waiting.push(frame);
    return true;
  }

  end(): Promise<void> {
    this.#ending = true;
    this.#finish();
    return this.#ended.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  get #hasRoom(): boolean {
    const bytes = (this.#sent - this.#acknowledged) * this.#lineBytes;
    return bytes === 0 || bytes + this.#lineBytes <= this.#window;
  }

  #transmit(frame: Buffer): void {
    this.#sent++;
    this.#socket.send(frame, true);
  }

  #told(message: ToProducer): void {
    if (message.type !== "ack") return;
    if (message.end) {
      this.#ended.resolve();
      return this.#socket.close();
    }
    this.#acknowledged = message.next;
    let taken = 0;
    while (taken < this.#waiting.length && this.#hasRoom) this.#transmit(this.#waiting[taken++]);
    if (taken > 0) this.#waiting = this.#waiting.slice(taken);
    this.#finish();
  }

  /** Says the end once everything else was said. */
  #finish(): void {
    if (!this.#ending || this.#sent < this.#next || this.#finished) return;
    this.#finished = true;
    const line = Buffer.from(`${DONE}\n`);
    const frame = Buffer.alloc(SEQ_BYTES + line.length);
    writeSeq(frame, 0, this.#next);
    frame.set(line, SEQ_BYTES);
    this.#socket.send(frame, true);
    const end = { type: "end", next: this.#next + 1, status: "done" };
    this.#socket.send(JSON.stringify(end), false);
  }

  #finished = false;
}

async function openReceiver(
  channel: string,
  events: ReceiverEvents,
  { url, secret, size, epoll }: EndpointOptions,
): Promise<Receiver> {
  const welcome = Promise.withResolvers<void>();
  welcome.promise.catch(() => {}); // it may fail before it is waited for
  let over = false;
  const end = (error?: RelayError) => {
    if (!over) events.ended(error);
    over = true;
  };
  // `done` is a message like others here; the relay's word is what counts
  const data: ReceiverEvents = { ...events, ended: () => {} };
  const socket = await openSocket(relayPath(url, `/consume/${channel}`), {
    secret,
    resumable: true,
    events: {
      message(bytes, binary) {
        if (over) return;
        if (binary) return readFrame(bytes, size, data);
        const message = parseToConsumer(bytes.toString());
        if (message.type === "welcome") welcome.resolve();
        else if (message.type === "gap") events.gap(message.to);
        else if (message.type === "end") end(endError(message.status));
      },
      closed(code, reason) {
        const error = lost(code, reason);
        welcome.reject(error);
        end(error);
      },
    },
  }, epoll);
  socket.send(JSON.stringify({ type: "hello", role: "consume" }), false);
  await welcome.promise;
  return receiverOf(socket);
}

function readFrame(bytes: Buffer, size: number, events: ReceiverEvents): void {
  for (let from = SEQ_BYTES; from < bytes.length;) {
    const guess = from + size + AROUND;
    const newline = bytes[guess] === NEWLINE ? guess : bytes.indexOf(NEWLINE, from);
    const to = newline < 0 ? bytes.length : newline;
    readMessage(bytes, { from, to, size, events });
    from = to + 1;
  }
}

/** The error of a status that is not `done`. */
export function endError(status: string): RelayError | undefined {
  if (status === "done") return undefined;
  return new RelayError("incomplete", `The relay says that a stream has ended: ${status}`);
}
