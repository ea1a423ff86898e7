/**
 * A connection of the resumable protocol that has yet to say hello.
 *
 * @module
 */

import { RelayError } from "../../errors.ts";
import type { ConsumeHello, ProduceHello } from "../../protocol/control.ts";
import type { Role } from "../../protocol/channel_path.ts";
import type { Handler } from "./connection.ts";
import { controlsIn } from "./control_frame.ts";

/** Waits for the hello. The decoder must be in `single` mode. */
export class HelloHandler implements Handler {
  readonly #role: Role;
  readonly #admit: (hello: ProduceHello | ConsumeHello) => Handler;
  #next: Handler | undefined;

  /** `admit` judges the credential and returns who takes over, or throws. */
  constructor(role: Role, admit: (hello: ProduceHello | ConsumeHello) => Handler) {
    this.#role = role;
    this.#admit = admit;
  }

  texts(records: Uint8Array): void {
    for (const control of controlsIn(records)) {
      if (control.type !== "hello") throw fault("the first message must be a hello");
      if (control.role !== this.#role) throw fault(`hello: role does not fit /${this.#role}/`);
      this.#next = this.#admit(control);
    }
  }

  binary(): void {
    throw fault("data before the hello");
  }

  flush(): void {
    this.#next?.flush();
  }

  drained(): void {}

  gone(): void {}

  drain(): void {}
}

function fault(what: string): RelayError {
  return new RelayError("protocol", what, { tellPeer: true });
}
