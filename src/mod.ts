/**
 * streamrelay as a library: start a relay, produce, consume.
 *
 * @example A stream through a relay, encrypted from end to end
 * ```ts
 * import { generateKey, RelayConsumer, RelayProducer, startRelay } from "./mod.ts";
 * import assert from "node:assert/strict";
 *
 * await using relay = await startRelay({ port: 0, secret: "s3cret" });
 * const shared = { url: relay.url, secret: "s3cret", channel: "job-7", encryptionKey: generateKey() };
 *
 * await using producer = await RelayProducer.connect(shared);
 * await ReadableStream.from(["Hello", " ", "world"]).pipeTo(producer.writable);
 *
 * assert.equal(await new RelayConsumer(shared).collect(), "Hello world");
 * ```
 *
 * @module
 */

export { cancelChannel } from "./client/cancel.ts";
export type { CancelOptions } from "./client/cancel.ts";
export { RelayConsumer } from "./client/consumer.ts";
export type { ConsumerOptions } from "./client/consumer.ts";
export { checkHealth } from "./client/health.ts";
export type { Health, HealthOptions } from "./client/health.ts";
export { RelayProducer } from "./client/producer.ts";
export type { ErrorDetails, ProducerOptions } from "./client/producer.ts";
export type { StreamEvent } from "./client/stream_event.ts";
export { generateKey } from "./crypto/key.ts";
export { RelayError } from "./errors.ts";
export type { ErrorCode, ErrorRow } from "./errors.ts";
export { newChannelId } from "./protocol/channel_id.ts";
export type {
  DoneMessage,
  ErrorMessage,
  EventMessage,
  LogMessage,
  Message,
  OtherMessage,
  Progress,
  ProgressMessage,
  TokenMessage,
} from "./protocol/message.ts";
export type { ChannelState, EndDetails, EndStatus } from "./protocol/control.ts";
export type { Meta } from "./protocol/meta.ts";
export { formatPosition, parsePosition } from "./protocol/position.ts";
export type { Position } from "./protocol/position.ts";
export type { RelayLimits } from "./relay/limits.ts";
export { startRelay } from "./relay/server/start_relay.ts";
export type { Relay, RelayOptions } from "./relay/server/start_relay.ts";
