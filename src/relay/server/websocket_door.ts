/**
 * Lets WebSocket clients in: handshake, path, credential, and the handler for their role.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { getLogger } from "@logtape/logtape";
import { RelayError } from "../../errors.ts";
import { type ChannelPath, parseChannelPath } from "../../protocol/channel_path.ts";
import { type ConsumeHello, type ProduceHello, SUBPROTOCOL } from "../../protocol/control.ts";
import { maxFrameBytes } from "../../protocol/data_frame.ts";
import { encodeRecord } from "../../protocol/record.ts";
import type { Access } from "../access.ts";
import { type Channels, shortId } from "../channels.ts";
import type { RelayLimits } from "../limits.ts";
import { Connection, type Handler } from "./connection.ts";
import { ConsumerHandler } from "./consumer_handler.ts";
import { FirstMessage, MAX_CREDENTIAL_BYTES } from "./first_message.ts";
import { acceptHandshake, handshakeFault, offers, refuseHandshake } from "./handshake.ts";
import { HelloHandler } from "./hello_handler.ts";
import { LineFrames } from "./line_frames.ts";
import { ProducerHandler } from "./producer_handler.ts";
import { ResumableConsumerHandler } from "./resumable_consumer.ts";
import { ResumableProducerHandler } from "./resumable_producer.ts";

const logger = getLogger(["streamrelay", "relay"]);

/** What the door needs to know. */
export interface DoorOptions {
  readonly access: Access;
  readonly channels: Channels;
  readonly limits: RelayLimits;
  /** The JSON text that `/health` sends. */
  readonly health: () => string;
}

/** Owns all WebSocket connections of a relay. */
export class WebSocketDoor {
  readonly #options: DoorOptions;
  readonly #connections = new Set<Connection>();
  readonly #frames = new LineFrames();
  #closing = false;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Number of open connections. */
  get size(): number {
    return this.#connections.size;
  }

  /** Handles an `upgrade` of the HTTP server. */
  enter(request: IncomingMessage, socket: Socket, head: Uint8Array): void {
    const fault = this.#closing
      ? [503, "relay is shutting down"] as [number, string]
      : handshakeFault(request);
    if (fault !== undefined) return refuseHandshake(socket, fault);
    const resumable = offers(request, SUBPROTOCOL);
    acceptHandshake(request, socket, resumable ? SUBPROTOCOL : undefined);
    const { channels, limits } = this.#options;
    const connection = new Connection(socket, limits, channels);
    this.#connections.add(connection);
    socket.on("close", () => this.#connections.delete(connection));
    try {
      connection.handler = this.#admit(connection, request, resumable);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      connection.handler = NOBODY;
      connection.fail(error);
    }
    connection.open(head);
  }

  /** Keeps the time limits of all connections. */
  sweep(): void {
    for (const connection of this.#connections) connection.sweep();
  }

  /** Closes every connection with 1001 and lets nobody in any more. */
  close(): void {
    this.#closing = true;
    for (const connection of this.#connections) connection.drain();
  }

  #admit(connection: Connection, request: IncomingMessage, resumable: boolean): Handler {
    const url = URL.parse(request.url ?? "/", "ws://relay");
    if (url === null) throw new RelayError("bad_path");
    if (url.pathname === "/health") {
      connection.send(encodeRecord(new TextEncoder().encode(this.#options.health())));
      connection.close(1000, "");
      return NOBODY;
    }
    const path = parseChannelPath(url.pathname);
    const credential = credentialOf(request, url);
    if (credential !== undefined) this.#check(credential, path);
    const known = credential !== undefined || !this.#options.access.required;
    if (resumable) return this.#awaitHello(connection, path, known);
    // a consumer has nothing to say but a credential, so nothing larger is taken from it
    if (!known || path.role === "consume") {
      connection.decoder.maxMessageBytes = MAX_CREDENTIAL_BYTES;
    }
    if (known && path.role === "consume") return this.#handler(connection, path);
    connection.decoder.single = true;
    if (!known) {
      connection.expectBy(this.#options.limits.authTimeoutMs);
    }
    const inner = known ? this.#handler(connection, path) : undefined;
    return new FirstMessage((secret) => {
      if (secret !== undefined) this.#check(secret, path);
      else if (!known) this.#refuse(path);
      connection.decoder.single = false;
      if (path.role === "produce") {
        connection.decoder.maxMessageBytes = this.#options.limits.maxMessageBytes;
      }
      connection.expectBy(undefined);
      return connection.handler = inner ?? this.#handler(connection, path);
    }, inner);
  }

  /** The resumable protocol begins with a hello, which may hold the credential. */
  #awaitHello(connection: Connection, path: ChannelPath, known: boolean): Handler {
    const { limits } = this.#options;
    const { decoder } = connection;
    decoder.maxMessageBytes = MAX_CREDENTIAL_BYTES;
    decoder.single = true;
    // no credential was judged: a client that was held up on its way may try again
    const late = new RelayError("limit", "no hello came in time", { tellPeer: true });
    connection.expectBy(limits.authTimeoutMs, late);
    return new HelloHandler(path.role, (hello) => {
      if (hello.credential !== undefined) this.#check(hello.credential, path);
      else if (!known) this.#refuse(path);
      decoder.single = false;
      // a consumer stays with the size of control messages
      if (path.role === "produce") decoder.maxMessageBytes = maxFrameBytes(limits.maxMessageBytes);
      connection.expectBy(undefined);
      return connection.handler = this.#resumable(connection, path, hello);
    });
  }

  #resumable(
    connection: Connection,
    { channel: id }: ChannelPath,
    hello: ProduceHello | ConsumeHello,
  ): Handler {
    const { channels, limits } = this.#options;
    if (hello.role === "consume") {
      return new ResumableConsumerHandler(connection, {
        channels,
        frames: this.#frames,
        id,
        hello,
      });
    }
    return new ResumableProducerHandler(connection, { channels, limits, id, hello });
  }

  #check(secret: string, path: ChannelPath): void {
    if (!this.#options.access.allows(secret)) this.#refuse(path);
  }

  #refuse({ role, channel }: ChannelPath): never {
    logger.warn("[{channel}] {role} refused: credential missing or wrong", {
      channel: shortId(channel),
      role,
    });
    throw new RelayError("unauthorized");
  }

  #handler(connection: Connection, { role, channel }: ChannelPath): Handler {
    const { channels } = this.#options;
    if (role === "produce") return new ProducerHandler(connection, channels, channel);
    const consumer = new ConsumerHandler(connection, channels);
    consumer.join(channel);
    return consumer;
  }
}

/** For a connection that is only being said goodbye to. */
const NOBODY: Handler = { texts() {}, flush() {}, drained() {}, gone() {}, drain() {} };

/** The secret in the `Authorization` header or, deprecated, in the query. */
function credentialOf(request: IncomingMessage, url: URL): string | undefined {
  // another scheme is somebody else's, such as a proxy's
  const bearer = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? "");
  if (bearer !== null) return bearer[1];
  const query = url.searchParams.get("secret");
  if (query !== null) {
    logger.debug("credential in ?secret=: deprecated, URLs end up in the logs of proxies");
  }
  return query ?? undefined;
}
