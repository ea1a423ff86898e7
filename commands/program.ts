/**
 * The program and its subcommands.
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { benchCommand } from "./bench.ts";
import { cancelCommand } from "./cancel.ts";
import { completeCommand, completionsCommand } from "./completions.ts";
import { consumeCommand } from "./consume.ts";
import { demoCommand } from "./demo.ts";
import { healthCommand } from "./health.ts";
import { keygenCommand } from "./keygen.ts";
import { produceCommand } from "./produce.ts";
import { relayCommand } from "./relay.ts";
import { tokenCommand } from "./token.ts";
import { VERSION } from "./version.ts";

/**
 * The words of a command line as the program takes them, and those after `produce … --`, which are a command to run and
 * none of the program's business.
 */
export function splitJob(words: readonly string[]): { words: string[]; job?: string[] } {
  const at = words[0] === "produce" ? words.indexOf("--") : -1;
  return at < 0 ? { words: [...words] } : { words: words.slice(0, at), job: words.slice(at + 1) };
}

/** Builds the program; `job` is what `produce` is to run. Each subcommand loads what it runs only when it runs: a job script does not wait for a server. */
export function program(job?: readonly string[]): Command {
  const root = documented(job);
  add(root, completionsCommand(() => documented()) as unknown as Command);
  root.addCommand(completeCommand(() => documented()) as unknown as Command, { hidden: true });
  return root;
}

/** The program with the commands that shells complete. */
function documented(job?: readonly string[]): Command {
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
            5 incomplete · 6 decryption or integrity · 7 cancelled · 70 a bug · 130, 143 interrupted`,
    ) as Command;
  add(root, relayCommand() as unknown as Command);
  add(root, produceCommand(job) as unknown as Command);
  add(root, consumeCommand() as unknown as Command);
  add(root, cancelCommand() as unknown as Command);
  add(root, tokenCommand() as unknown as Command);
  add(root, keygenCommand() as unknown as Command);
  add(root, healthCommand() as unknown as Command);
  add(root, benchCommand() as unknown as Command);
  add(root, demoCommand() as unknown as Command);
  return root;
}

/** Adds a subcommand that treats errors as the program does, and so do its own. */
function add(root: Command, command: Command): void {
  root.addCommand(command.copyInheritedSettings(root));
  for (const inner of command.commands) inner.copyInheritedSettings(command);
}
