/**
 * Lets WebSocket clients in: handshake, path, credential, and the handler for their role.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { RelayError } from "../../errors.ts";
import { type ChannelPath, parseChannelPath } from "../../protocol/channel_path.ts";
import { type ConsumeHello, type ProduceHello, SUBPROTOCOL } from "../../protocol/control.ts";
import { maxFrameBytes } from "../../protocol/data_frame.ts";
import { encodeRecord } from "../../protocol/record.ts";
import type { Grant, Use } from "../access.ts";
import type { Channels } from "../channels.ts";
import { looksLikeToken } from "../token.ts";
import type { RelayLimits } from "../limits.ts";
import { Connection } from "./connection.ts";
import { ConsumerHandler } from "./consumer_handler.ts";
import { FirstMessage, MAX_CREDENTIAL_BYTES } from "./first_message.ts";
import type { Gate, Visitor } from "./gate.ts";
import type { Handler } from "./handler.ts";
import { acceptHandshake, handshakeFault, offers, refuseHandshake } from "./handshake.ts";
import { HelloHandler } from "./hello_handler.ts";
import { LineFrames } from "./line_frames.ts";
import { ProducerHandler } from "./producer_handler.ts";
import { ResumableConsumerHandler } from "./resumable_consumer.ts";
import { ResumableProducerHandler } from "./resumable_producer.ts";

/** What the door needs to know. */
export interface DoorOptions {
  /** Judges who comes; shared with the other doors. */
  readonly gate: Gate;
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
      ? new RelayError("draining", undefined, { retryAfterMs: RETRY_MS })
      : handshakeFault(request) ?? this.#turnedAway(request, socket);
    if (fault !== undefined) return refuseHandshake(socket, fault);
    const resumable = offers(request, SUBPROTOCOL);
    acceptHandshake(request, socket, resumable ? SUBPROTOCOL : undefined);
    const { channels, limits } = this.#options;
    const connection = new Connection(socket, limits, channels);
    this.#connections.add(connection);
    socket.on("close", () => this.#connections.delete(connection));
    connection.handler = NOBODY;
    try {
      this.#begin(connection, request, resumable);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      connection.handler = NOBODY;
      connection.fail(error);
    }
    connection.open(head);
  }

  /** Why the request is not even answered by a handshake. */
  #turnedAway(request: IncomingMessage, socket: Socket): RelayError | undefined {
    try {
      socket.on("close", this.#options.gate.enter(request));
      return undefined;
    } catch (error) {
      if (error instanceof RelayError) return error;
      throw error;
    }
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

  #begin(connection: Connection, request: IncomingMessage, resumable: boolean): void {
    const url = URL.parse(request.url ?? "/", "ws://relay");
    if (url === null) throw new RelayError("bad_path");
    if (url.pathname === "/health") {
      connection.send(encodeRecord(new TextEncoder().encode(this.#options.health())));
      return connection.close(1000, "");
    }
    const path = parseChannelPath(url.pathname);
    const visitor = this.#options.gate.visitor(request, url);
    if (resumable) this.#awaitHello(connection, path, visitor);
    else this.#beginPlain(connection, path, visitor);
  }

  /** The plain protocol: the credential came with the handshake, or is the first message. */
  #beginPlain(connection: Connection, path: ChannelPath, visitor: Visitor): void {
    const { gate: { access }, limits } = this.#options;
    connection.decoder.maxMessageBytes = MAX_CREDENTIAL_BYTES;
    connection.decoder.single = true;
    if (visitor.credential !== undefined || !access.required) {
      return this.#admit(connection, { use: path, visitor }, (grant) => {
        this.#servePlain(connection, path, grant, { mayShowCredential: true });
      });
    }
    connection.expectBy(limits.authTimeoutMs);
    connection.handler = new FirstMessage((credential) => {
      this.#admit(connection, { use: path, visitor: { ...visitor, credential } }, (grant) => {
        connection.expectBy(undefined);
        this.#servePlain(connection, path, grant, { mayShowCredential: false });
      });
    });
  }

  /** Hands over to the handler for the role, after a first message that may be a credential nobody waits for. */
  #servePlain(
    connection: Connection,
    { role, channel }: ChannelPath,
    grant: Grant,
    { mayShowCredential }: { mayShowCredential: boolean },
  ): void {
    const { decoder } = connection;
    // a consumer has nothing to say, so nothing larger is taken from it
    if (role === "consume") {
      decoder.single = false;
      const consumer = new ConsumerHandler(connection, this.#options.channels);
      connection.handler = consumer;
      return begun(grant, () => consumer.join(channel));
    }
    const producer = this.#lease(connection, grant, { channel }, () => {
      return new ProducerHandler(connection, this.#options.channels, channel);
    });
    decoder.maxMessageBytes = this.#options.limits.maxMessageBytes;
    const serve = () => {
      decoder.single = false;
      connection.handler = producer;
    };
    if (!mayShowCredential) return serve();
    connection.handler = new FirstMessage((credential, records) => {
      serve();
      if (credential === undefined) producer.texts(records, 1, 0);
    }, producer);
  }

  /** The resumable protocol begins with a hello, which may hold the credential. */
  #awaitHello(connection: Connection, path: ChannelPath, visitor: Visitor): void {
    const { gate: { access }, limits } = this.#options;
    const { decoder } = connection;
    decoder.maxMessageBytes = MAX_CREDENTIAL_BYTES;
    decoder.single = true;
    const { credential } = visitor;
    // a wrong secret is refused at once; whose token it is, is only known with the hello
    const early = credential === undefined || looksLikeToken(credential)
      ? undefined
      : access.admit(credential, path, visitor);
    // no credential was judged: a client that was held up on its way may try again
    const late = new RelayError("limit", "no hello came in time", { tellPeer: true });
    connection.expectBy(limits.authTimeoutMs, late);
    connection.handler = new HelloHandler(path.role, (hello) => {
      const { role, holder: nonce = visitor.nonce } = hello;
      const epoch = hello.role === "produce" ? hello.epoch : undefined;
      const shown = { ...visitor, nonce, epoch, credential: hello.credential ?? credential };
      const use = { role, channel: path.channel };
      const known = hello.credential === undefined ? early : undefined;
      this.#admit(connection, { use, visitor: shown, known }, (grant) => {
        connection.expectBy(undefined);
        this.#greet(connection, path.channel, hello, grant);
      });
    });
  }

  /** Hands over to the handler for the role. */
  #greet(
    connection: Connection,
    id: string,
    hello: ProduceHello | ConsumeHello,
    grant: Grant,
  ): void {
    const { channels, limits } = this.#options;
    connection.decoder.single = false;
    if (hello.role !== "produce") { // who stays with the size of control messages
      return begun(grant, () => {
        connection.handler = new ResumableConsumerHandler(connection, {
          channels,
          frames: this.#frames,
          id,
          hello,
          mayCancel: grant.may("cancel"),
        });
      });
    }
    connection.decoder.maxMessageBytes = maxFrameBytes(limits.maxMessageBytes);
    const stream = { channel: id, epoch: hello.epoch };
    connection.handler = this.#lease(connection, grant, stream, () => {
      return new ResumableProducerHandler(connection, { channels, limits, id, hello });
    });
  }

  /** Takes a lease for a producer that `make` lets into its channel. */
  #lease<T>(
    connection: Connection,
    grant: Grant,
    stream: { channel: string; epoch?: string },
    make: () => T,
  ): T {
    return begun(grant, () => {
      const lease = this.#options.gate.lease(grant, stream);
      const producer = begun(lease, make);
      connection.lease(lease, { mayReturn: stream.epoch !== undefined });
      return producer;
    });
  }

  /**
   * Calls `enter` once the credential is found good. A token takes a moment for that, in which nothing more is read: a
   * message that overtook its verdict would be one of somebody unknown.
   */
  #admit(
    connection: Connection,
    { use, visitor, known }: { use: Use; visitor: Visitor; known?: Grant | Promise<Grant> },
    enter: (grant: Grant) => void,
  ): void {
    const verdict = known ?? this.#options.gate.access.admit(visitor.credential, use, visitor);
    if (!(verdict instanceof Promise)) return enter(verdict);
    connection.hold(verdict.then((grant) => {
      if (connection.ending) grant.unused(); // it did not wait
      else enter(grant);
    }));
  }
}

/** What `begin` returns; where it throws, what was taken for it is given back. */
function begun<T>(taken: { unused(): void }, begin: () => T): T {
  try {
    return begin();
  } catch (error) {
    taken.unused();
    throw error;
  }
}

/** When to come back to a relay that shuts down: another one may be there by then, ms. */
const RETRY_MS = 5_000;

/** For a connection that is only being said goodbye to. */
const NOBODY: Handler = { texts() {}, flush() {}, drained() {}, gone() {}, drain() {} };
