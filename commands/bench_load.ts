/**
 * `streamrelay bench load`
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { LoadSettings, Transport } from "../src/bench/result.ts";
import { RelayError } from "../src/errors.ts";
import { checkReport, outputOptions } from "./bench_output.ts";
import { targetOption } from "./bench_target.ts";
import { setUpLogging } from "./logging.ts";
import { durationOption, logLevelOption, secretFileOption, secretOption } from "./options.ts";
import { count, size } from "./values.ts";

/** Makes a load and measures it. */
export function benchLoadCommand() {
  const command = new Command("load")
    .description(
      "many streams at once: latency, throughput and what they cost; every message is checked",
    )
    .addOption(targetOption())
    .addOption(secretOption())
    .addOption(secretFileOption())
    .option("--channels <n>", "streams at a time", count(1), 100)
    .option("--rate <n>", "messages a second of each, e.g. 40 or 0.5", rate, 40)
    .option("--consumers <n>", "consumers of each stream", count(1), 1)
    .addOption(contentOption())
    .addOption(durationOption("--duration <seconds>", "how long it is measured", 10_000))
    .addOption(warmUpOption())
    .addOption(transportOption())
    .option("--encrypt", "by the library's own clients, with a key; only ws2")
    .option(
      "--slow <n>",
      "consumers of each stream, on top, that read a tenth of what comes",
      count(0),
      0,
    )
    .addOption(durationOption("--idle <seconds>", "silence before that, when all are connected", 0))
    .option("--late", "consumers come when all was sent: their latency is that of the replay")
    .addOption(processesOption())
    .addOption(relayPidOption());
  return outputOptions(command)
    .addOption(logLevelOption())
    .addHelpText(
      "after",
      `
The load is an open loop: each message is due by a schedule that no slow answer delays, and its latency counts from then on.
"due → received" is what a reader sees; of it, "due → sent" is the bench's own share, and where that is the larger part, the
bench says that it is the limit. With --idle the connections first live on pings alone. With --late it is the time from a
consumer's connecting to each message of the replay. Each message is checked for its place and content, each stream by a
hash; any fault makes the exit code 1.

Examples:
  streamrelay bench load --channels 1000 --rate 40     as many streams as 1,000 users read at a time
  streamrelay bench load --channels 1 --consumers 500 --size 4KiB
  streamrelay bench load --url wss://relay.example.org --secret-file ~/.relay.secret --report load.html

Exit codes: 0 measured · 1 messages were lost, doubled, reordered or altered · 2 usage · 3 credential refused
            4 no relay there, or connections refused · 5 the relay gave up a stream before the load began,
            or what was measured could not be written · 70 a process of the load has died, or a bug: what the
            others measured is printed · 130, 143 interrupted: what was measured until then is printed`,
    )
    .action(async (options, command) => {
      await setUpLogging(options.logLevel, "text");
      const settings = settingsOf(options);
      await checkReport(options.report);
      const { benchLoad } = await import("./bench_load_run.ts");
      await benchLoad(settings, {
        ...options,
        source: (name) => command.getOptionValueSource(name as keyof typeof options),
      });
    });
}

/** Options that say what load is meant. */
export interface LoadFlags {
  readonly channels: number;
  readonly rate: number;
  readonly consumers: number;
  readonly size: number;
  readonly duration: number;
  readonly transport: Transport;
  readonly encrypt?: true;
  readonly slow?: number;
  readonly late?: true;
  readonly idle?: number;
  readonly processes?: number;
}

/**
 * The settings that options ask for; of `processes`, 0 stands for as many as it takes.
 *
 * @throws {RelayError} `usage` for what cannot be.
 */
export function settingsOf(flags: LoadFlags): LoadSettings {
  const { channels, duration, transport, encrypt = false, slow = 0, late = false, idle = 0 } =
    flags;
  const { rate, consumers, size, processes = 0 } = flags;
  if (duration === 0) throw new RelayError("usage", "A --duration of 0 measures nothing");
  if (encrypt && transport !== "ws2") {
    throw new RelayError("usage", `Only ws2 encrypts here: --encrypt cannot go with ${transport}`);
  }
  if (late && idle > 0) {
    throw new RelayError("usage", "With --late no consumer is there to be idle: leave out --idle");
  }
  if (rate * duration < 1000) {
    throw new RelayError("usage", "In this --duration no message is due: raise it or --rate");
  }
  if (processes > channels) {
    throw new RelayError("usage", "A channel is not shared out: --processes is at most --channels");
  }
  return {
    channels,
    rate,
    consumers,
    size,
    durationMs: duration,
    transport,
    encrypted: encrypt,
    slow,
    late,
    idleMs: idle,
    processes,
  };
}

/** `--size` of a message. */
export function contentOption() {
  return new Option("--size <size>", "bytes of each message's content, from 16 on: 64, 4KiB")
    .argParser(contentSize).default(64);
}

/** `--transport`. */
export function transportOption() {
  return new Option(
    "--transport <name>",
    "ws2 and ws1: WebSocket, protocol version 2 and 1; sse: events for consumers; http: NDJSON bodies",
  ).choices(["ws2", "ws1", "sse", "http"] as const).default("ws2" as const);
}

/** `--warm-up`. */
export function warmUpOption() {
  return durationOption("--warm-up <seconds>", "load before that, which is not counted", 1_000);
}

/** `--processes`. */
export function processesOption() {
  return new Option("--processes <n>", "processes that make the load (default: as it takes)")
    .argParser(count(1));
}

/** `--relay-pid`. */
export function relayPidOption() {
  return new Option(
    "--relay-pid <pid>",
    "with --url, the relay's process on this machine, to watch",
  )
    .argParser(count(1));
}

function contentSize(text: string): number {
  const bytes = size(text);
  if (bytes < 16) throw new InvalidArgumentError("Give at least 16 bytes.");
  return bytes;
}

/** A number above 0, of messages per second. */
export function rate(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || !(value > 0)) {
    throw new InvalidArgumentError("Give a number above 0: 40, 0.5.");
  }
  return value;
}
