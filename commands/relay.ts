/**
 * `streamrelay relay`
 *
 * @module
 */

import { Command, Option } from "@commander-js/extra-typings";
import { RelayError } from "../src/errors.ts";
import { Interrupt } from "./interrupt.ts";
import { LOG_LEVELS, setUpLogging } from "./logging.ts";
import { relaySecrets } from "./options.ts";
import { Output } from "./output.ts";
import { withLimits, withListening } from "./relay_options.ts";
import { readTls } from "./tls_files.ts";

/** Runs a relay until it is told to stop. */
export function relayCommand() {
  const command = new Command("relay")
    .description("run the relay that producers and consumers connect to");
  return withLimits(withListening(command))
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
      const secrets = await relaySecrets(options, (name) => command.getOptionValueSource(name));
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

function logLevel(text: string): (typeof LOG_LEVELS)[number] {
  const level = LOG_LEVELS.find((level) => level === text.toLowerCase());
  if (level === undefined) {
    throw new RelayError("usage", `Give --log-level one of ${LOG_LEVELS.join(", ")}`);
  }
  return level;
}
