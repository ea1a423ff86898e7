/**
 * `streamrelay relay`
 *
 * @module
 */

import { Command, Option } from "@commander-js/extra-typings";
import { RelayError } from "../src/errors.ts";
import { DEFAULT_LIMITS } from "../src/relay/limits.ts";
import { DEFAULT_HTTP_LIMITS } from "../src/relay/server/http_limits.ts";
import { Interrupt } from "./interrupt.ts";
import { LOG_LEVELS, setUpLogging } from "./logging.ts";
import {
  durationOption,
  reasonOf,
  relaySecrets,
  secretFileOption,
  secretOption,
  sizeOption,
} from "./options.ts";
import { Output } from "./output.ts";
import { count, port, size } from "./values.ts";

const D = DEFAULT_LIMITS;

/** Runs a relay until it is told to stop. */
export function relayCommand() {
  return new Command("relay")
    .description("run the relay that producers and consumers connect to")
    .addOption(
      new Option(
        "--host <address>",
        "address to listen on (default: 127.0.0.1, with a secret 0.0.0.0)",
      )
        .env("RELAY_HOST"),
    )
    .addOption(
      new Option("-p, --port <port>", "port to listen on; 0 takes any free one and prints it")
        .env("RELAY_PORT").argParser(port).default(8765),
    )
    .addOption(secretOption())
    .addOption(secretFileOption())
    .addOption(
      new Option(
        "--allow-origin <origin>",
        "web pages of this origin may connect too, e.g. https://portal.example.org; * for any. May be repeated",
      ).argParser(collect).default([] as string[], "none but its own"),
    )
    .option(
      "--trust-proxy",
      "take clients' addresses from X-Forwarded-For; only behind a proxy, which sets it",
    )
    .option("--tls-cert <file>", "certificate chain (PEM): speak wss and https; needs --tls-key")
    .option("--tls-key <file>", "its private key (PEM)")
    .option(
      "--max-buffer <n>",
      "messages kept per channel; then the oldest go",
      count(1),
      D.maxBuffer,
    )
    .addOption(
      sizeOption("--max-buffer-bytes <size>", "bytes kept per channel; as above", D.maxBufferBytes),
    )
    .addOption(
      sizeOption(
        "--max-memory <size>",
        "bytes kept in all channels; then ended ones go, then the largest shrink",
        D.maxMemory,
      ),
    )
    .option("--max-channels <n>", "channels; one more is refused", count(1), D.maxChannels)
    .option(
      "--max-consumers <n>",
      "consumers per channel; one more is refused",
      count(1),
      D.maxConsumers,
    )
    .addOption(
      sizeOption(
        "--max-message-bytes <size>",
        "largest message; a larger one ends its producer",
        D.maxMessageBytes,
      ),
    )
    .option(
      "--max-streams-per-user <n>",
      "streams that tokens with the same --sub produce at a time; one more has to wait (default: no limit)",
      count(1),
    )
    .addOption(
      durationOption(
        "--lease-ttl <seconds>",
        "how long such a stream counts after its producer was lost",
        D.leaseTtlMs,
      ),
    )
    .option(
      "--max-connections-per-address <n>",
      "connections of one address; one more is refused",
      count(1),
      D.maxConnectionsPerAddress,
    )
    .option(
      "--max-message-rate <n>",
      "messages a second of one producer; a faster one is slowed down (default: no limit)",
      count(1),
    )
    .addOption(
      new Option(
        "--max-byte-rate <size>",
        "bytes a second of one producer; likewise (default: no limit)",
      ).argParser(size),
    )
    .addOption(
      durationOption(
        "--channel-timeout <seconds>",
        "idle time of a channel that only has one side, then it expires",
        D.channelTimeoutMs,
      ),
    )
    .addOption(
      durationOption("--retain <seconds>", "how long a finished stream stays readable", D.retainMs),
    )
    .addOption(
      durationOption(
        "--stall-timeout <seconds>",
        "how long a consumer may take nothing",
        D.stallTimeoutMs,
      ),
    )
    .addOption(
      durationOption(
        "--resume-timeout <seconds>",
        "how long a producer that lost its connection may be away before its stream is lost",
        D.resumeTimeoutMs,
      ),
    )
    .addOption(
      durationOption(
        "--hold-timeout <seconds>",
        "how long a slow consumer may hold up a fast producer; each 512 KiB it takes start it anew",
        D.holdTimeoutMs,
      ),
    )
    .addOption(
      durationOption(
        "--body-timeout <seconds>",
        "how long the body of an HTTP producer may bring nothing",
        DEFAULT_HTTP_LIMITS.bodyIdleTimeoutMs,
      ),
    )
    .addOption(
      new Option("--log-level <level>", "least level to log").argParser(logLevel).default(
        "info" as const,
      ),
    )
    .addOption(
      new Option("--log-format <format>", "text, or json for one object a line")
        .choices(["text", "json"] as const).default("text" as const),
    )
    .addHelpText(
      "after",
      `
Times are in seconds or with a unit (90s, 10m, 1h), sizes in bytes or with a unit (64k, 10MiB, 1G).

Examples:
  streamrelay relay                                    for yourself, on this machine
  streamrelay relay --secret-file ~/.relay.secret      for others, on all interfaces
  streamrelay relay --secret-file s --tls-cert fullchain.pem --tls-key privkey.pem --port 443`,
    )
    .action(async (options, command) => {
      await setUpLogging(options.logLevel, options.logFormat);
      const { getLogger } = await import("@logtape/logtape");
      const { startRelay } = await import("../src/relay/server/start_relay.ts");
      const secrets = await relaySecrets(
        options,
        (name) => command.getOptionValueSource(name as keyof typeof options),
      );
      const logger = getLogger(["streamrelay", "relay"]);
      using interrupt = new Interrupt();
      const relay = await startRelay({
        ...options,
        host: options.host ?? (secrets.length === 0 ? "127.0.0.1" : "0.0.0.0"),
        secret: secrets,
        tls: await readTls(options.tlsCert, options.tlsKey),
        channelTimeoutMs: options.channelTimeout,
        retainMs: options.retain,
        stallTimeoutMs: options.stallTimeout,
        resumeTimeoutMs: options.resumeTimeout,
        holdTimeoutMs: options.holdTimeout,
        leaseTtlMs: options.leaseTtl,
        bodyIdleTimeoutMs: options.bodyTimeout,
        signal: interrupt.signal,
      });
      if (secrets.length === 0) {
        logger.warn(
          "no secret: everyone who reaches this address may produce and consume (--secret-file)",
        );
      }
      const output = new Output();
      output.write(`${relay.url}\n`);
      await relay.finished;
    });
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function logLevel(text: string): (typeof LOG_LEVELS)[number] {
  const level = LOG_LEVELS.find((level) => level === text.toLowerCase());
  if (level === undefined) {
    throw new RelayError("usage", `Give --log-level one of ${LOG_LEVELS.join(", ")}`);
  }
  return level;
}

async function readTls(cert: string | undefined, key: string | undefined) {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new RelayError("usage", "Give --tls-cert and --tls-key together");
  }
  return { cert: await readPem(cert), key: await readPem(key) };
}

async function readPem(path: string): Promise<string> {
  let text;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new RelayError("usage", `Cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
  if (!text.includes("-----BEGIN ")) {
    throw new RelayError("usage", `Cannot use ${path}: it is not PEM`);
  }
  return text;
}
