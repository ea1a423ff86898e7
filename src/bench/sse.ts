/**
 * Streams as server-sent events.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { RelayError } from "../errors.ts";
import type { EndpointOptions, Endpoints, Receiver, ReceiverEvents } from "./endpoints.ts";
import { HttpCaller, receiveBody } from "./http.ts";
import { LineCutter, readMessage } from "./message_lines.ts";
import { endError, ws2Endpoints } from "./ws2.ts";

const DATA = Buffer.from("data: ");
const EVENT = Buffer.from("event: ");
/** What a browser does not see as a message of the stream. */
const OWN_EVENTS = new Set(["begin", "restart", "gap", "producer", "end"]);

/** Producers speak version 2; consumers read `GET /consume/…` as browsers do. */
export function sseEndpoints(options: EndpointOptions): Endpoints {
  const caller = new HttpCaller(options);
  const { sender } = ws2Endpoints(options);
  return {
    sender,
    receiver: async (channel, events) => {
      const response = await caller.consume(channel, "text/event-stream");
      return receiveEvents(response, { size: options.size, events });
    },
    close: () => caller.close(),
  };
}

function receiveEvents(
  response: Parameters<typeof receiveBody>[0],
  { size, events }: { size: number; events: ReceiverEvents },
): Receiver {
  let over = false;
  const end = (error?: RelayError) => {
    if (!over) events.ended(error);
    over = true;
  };
  // `done` is a message like others here; the relay's word is what counts
  const messages: ReceiverEvents = { ...events, ended: () => {} };
  let own: string | undefined;
  const cutter = new LineCutter((bytes, from, to) => {
    if (over) return;
    if (startsWith(bytes, from, EVENT)) {
      const name = bytes.toString("latin1", from + EVENT.length, to);
      own = OWN_EVENTS.has(name) ? name : undefined;
    } else if (startsWith(bytes, from, DATA)) {
      from += DATA.length;
      if (own === undefined) readMessage(bytes, { from, to, size, events: messages });
      else readOwn(own, bytes.toString("utf8", from, to), { gap: events.gap, end });
      own = undefined;
    }
  });
  return receiveBody(response, {
    feed: (bytes) => cutter.feed(bytes),
    ended: (error) => end(error ?? new RelayError("incomplete", "A body ended too early")),
  });
}

function readOwn(
  name: string,
  text: string,
  { gap, end }: { gap: (next: number) => void; end: (error?: RelayError) => void },
): void {
  const data = JSON.parse(text);
  if (name === "gap") gap(data.to);
  if (name === "end") end(endError(data.ok ? "done" : String(data.status)));
}

function startsWith(bytes: Buffer, at: number, text: Buffer): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}
