/**
 * Options of `streamrelay relay`.
 *
 * @module
 */

import { type Command, Option } from "@commander-js/extra-typings";
import { DEFAULT_LIMITS } from "../src/relay/limits.ts";
import { DEFAULT_HTTP_LIMITS } from "../src/relay/server/http_limits.ts";
import { durationOption, secretFileOption, secretOption, sizeOption } from "./options.ts";
import { count, port, size, someTime } from "./values.ts";

const D = DEFAULT_LIMITS;

/** Adds where it listens and to whom. */
export function withListening(command: Command) {
  return command
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
    .option("--tls-key <file>", "its private key (PEM)");
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

/**
 * Adds what it keeps and for how long, and what a client may take of it. Its parameter has no type parameter: with so many
 * options the compiler would not come to an end.
 */
export function withLimits(command: ReturnType<typeof withListening>) {
  return command
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
      ).argParser(someTime),
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
      ).argParser(someTime),
    );
}
