/**
 * A command that cannot be run.
 *
 * @module
 */

import { RelayError } from "../src/errors.ts";
import { lookUp } from "./look_up.ts";

/** A command that could not be started; nothing of it has run. */
export class NotStarted extends RelayError {
  constructor(
    program: string,
    reason: string,
    /** What a shell would exit with: 127 where there is no such command, 126 where it cannot be executed. */
    readonly exitCode: 126 | 127,
    options?: ErrorOptions,
  ) {
    super("usage", `Cannot run ${program}: ${reason}`, options);
  }

  /** Why `program` was not started, from what was thrown when it was to be. */
  static because(cause: unknown, program: string): NotStarted {
    const no = (reason: string, code: 126 | 127) =>
      new NotStarted(program, reason, code, { cause });
    if (cause instanceof Deno.errors.PermissionDenied) return no("permission denied", 126);
    if (!(cause instanceof Deno.errors.NotFound)) {
      return no(cause instanceof Error ? cause.message : String(cause), 126);
    }
    try {
      lookUp(program);
    } catch {
      return no("no such command", 127);
    }
    return no("the interpreter named in its first line is missing", 126);
  }
}
