/**
 * Lets WebSocket clients in: handshake and path, and the door of the protocol they speak.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { RelayError } from "../../errors.ts";
import { parseChannelPath } from "../../protocol/channel_path.ts";
import { SUBPROTOCOL } from "../../protocol/control.ts";
import { encodeRecord } from "../../protocol/record.ts";
import type { Channels } from "../channels.ts";
import type { RelayLimits } from "../limits.ts";
import { Connection } from "./connection.ts";
import type { ClientSocket } from "./client_socket.ts";
import type { Gate } from "./gate.ts";
import type { Handler } from "./handler.ts";
import { acceptHandshake, handshakeFault, offers, refuseHandshake } from "./handshake.ts";
import { draining } from "./http_error.ts";
import { checkRequest, requestUrl } from "./http_request.ts";
import type { KernelSockets } from "./kernel_sockets.ts";
import { Occupants } from "./occupants.ts";
import { PlainDoor } from "./plain_door.ts";
import { HEALTH_PATH } from "./relay_health.ts";
import { ResumableDoor } from "./resumable_door.ts";
import { Rounds } from "./rounds.ts";

/** What the door needs to know. */
export interface DoorOptions {
  /** Judges who comes; shared with the other doors. */
  readonly gate: Gate;
  readonly channels: Channels;
  readonly limits: RelayLimits;
  /** The JSON text that `/health` sends. */
  readonly health: () => string;
  /** Where sockets are handed to, in place of the runtime (default: they stay with it). */
  readonly kernel?: KernelSockets;
  /** How many sweeps it takes to have looked after all connections. */
  readonly shares: number;
}

/** Owns all WebSocket connections of a relay. */
export class WebSocketDoor {
  readonly #options: DoorOptions;
  readonly #connections = new Occupants<Connection>();
  readonly #rounds: Rounds<Connection>;
  readonly #plain: PlainDoor;
  readonly #resumable: ResumableDoor;
  #closing = false;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#rounds = new Rounds(this.#connections, options.shares);
    this.#plain = new PlainDoor(options);
    this.#resumable = new ResumableDoor(options);
  }

  /** Number of open connections. */
  get size(): number {
    return this.#connections.size;
  }

  /** Handles an `upgrade` of the HTTP server. */
  enter(request: IncomingMessage, socket: Socket, head: Uint8Array): void {
    const fault = handshakeFault(request);
    if (fault !== undefined) return refuseHandshake(socket, fault);
    let left: () => void;
    try {
      left = this.#admit(request);
    } catch (error) {
      if (error instanceof RelayError) return refuseHandshake(socket, error);
      throw error;
    }
    socket.setNoDelay(true);
    socket.setTimeout(0);
    const client = this.#options.kernel?.takeOver(socket) ?? socket;
    (client as ClientSocket).on("close", left);
    this.#connect(client, request, head);
    if (client !== socket) socket.destroy();
  }

  /**
   * Lets a client in, to be told the rest over its connection; returns what is to be called when that is over.
   *
   * @throws {RelayError} why the request is not even answered by a handshake.
   */
  #admit(request: IncomingMessage): () => void {
    const { gate } = this.#options;
    checkRequest(request);
    const url = requestUrl(request);
    gate.checkHost(request, url);
    if (this.#closing && url?.pathname !== HEALTH_PATH) throw draining();
    return gate.enter(request);
  }

  #connect(socket: ClientSocket, request: IncomingMessage, head: Uint8Array): void {
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

  /** Keeps the time limits of the next share of the connections; see {@linkcode DoorOptions.shares}. */
  sweep(): void {
    this.#rounds.next((connection) => connection.sweep());
  }

  /** Closes every connection with 1001 and lets nobody in any more, but to ask for health. Resolves when there is none. */
  close(): Promise<void> {
    this.#closing = true;
    for (const connection of this.#connections) connection.drain();
    return this.#connections.gone();
  }

  /** Ends all connections now. */
  cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  #begin(connection: Connection, request: IncomingMessage, resumable: boolean): void {
    const url = requestUrl(request);
    if (url === undefined) throw new RelayError("bad_path");
    if (url.pathname === HEALTH_PATH) {
      connection.send(encodeRecord(new TextEncoder().encode(this.#options.health())));
      return connection.close(1000, "");
    }
    const path = parseChannelPath(url.pathname);
    const visitor = this.#options.gate.visitor(request, url);
    (resumable ? this.#resumable : this.#plain).begin(connection, path, visitor);
  }
}

/** For a connection that is only being said goodbye to. */
const NOBODY: Handler = { texts() {}, flush() {}, drained() {}, gone() {}, drain() {} };
