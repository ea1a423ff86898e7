/**
 * Lets in WebSockets of the resumable protocol.
 *
 * @module
 */

import { RelayError } from "../../errors.ts";
import type { ChannelPath } from "../../protocol/channel_path.ts";
import type { ConsumeHello, ProduceHello } from "../../protocol/control.ts";
import { maxFrameBytes } from "../../protocol/data_frame.ts";
import type { Grant } from "../access.ts";
import { looksLikeToken } from "../token.ts";
import { Admission, begun } from "./admission.ts";
import type { Connection } from "./connection.ts";
import { MAX_CREDENTIAL_BYTES } from "./first_message.ts";
import type { Visitor } from "./gate.ts";
import { HelloHandler } from "./hello_handler.ts";
import { LineFrames } from "./line_frames.ts";
import { ResumableConsumerHandler } from "./resumable_consumer.ts";
import { ResumableProducerHandler } from "./resumable_producer.ts";
import type { DoorOptions } from "./websocket_door.ts";

/** Takes the hello, and hands over to the handler for the role. */
export class ResumableDoor {
  readonly #options: DoorOptions;
  readonly #admission: Admission;
  readonly #frames = new LineFrames();

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#admission = new Admission(options.gate);
  }

  /**
   * The first message is a hello, which may hold the credential.
   *
   * @throws {RelayError} why the client is not let in.
   */
  begin(connection: Connection, path: ChannelPath, visitor: Visitor): void {
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
      this.#admission.admit(connection, { use, visitor: shown, known }, (grant) => {
        connection.expectBy(undefined);
        this.#greet(connection, path.channel, { hello, grant });
      });
    });
  }

  /** Hands over to the handler for the role. */
  #greet(
    connection: Connection,
    id: string,
    { hello, grant }: { hello: ProduceHello | ConsumeHello; grant: Grant },
  ): void {
    const { channels, limits } = this.#options;
    connection.decoder.single = false;
    if (hello.role !== "produce") { // who stays with the size of control messages
      const mayCancel = grant.may("cancel");
      const options = { channels, frames: this.#frames, id, hello, mayCancel };
      return begun(grant, () => {
        connection.handler = new ResumableConsumerHandler(connection, options);
      });
    }
    connection.decoder.maxMessageBytes = maxFrameBytes(limits.maxMessageBytes);
    const stream = { channel: id, epoch: hello.epoch };
    connection.handler = this.#admission.lease(connection, { grant, stream }, () => {
      return new ResumableProducerHandler(connection, { channels, limits, id, hello });
    });
  }
}
