/**
 * `streamrelay bench echo`
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { ExitCode } from "./exit.ts";
import { Interrupt } from "./interrupt.ts";
import { setUpLogging } from "./logging.ts";
import {
  clientSecrets,
  durationOption,
  keyFileOption,
  keyOption,
  logLevelOption,
  secretFileOption,
  secretOption,
  urlOption,
} from "./options.ts";
import { clearStatus, say, status } from "./terminal.ts";

/** Sends back what `bench ttft` on another host sends. */
export function benchEchoCommand() {
  return new Command("echo")
    .description("the other host of bench ttft --echo: sends every token back, for one measurement")
    .argument("<id>", "what both sides call this measurement")
    .addOption(urlOption())
    .addOption(secretOption())
    .addOption(secretFileOption())
    .addOption(keyOption())
    .addOption(keyFileOption())
    .addOption(
      durationOption("--timeout <seconds>", "how long a measurement is waited for", 600_000),
    )
    .addOption(logLevelOption())
    .addHelpText(
      "after",
      `
It does not matter which side is started first. The measurement says how many streams there are, and whether they are
encrypted; give both sides the same key then. It ends when the measurement does.

Examples:
  streamrelay bench echo node-7 --url wss://relay.example.org --secret-file ~/.relay.secret    on the compute node
  streamrelay bench ttft --echo node-7 --url wss://relay.example.org --secret-file ~/.relay.secret    at your desk

Exit codes: 0 all was sent back · 2 usage · 3 secret refused · 4 unreachable or time limit · 5 the measurement ended early
            6 the keys differ · 130, 143 interrupted`,
    )
    .action(async (id, options, command) => {
      await setUpLogging(options.logLevel === "info" ? "error" : options.logLevel, "text");
      const { secret, encryptionKey } = await clientSecrets(
        options,
        (name) => command.getOptionValueSource(name as keyof typeof options),
      );
      const { url, timeout: timeoutMs } = options;
      await answer(id, { url, secret, encryptionKey, timeoutMs });
    });
}

async function answer(
  id: string,
  options: { url: string; secret?: string; encryptionKey?: string; timeoutMs: number },
): Promise<void> {
  const { answerEcho } = await import("../src/bench/echo.ts");
  using interrupt = new Interrupt();
  let shownAt = 0;
  try {
    status(`waiting for streamrelay bench ttft --echo ${id} … (Ctrl-C to stop)`);
    const { streams, messages } = await answerEcho(id, {
      ...options,
      signal: interrupt.signal,
      onCall: (streams) => status(`sending ${streams} streams back …`),
      onProgress: (messages) => {
        if (performance.now() - shownAt < PROGRESS_MS) return;
        shownAt = performance.now();
        status(`${messages} tokens were sent back …`);
      },
    });
    say(`${messages} tokens of ${streams} streams were sent back`);
  } catch (error) {
    if (interrupt.received === undefined) throw error;
    throw new ExitCode(interrupt.received.exitCode);
  } finally {
    clearStatus();
  }
}

/** Between two changes of the status, ms. */
const PROGRESS_MS = 200;
