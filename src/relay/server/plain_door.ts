/**
 * Lets in WebSockets of the plain protocol.
 *
 * @module
 */

import type { ChannelPath } from "../../protocol/channel_path.ts";
import type { Grant } from "../access.ts";
import { Admission, begun } from "./admission.ts";
import type { Connection } from "./connection.ts";
import { ConsumerHandler } from "./consumer_handler.ts";
import { FirstMessage, MAX_CREDENTIAL_BYTES } from "./first_message.ts";
import type { Visitor } from "./gate.ts";
import { ProducerHandler } from "./producer_handler.ts";
import type { DoorOptions } from "./websocket_door.ts";

/** Takes the credential, and hands over to the handler for the role. */
export class PlainDoor {
  readonly #options: DoorOptions;
  readonly #admission: Admission;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#admission = new Admission(options.gate);
  }

  /**
   * The credential came with the handshake, or is the first message.
   *
   * @throws {RelayError} why the client is not let in.
   */
  begin(connection: Connection, path: ChannelPath, visitor: Visitor): void {
    const { gate: { access }, limits } = this.#options;
    connection.decoder.maxMessageBytes = MAX_CREDENTIAL_BYTES;
    connection.decoder.single = true;
    if (visitor.credential !== undefined || !access.required) {
      return this.#admission.admit(connection, { use: path, visitor }, (grant) => {
        this.#serve(connection, path, { grant, mayShowCredential: true });
      });
    }
    connection.expectBy(limits.authTimeoutMs);
    connection.handler = new FirstMessage((credential) => {
      const shown = { ...visitor, credential };
      this.#admission.admit(connection, { use: path, visitor: shown }, (grant) => {
        connection.expectBy(undefined);
        this.#serve(connection, path, { grant, mayShowCredential: false });
      });
    });
  }

  /** Hands over to the handler for the role, after a first message that may be a credential nobody waits for. */
  #serve(
    connection: Connection,
    { role, channel }: ChannelPath,
    { grant, mayShowCredential }: { grant: Grant; mayShowCredential: boolean },
  ): void {
    const { decoder } = connection;
    const { channels, limits } = this.#options;
    // a consumer has nothing to say, so nothing larger is taken from it
    if (role === "consume") {
      decoder.single = false;
      const consumer = new ConsumerHandler(connection, channels);
      connection.handler = consumer;
      return begun(grant, () => consumer.join(channel));
    }
    const producer = this.#admission.lease(connection, { grant, stream: { channel } }, () => {
      return new ProducerHandler(connection, channels, channel);
    });
    decoder.maxMessageBytes = limits.maxMessageBytes;
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
}
