/**
 * `streamrelay health`
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { RelayError } from "../src/errors.ts";
import { withRelay } from "./client_options.ts";
import { setUpLogging } from "./logging.ts";
import { clientSecrets, durationOption, logLevelOption } from "./options.ts";
import { Output } from "./output.ts";

/** Checks a relay. */
export function healthCommand() {
  return withRelay(new Command("health"))
    .description("check that a relay answers: exit 0 when it is healthy, 4 when not")
    .addOption(durationOption("--timeout <seconds>", "time for its answer", 5_000))
    .option("--json", "print its answer as it is")
    .option("-q, --quiet", "print nothing while all is well, one line on stderr otherwise")
    .addOption(logLevelOption())
    .addHelpText(
      "after",
      `
Examples:
  streamrelay health --url wss://relay.example.org
  */5 * * * * streamrelay health --quiet               in a crontab: mails you only when the relay is down`,
    )
    .action(async (options, command) => {
      const { url, timeout, json, quiet, logLevel } = options;
      await setUpLogging(logLevel, "text");
      const { secret } = await clientSecrets(options, (name) => command.getOptionValueSource(name));
      const { checkHealth } = await import("../src/client/health.ts");
      const { shownRelayUrl } = await import("../src/client/relay_url.ts");
      const shown = shownRelayUrl(url);
      const health = await checkHealth(url, { timeoutMs: timeout, secret });
      if (health.status !== "healthy") {
        const what = health.status === "draining"
          ? "draining: it is shutting down and lets nobody in"
          : health.status;
        throw new RelayError("unreachable", `The relay at ${shown} says it is ${what}`);
      }
      if (quiet) return;
      const channels = health.active_channels;
      const line = `${health.status}: ${channels} active channel${
        channels === 1 ? "" : "s"
      } at ${shown}`;
      const output = new Output();
      output.write(`${json ? JSON.stringify(health) : line}\n`);
      await output.flush();
    });
}
