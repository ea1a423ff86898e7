/**
 * `streamrelay consume`
 *
 * @module
 */

import { Argument, Command } from "@commander-js/extra-typings";
import type { ConsumerOptions } from "../src/client/consumer.ts";
import { RelayError } from "../src/errors.ts";
import { isToken, type Message } from "../src/protocol/message.ts";
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
import { Output } from "./output.ts";
import { StreamStats } from "./stream_stats.ts";
import { clearStatus, complain, say, status } from "./terminal.ts";
import { duration } from "./values.ts";

/** What is done with the messages. */
interface Printing {
  readonly json: boolean;
  readonly collect: boolean;
}

/** Prints a channel. */
export function consumeCommand() {
  return new Command("consume")
    .description("print a channel's tokens to stdout as they come")
    .addArgument(new Argument("[channel]", "the channel (default: CHANNEL_ID of the environment)"))
    .addOption(channelOption())
    .addOption(urlOption())
    .addOption(secretOption())
    .addOption(secretFileOption())
    .addOption(keyOption())
    .addOption(keyFileOption())
    .option("--json", "print every message as JSON, one a line, instead of the tokens")
    .option("--collect", "print everything at the end instead of as it comes")
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
    .option("--stats", "print time to first token, tokens and tokens/s to stderr at the end")
    .addOption(logLevelOption())
    .addHelpText(
      "after",
      `
Times are in seconds or with a unit (90s, 10m, 1h). It does not matter which side connects first.

Examples:
  streamrelay consume job-7
  streamrelay consume job-7 --url wss://relay.example.org --key-file ~/.streamrelay.key > answer.txt
  streamrelay consume job-7 --json | jq -r .content

Exit codes: 0 the stream was done · 1 its producer reported an error · 3 credential refused
            4 unreachable or time limit · 5 incomplete · 6 cannot be decrypted, or was tampered with`,
    )
    .action(async (argument, options, command) => {
      await setUpLogging(options.logLevel, "text");
      const channel = argument ?? (options.channel || undefined);
      if (channel === undefined) {
        throw new RelayError(
          "usage",
          "Name the channel: streamrelay consume CHANNEL, or set CHANNEL_ID",
        );
      }
      const secrets = await clientSecrets(
        options,
        (name) => command.getOptionValueSource(name as keyof typeof options),
      );
      using interrupt = new Interrupt();
      const { json = false, collect = false } = options;
      const stats = new StreamStats();
      try {
        await print(
          {
            url: options.url,
            channel,
            ...secrets,
            timeoutMs: options.timeout,
            idleTimeoutMs: options.idleTimeout,
            signal: interrupt.signal,
          },
          { json, collect },
          stats,
        );
      } catch (error) {
        if (interrupt.received === undefined) throw error;
      } finally {
        clearStatus();
        if (options.stats) say(stats.summary());
      }
      if (interrupt.received !== undefined) throw new ExitCode(interrupt.received.exitCode);
    });
}

async function print(
  options: ConsumerOptions,
  printing: Printing,
  stats: StreamStats,
): Promise<void> {
  const { RelayConsumer } = await import("../src/client/consumer.ts");
  const consumer = new RelayConsumer(options);
  const output = new Output(options.signal);
  const collected: string[] = [];
  let missing = false;
  status(`waiting for the first token of ${options.channel} … (Ctrl-C to stop)`);
  try {
    for await (const message of consumer.messages()) {
      clearStatus();
      stats.count(message);
      missing ||= reportGap(message);
      const text = textOf(message, printing.json);
      if (text === "") continue;
      if (printing.collect) collected.push(text);
      else await output.write(text);
      if (output.closed) return;
    }
  } finally {
    // what came is the user's, also where the rest did not
    if (printing.collect) output.write(collected.join(""));
    await output.flush();
  }
  if (missing) {
    throw new RelayError("incomplete", "The beginning of the stream is missing: see above");
  }
}

function textOf(message: Message, json: boolean): string {
  if (json) return `${JSON.stringify(message)}\n`;
  return isToken(message) ? message.content : "";
}

/** Tells of messages that the relay no longer had. */
function reportGap(message: Message): boolean {
  if (message.type !== "gap") return false;
  complain(`the first ${message.to} messages of the stream are no longer retained by the relay`);
  return true;
}
