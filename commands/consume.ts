/**
 * `streamrelay consume`
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { RelayError } from "../src/errors.ts";
import { isChannelId } from "../src/protocol/channel_id.ts";
import { parsePosition, type Position } from "../src/protocol/position.ts";
import { namedChannel, withSealedChannel } from "./client_options.ts";
import { setUpLogging } from "./logging.ts";
import { clientSecrets, durationOption, logLevelOption } from "./options.ts";
import { Output } from "./output.ts";
import { duration } from "./values.ts";
import type { LinkOptions } from "./view.ts";

/** Prints a channel. */
export function consumeCommand() {
  return withSealedChannel(new Command("consume"))
    .description("print a channel's tokens to stdout as they come")
    .option("--json", "print every message as JSON, one a line, instead of the tokens")
    .option("--collect", "print everything at the end instead of as it comes")
    .option("--web", "print a link to the browser page of the channel instead; see below")
    .addOption(
      new Option("--from <place>", "start, live (what is still to come), or a position <epoch>:<n>")
        .argParser(place).default("start" as const),
    )
    .option("--position-file <file>", "go on where the last run with this file stopped")
    .option("--allow-gaps", "go on where the relay no longer has some messages")
    .addOption(
      new Option("--on-restart <what>", "when the job was started anew: print its new run, or fail")
        .choices(["follow", "fail"] as const).default("follow" as const),
    )
    .option("--cancel-on-interrupt", "SIGINT cancels the producer; its last tokens are printed")
    .option(
      "--timeout <seconds>",
      "time for the first message to come (default: no limit)",
      duration,
    )
    .option(
      "--idle-timeout <seconds>",
      "time between messages, after the first one (default: no limit)",
      duration,
    )
    .addOption(
      durationOption("--give-up <seconds>", "how long a lost relay is tried again", 600_000),
    )
    .option("--stats", "print time to first token, tokens and tokens/s to stderr at the end")
    .addOption(logLevelOption())
    .addHelpText(
      "after",
      `
Times are in seconds or with a unit (90s, 10m, 1h). It does not matter which side connects first. A lost connection is
made again; what is printed is complete and in order, or the exit code says that it is not. What a job says of its
progress is a bar on stderr, where that is a terminal.

The link of --web opens without anything else: after its # are the key and, where the relay has a secret, a token that
reads this one channel and is good for 12 hours. Browsers send that part to nobody; pass the link on with care.

Examples:
  streamrelay consume job-7
  streamrelay consume job-7 --url wss://relay.example.org --key-file ~/.streamrelay.key > answer.txt
  streamrelay consume job-7 --position-file job-7.pos >> answer.txt
  streamrelay consume job-7 --json | jq -r .content
  xdg-open "$(streamrelay consume job-7 --web)"

Exit codes: 0 the stream was done · 1 its producer reported an error · 3 credential refused
            4 unreachable or time limit · 5 incomplete · 6 cannot be decrypted, or was tampered with · 7 cancelled`,
    )
    .action(async (argument, options, command) => {
      await setUpLogging(options.logLevel, "text");
      const channel = namedChannel(argument, options, "consume");
      const secrets = await clientSecrets(options, (name) => command.getOptionValueSource(name));
      if (options.web) return await printLink(channel, { url: options.url, ...secrets });
      if (options.positionFile !== undefined && options.from !== "start") {
        throw new RelayError("usage", "Give --from or --position-file, not both");
      }
      const { json = false, collect = false, stats = false, cancelOnInterrupt = false } = options;
      const { consume } = await import("./consume_run.ts");
      await consume({
        consumer: {
          url: options.url,
          channel,
          ...secrets,
          from: options.from,
          allowGaps: options.allowGaps,
          onRestart: options.onRestart,
          timeoutMs: options.timeout,
          idleTimeoutMs: options.idleTimeout,
          giveUpMs: options.giveUp,
        },
        positionFile: options.positionFile,
        json,
        collect,
        stats,
        cancelOnInterrupt,
      });
    });
}

async function printLink(channel: string, options: LinkOptions): Promise<void> {
  if (!isChannelId(channel)) throw new RelayError("bad_channel");
  const { linkWithAccess } = await import("./view.ts");
  const output = new Output();
  output.write(`${await linkWithAccess(channel, options)}\n`);
  await output.flush();
}

function place(text: string): "start" | "live" | Position {
  if (text === "start" || text === "live") return text;
  try {
    return parsePosition(text);
  } catch {
    throw new InvalidArgumentError(
      "Give start, live, or a position like 0mb1k2x3y-AbCdEfGhIjKl:42.",
    );
  }
}
