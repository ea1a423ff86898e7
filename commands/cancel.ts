/**
 * `streamrelay cancel`
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { namedChannel, withChannel } from "./client_options.ts";
import { ExitCode } from "./exit.ts";
import { Interrupt } from "./interrupt.ts";
import { setUpLogging } from "./logging.ts";
import { clientSecrets, durationOption, logLevelOption } from "./options.ts";
import { say } from "./terminal.ts";

/** Asks a channel's producer to stop. */
export function cancelCommand() {
  return withChannel(new Command("cancel"))
    .description("ask the producer of a channel to stop, and wait until it has")
    .option("--reason <text>", "why, for the producer's log")
    .addOption(durationOption("--timeout <seconds>", "how long to wait for the end", 30_000))
    .addOption(logLevelOption())
    .addHelpText(
      "after",
      `
A command that produce runs gets SIGINT, and SIGTERM when it has not ended 5 s later; where produce reads stdin, it stops
reading. Consumers get what was made until then, and are told.

Examples:
  streamrelay cancel job-7
  streamrelay cancel job-7 --reason "wrong prompt" --url wss://relay.example.org

Exit codes: 0 the stream has ended · 3 credential refused · 4 the producer was not reached, or has not ended in time`,
    )
    .action(async (argument, options, command) => {
      await setUpLogging(options.logLevel, "text");
      const channel = namedChannel(argument, options, "cancel");
      const { secret } = await clientSecrets(options, (name) => command.getOptionValueSource(name));
      using interrupt = new Interrupt();
      const { cancelChannel } = await import("../src/client/cancel.ts");
      try {
        const status = await cancelChannel(channel, {
          url: options.url,
          secret,
          reason: options.reason,
          timeoutMs: options.timeout,
          signal: interrupt.signal,
        });
        say(`${channel} has ended: ${status}`);
      } catch (error) {
        if (interrupt.received !== undefined) throw new ExitCode(interrupt.received.exitCode);
        throw error;
      }
    });
}
