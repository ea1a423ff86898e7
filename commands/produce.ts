/**
 * `streamrelay produce`
 *
 * @module
 */

import { Argument, Command } from "@commander-js/extra-typings";
import { shownRelayUrl } from "../src/client/relay_url.ts";
import { RelayError } from "../src/errors.ts";
import { newChannelId } from "../src/protocol/channel_id.ts";
import { ExitCode } from "./exit.ts";
import { Interrupt } from "./interrupt.ts";
import { setUpLogging } from "./logging.ts";
import {
  channelOption,
  clientSecrets,
  keyFileOption,
  keyOption,
  logLevelOption,
  secretFileOption,
  secretOption,
  urlOption,
} from "./options.ts";
import { complain, say } from "./terminal.ts";

/** Sends stdin to a channel. */
export function produceCommand() {
  return new Command("produce")
    .description("send stdin to a channel, as it comes")
    .addArgument(
      new Argument(
        "[channel]",
        "the channel (default: CHANNEL_ID of the environment, or a fresh one)",
      ),
    )
    .addOption(channelOption())
    .addOption(urlOption())
    .addOption(secretOption())
    .addOption(secretFileOption())
    .addOption(keyOption())
    .addOption(keyFileOption())
    .option("--tee", "copy stdin to stdout as well")
    .option("--usage <json>", "object to send as the usage with the end of the stream", usage)
    .addOption(logLevelOption())
    .addHelpText(
      "after",
      `
Each line is a token; text without a newline goes out as soon as it is read. The job is never stopped: when the relay
cannot be reached, stdin is read to its end all the same (and copied with --tee), and the exit code is 4.
If your program holds its output back in a pipe: stdbuf -oL program, python -u, PYTHONUNBUFFERED=1.

Examples:
  your_model | streamrelay produce job-7
  your_model | streamrelay produce --url wss://relay.example.org --tee > answer.txt
  your_model | CHANNEL_ID=$SLURM_JOB_ID streamrelay produce

Exit codes: 0 the relay has the whole stream · 2 usage · 3 credential refused · 4 not all was delivered
            130, 143 interrupted (consumers are told)`,
    )
    .action(async (argument, options, command) => {
      await setUpLogging(options.logLevel, "text");
      const secrets = await clientSecrets(
        options,
        (name) => command.getOptionValueSource(name as keyof typeof options),
      );
      const named = argument || options.channel || undefined; // a variable may be set and empty
      const channel = named ?? newChannelId();
      if (named === undefined) {
        say(`streamrelay consume ${channel} --url ${shellWord(shownRelayUrl(options.url))}`);
        if (secrets.encryptionKey) say("(with the same RELAY_ENCRYPTION_KEY)");
      }
      using interrupt = new Interrupt();
      const { pipeStdin } = await import("./pipe_stdin.ts");
      try {
        await pipeStdin({
          producer: { url: options.url, channel, ...secrets },
          tee: options.tee ?? false,
          usage: options.usage,
          signal: interrupt.signal,
        });
      } catch (error) {
        if (interrupt.received === undefined || !(error instanceof RelayError)) throw error;
        complain(error.message);
      }
      if (interrupt.received !== undefined) throw new ExitCode(interrupt.received.exitCode);
    });
}

/** `text` as one word of a POSIX shell. */
function shellWord(text: string): string {
  return /^[\w:/.%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function usage(text: string): Record<string, unknown> {
  let value;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RelayError("usage", "Cannot use --usage: it is not JSON", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new RelayError(
      "usage",
      'Cannot use --usage: give a JSON object like {"completion_tokens":50}',
    );
  }
  return value;
}
