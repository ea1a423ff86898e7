/**
 * `streamrelay bench`
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { benchCompareCommand } from "./bench_compare.ts";
import { benchEchoCommand } from "./bench_echo.ts";
import { benchLoadCommand } from "./bench_load.ts";
import { benchMaxCommand } from "./bench_max.ts";
import { benchRelayCommand } from "./bench_relay.ts";
import { benchReportCommand } from "./bench_report.ts";
import { benchTtftCommand } from "./bench_ttft.ts";
import { benchWorkerCommand } from "./bench_worker.ts";

/** Measures relays. */
export function benchCommand() {
  const bench = new Command("bench")
    .description("measure a relay: time to first token, latency under load, what it can carry")
    .helpCommand(false)
    .addHelpText(
      "after",
      `
Without --url each starts a relay of its own as a process beside it, on this machine; with it, it measures the one there,
through whatever proxies and TLS are on the way. What is printed says where the bench itself was the limit.

Examples:
  streamrelay bench ttft                               how much sooner than in a batch job the first token is there
  streamrelay bench load --channels 1000 --rate 40     as many streams as 1,000 users read at a time
  streamrelay bench max --slo 50ms                     how many this machine can carry`,
    );
  bench.addCommand(benchTtftCommand() as unknown as Command);
  bench.addCommand(benchEchoCommand() as unknown as Command);
  bench.addCommand(benchLoadCommand() as unknown as Command);
  bench.addCommand(benchMaxCommand() as unknown as Command);
  bench.addCommand(benchCompareCommand() as unknown as Command);
  bench.addCommand(benchReportCommand() as unknown as Command);
  bench.addCommand(benchWorkerCommand() as unknown as Command, { hidden: true });
  bench.addCommand(benchRelayCommand() as unknown as Command, { hidden: true });
  return bench;
}
