/**
 * Log lines of a command, on stderr.
 *
 * @module
 */

import type { LogLevel } from "@logtape/logtape";

/** Levels of `--log-level`, as in the Python relay. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** One of {@linkcode LOG_LEVELS}. */
export type CommandLogLevel = (typeof LOG_LEVELS)[number];

let debugging = false;

/** Whether `--log-level debug` was given. */
export function isDebugging(): boolean {
  return debugging;
}

/** Sets up logging for this process; `format` is `text` or `json` (one object a line). */
export async function setUpLogging(level: CommandLogLevel, format: "text" | "json"): Promise<void> {
  debugging = level === "debug";
  const logtape = await import("@logtape/logtape");
  const terminal = Deno.stderr.isTerminal() && !Deno.env.get("NO_COLOR");
  const options = { timestamp: "rfc3339", value: (value: unknown) => String(value) } as const;
  const formatter = format === "json"
    ? logtape.getJsonLinesFormatter({ message: "template", properties: "flatten" })
    : terminal
    ? logtape.getAnsiColorFormatter(options)
    : logtape.getTextFormatter(options);
  const encoder = new TextEncoder();
  await logtape.configure({
    sinks: { stderr: (record) => Deno.stderr.writeSync(encoder.encode(formatter(record))) },
    loggers: [
      { category: "streamrelay", lowestLevel: level as LogLevel, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}
