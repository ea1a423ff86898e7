/**
 * Version 1 of the protocol, as the Python package speaks it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { relayPath } from "../client/relay_url.ts";
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
import { scratchOf } from "./scratch.ts";

/** Plain WebSockets: a text a message, and the end of the connection is the end. */
export function ws1Endpoints(options: EndpointOptions): Endpoints {
  return {
    sender: (channel, events) => openSender(channel, events, options),
    receiver: (channel, events) => openReceiver(channel, events, options),
    close: () => {},
  };
}

async function openSender(
  channel: string,
  events: SenderEvents,
  { url, secret, epoll }: EndpointOptions,
): Promise<Sender> {
  let ending = false;
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {}); // nobody need wait for it
  const socket = await openSocket(relayPath(url, `/produce/${channel}`), {
    secret,
    resumable: false,
    events: {
      message: () => {},
      closed(code, reason) {
        // the relay answers our goodbye when it has read all before it
        if (ending && code === 1000) return ended.resolve();
        const error = lost(code, reason);
        ended.reject(error);
        if (!ending) events.lost(error);
      },
    },
  }, epoll);
  return {
    send(content) {
      if (socket.waiting > WAITING_BYTES) return false;
      const size = content.length + AROUND;
      const message = socket.keeps ? Buffer.allocUnsafe(size) : scratchOf(size);
      writeMessage(message, 0, content);
      socket.send(message, false);
      return true;
    },
    end() {
      ending = true;
      socket.send(DONE, false);
      socket.close();
      return ended.promise;
    },
    close: () => socket.destroy(),
  };
}

async function openReceiver(
  channel: string,
  events: ReceiverEvents,
  { url, secret, size, epoll }: EndpointOptions,
): Promise<Receiver> {
  let over = false;
  // a replay may be there, whole, before we have the socket
  let opened: Socket | undefined;
  const socket = opened = await openSocket(relayPath(url, `/consume/${channel}`), {
    secret,
    resumable: false,
    events: {
      message(data) {
        if (over) return;
        over = readMessage(data, { from: 0, to: data.length, size, events });
        if (over) opened?.close();
      },
      closed(code, reason) {
        if (!over) events.ended(lost(code, reason));
        over = true;
      },
    },
  }, epoll);
  if (over) socket.close();
  return receiverOf(socket);
}

/** A receiver that is a socket. */
export function receiverOf(socket: Socket): Receiver {
  return {
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => socket.destroy(),
  };
}
