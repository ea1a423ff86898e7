/**
 * `streamrelay keygen`
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { RelayError } from "../src/errors.ts";
import { reasonOf } from "./options.ts";
import { say } from "./terminal.ts";

/** Prints a fresh key, or writes it to a file. */
export function keygenCommand() {
  return new Command("keygen")
    .description("print a fresh 32-byte encryption key for produce and consume")
    .option("--hex", "as 64 hex digits instead of base64")
    .option("--env", "as a line RELAY_ENCRYPTION_KEY=… for an environment file")
    .option("--out <file>", "write it to a new file with mode 0600 instead")
    .addHelpText(
      "after",
      `
Examples:
  export RELAY_ENCRYPTION_KEY=$(streamrelay keygen)
  streamrelay keygen --out ~/.streamrelay.key          then: --key-file ~/.streamrelay.key on both sides`,
    )
    .action(async ({ hex, env, out }) => {
      const { generateKey, parseKey } = await import("../src/crypto/key.ts");
      const base64 = generateKey();
      const key = hex ? parseKey(base64).toHex() : base64;
      const line = `${env ? "RELAY_ENCRYPTION_KEY=" : ""}${key}\n`;
      if (out === undefined) return await writeStdout(line);
      try {
        await Deno.writeTextFile(out, line, { createNew: true, mode: 0o600 });
      } catch (cause) {
        throw new RelayError("usage", `Cannot write ${out}: ${reasonOf(cause)}`, { cause });
      }
      say(`key written to ${out}`);
    });
}

async function writeStdout(text: string): Promise<void> {
  const { Output } = await import("./output.ts");
  const output = new Output();
  output.write(text);
  await output.flush();
}
