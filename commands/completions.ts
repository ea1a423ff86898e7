/**
 * `streamrelay completions`, and the hidden `complete` that the printed scripts call.
 *
 * @module
 */

import { Argument, Command } from "@commander-js/extra-typings";

/** Prints a completion script; `describe` builds the program that is to be completed. */
export function completionsCommand(describe: () => Command) {
  return new Command("completions")
    .description("print a script that completes commands and options in your shell")
    .addArgument(
      new Argument("<shell>", "your shell").choices(["bash", "zsh", "fish", "powershell"] as const),
    )
    .addHelpText(
      "after",
      `
Examples:
  source <(streamrelay completions bash)               now; put it into ~/.bashrc for later shells
  streamrelay completions zsh > "\${fpath[1]}/_streamrelay"
  streamrelay completions fish > ~/.config/fish/completions/streamrelay.fish`,
    )
    .action(async (shell) =>
      (await completer(describe)).setup("streamrelay", "streamrelay", shell)
    );
}

/** Answers a completion script: `complete -- words so far`. */
export function completeCommand(describe: () => Command) {
  return new Command("complete")
    .argument("[words...]")
    .allowUnknownOption()
    .action(async (words) => (await completer(describe)).parse(words));
}

async function completer(describe: () => Command) {
  const { default: tab } = await import("@bomb.sh/tab/commander");
  const program = describe() as unknown as Parameters<typeof tab>[0];
  return tab(program, { completionCommandName: "completions" });
}
