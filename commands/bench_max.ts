/**
 * `streamrelay bench max`
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import {
  contentOption,
  processesOption,
  rate,
  relayPidOption,
  settingsOf,
  transportOption,
  warmUpOption,
} from "./bench_load.ts";
import { checkReport, outputOptions } from "./bench_output.ts";
import { targetOption } from "./bench_target.ts";
import { setUpLogging } from "./logging.ts";
import { durationOption, logLevelOption, secretFileOption, secretOption } from "./options.ts";
import { count } from "./values.ts";

/** Finds the largest load that a relay carries. */
export function benchMaxCommand() {
  const command = new Command("max")
    .description("the largest load that keeps its latency, and what gives out first beyond it")
    .addOption(targetOption())
    .addOption(secretOption())
    .addOption(secretFileOption())
    .addOption(
      new Option("--slo <ms>", "latency (p99, due → received) that a load must keep: 50ms, 1s")
        .argParser(milliseconds).default(50, "50ms"),
    )
    .option("--rate <n>", "messages a second of each stream", rate, 40)
    .option("--consumers <n>", "consumers of each stream", count(1), 1)
    .addOption(contentOption())
    .addOption(durationOption("--duration <seconds>", "how long each load is measured", 5_000))
    .addOption(warmUpOption())
    .addOption(transportOption())
    .option("--encrypt", "by the library's own clients, with a key; only ws2")
    .addOption(processesOption())
    .addOption(relayPidOption());
  return outputOptions(command)
    .addOption(logLevelOption())
    .addHelpText(
      "after",
      `
Begins with 8 streams and doubles them until the latency is not kept, a message is lost, or connections are refused; then
it comes closer in two more steps. A relay of its own is started anew for each. Where the bench's own processes give out
first, it says so: what it found is then no limit of the relay.

Examples:
  streamrelay bench max
  streamrelay bench max --slo 10ms --rate 100 --size 4KiB --report max.html
  streamrelay bench max --url ws://localhost:8765 --relay-pid 4711

Exit codes: 0 measured, or as of bench load`,
    )
    .action(async (options, command) => {
      await setUpLogging(options.logLevel, "text");
      const { processes } = options;
      // one process can make the first load; the plan of each step asks for what it needs
      const settings = settingsOf({ ...options, channels: Math.max(1, processes ?? 1) });
      await checkReport(options.report);
      const { benchMax } = await import("./bench_max_run.ts");
      await benchMax(settings, {
        ...options,
        source: (name) => command.getOptionValueSource(name as keyof typeof options),
      });
    });
}

/** A time in ms (`50`), or with a unit. */
function milliseconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text);
  const value = match === null ? NaN : Number(match[1]) * (match[2] === "s" ? 1000 : 1);
  if (!(value > 0)) {
    throw new InvalidArgumentError("Give ms, or a number with ms or s: 50, 50ms, 1s.");
  }
  return value;
}
