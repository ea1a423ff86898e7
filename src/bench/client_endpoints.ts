/**
 * The library's own producers and consumers, which encrypt.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { RelayConsumer } from "../client/consumer.ts";
import { RelayProducer } from "../client/producer.ts";
import { RelayError } from "../errors.ts";
import {
  type EndpointOptions,
  type Endpoints,
  type Receiver,
  type ReceiverEvents,
  type Sender,
  type SenderEvents,
  WAITING_BYTES,
} from "./endpoints.ts";

/** Bytes that a producer keeps to send them again: little, as there are many, and a lost relay ends the run. */
const REPLAY_BUFFER_BYTES = 1024 * 1024;

/** Version 2 by {@linkcode RelayProducer} and {@linkcode RelayConsumer}: what users' programs do, encryption included. */
export function clientEndpoints(options: EndpointOptions): Endpoints {
  return {
    sender: (channel, events) => openSender(channel, events, options),
    receiver: (channel, events) => openReceiver(channel, events, options),
    close: () => {},
  };
}

async function openSender(
  channel: string,
  events: SenderEvents,
  { url, secret, encryptionKey, size }: EndpointOptions,
): Promise<Sender> {
  const producer = await RelayProducer.connect({
    url,
    secret,
    channel,
    encryptionKey,
    replayBufferBytes: Math.max(REPLAY_BUFFER_BYTES, 4 * size),
    giveUpMs: 0,
  });
  let waiting = 0;
  let over = false;
  const lost = (error: RelayError) => {
    if (!over) events.lost(error);
    over = true;
  };
  void producer.lost.then(lost);
  return {
    send(content) {
      if (waiting > WAITING_BYTES) return false;
      waiting += content.length;
      producer.sendToken(Buffer.from(content).toString("latin1")).then(
        () => waiting -= content.length,
        () => {}, // `lost` tells
      );
      return true;
    },
    end() {
      over = true;
      return producer.done();
    },
    close() {
      over = true;
      producer.abandon();
    },
  };
}

async function openReceiver(
  channel: string,
  events: ReceiverEvents,
  { url, secret, encryptionKey }: EndpointOptions,
): Promise<Receiver> {
  const stop = new AbortController();
  const { signal } = stop;
  const consumer = new RelayConsumer({
    url,
    secret,
    channel,
    encryptionKey,
    allowGaps: true,
    giveUpMs: 0,
    signal,
  });
  const opened = Promise.withResolvers<void>();
  let gate: PromiseWithResolvers<void> | undefined;
  const read = async () => {
    for await (const event of consumer.events()) {
      if (event.kind === "producer") opened.resolve();
      if (event.kind === "gap") events.gap(event.to);
      if (event.kind !== "messages") continue;
      for (const message of event.messages) {
        if (message.type !== "token") continue;
        const content = Buffer.from(String(message.content), "latin1");
        events.content(content, 0, content.length);
      }
      await gate?.promise;
    }
    events.ended();
  };
  void read().catch((error) => {
    if (signal.aborted) return;
    opened.reject(error);
    events.ended(error instanceof RelayError ? error : new RelayError("internal", String(error)));
  });
  await opened.promise;
  return {
    pause: () => gate ??= Promise.withResolvers<void>(),
    resume() {
      gate?.resolve();
      gate = undefined;
    },
    close() {
      gate?.resolve();
      stop.abort();
    },
  };
}
