/**
 * The program and its subcommands.
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { completeCommand, completionsCommand } from "./completions.ts";
import { consumeCommand } from "./consume.ts";
import { demoCommand } from "./demo.ts";
import { healthCommand } from "./health.ts";
import { keygenCommand } from "./keygen.ts";
import { produceCommand } from "./produce.ts";
import { relayCommand } from "./relay.ts";
import { VERSION } from "./version.ts";

/** Builds the program. Each subcommand loads what it runs only when it runs: a job script does not wait for a server. */
export function program(): Command {
  const root = documented();
  add(root, completionsCommand(documented) as unknown as Command);
  root.addCommand(completeCommand(documented) as unknown as Command, { hidden: true });
  return root;
}

/** The program with the commands that shells complete. */
function documented(): Command {
  const root = new Command("streamrelay")
    .description(
      "Carries the output of a batch job to you while it is made: a producer on the compute node and consumers\n" +
        "anywhere both connect outbound to a relay, which, with a key, sees only ciphertext.",
    )
    .version(VERSION, "-V, --version", "print the version")
    .helpCommand(false)
    .showHelpAfterError("For the options: add --help")
    .exitOverride()
    .addHelpText(
      "after",
      `
Examples:
  streamrelay relay                                    on a host that both sides reach
  your_model | streamrelay produce job-7               in the job script
  streamrelay consume job-7                            in your terminal
  streamrelay demo                                     all three at once, on this machine

Exit codes: 0 done · 1 producer error · 2 usage · 3 credential refused · 4 unreachable or time limit
            5 incomplete · 6 decryption or integrity · 70 a bug · 130, 143 interrupted`,
    ) as Command;
  add(root, relayCommand() as unknown as Command);
  add(root, produceCommand() as unknown as Command);
  add(root, consumeCommand() as unknown as Command);
  add(root, keygenCommand() as unknown as Command);
  add(root, healthCommand() as unknown as Command);
  add(root, demoCommand() as unknown as Command);
  return root;
}

/** Adds a subcommand that treats errors as the program does. */
function add(root: Command, command: Command): void {
  root.addCommand(command.copyInheritedSettings(root));
}
