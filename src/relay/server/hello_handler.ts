/**
 * A connection of the resumable protocol that has yet to say hello.
 *
 * @module
 */

import { fault } from "../../protocol/fault.ts";
import type { ConsumeHello, ProduceHello } from "../../protocol/control.ts";
import type { Role } from "../../protocol/channel_path.ts";
import type { Handler } from "./handler.ts";
import { controlsIn } from "./control_frame.ts";

/** Waits for the hello. The decoder must be in `single` mode. */
export class HelloHandler implements Handler {
  readonly #role: Role;
  readonly #admit: (hello: ProduceHello | ConsumeHello) => void;
  #greeted = false;

  /** `admit` judges the credential and sees to who takes over; it throws, or holds the connection until it knows. */
  constructor(role: Role, admit: (hello: ProduceHello | ConsumeHello) => void) {
    this.#role = role;
    this.#admit = admit;
  }

  texts(records: Uint8Array): void {
    for (const control of controlsIn(records)) {
      if (control.type !== "hello" || this.#greeted) {
        throw fault("the first message must be a hello");
      }
      // who wants to cancel comes the way of consumers
      const role = control.role === "cancel" ? "consume" : control.role;
      if (role !== this.#role) throw fault(`hello: role does not fit /${this.#role}/`);
      this.#greeted = true;
      this.#admit(control);
    }
  }

  binary(): void {
    throw fault("data before the hello");
  }

  flush(): void {}

  drained(): void {}

  gone(): void {}

  drain(): void {}
}
