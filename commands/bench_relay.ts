/**
 * `streamrelay bench relay`: hidden, the relay that the bench starts for itself.
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { setUpLogging } from "./logging.ts";
import { durationOption } from "./options.ts";
import { Output } from "./output.ts";
import { count, size } from "./values.ts";

/**
 * Runs a relay on a free port of this machine alone until stdin ends, which it does when whoever started it is gone, however
 * it went. Its secret comes from `RELAY_SECRET`; the first line of stdout is its URL.
 */
export function benchRelayCommand() {
  return new Command("relay")
    .description("the relay that the bench starts for itself; ends when stdin does")
    .addOption(durationOption("--retain <seconds>", "as of streamrelay relay", 300_000))
    .option("--max-buffer <n>", "likewise", count(1))
    .option("--max-buffer-bytes <size>", "likewise", size)
    .option("--max-memory <size>", "likewise", size)
    .option("--max-channels <n>", "likewise", count(1))
    .option("--max-consumers <n>", "likewise", count(1))
    .option("--max-connections-per-address <n>", "likewise", count(1))
    .action(async ({ retain, ...limits }) => {
      await setUpLogging("error", "text");
      const { startRelay } = await import("../src/relay/server/start_relay.ts");
      const secret = Deno.env.get("RELAY_SECRET");
      const relay = await startRelay({ port: 0, secret, retainMs: retain, ...limits });
      const output = new Output();
      output.write(`${relay.url}\n`);
      for await (const _ of Deno.stdin.readable); // nothing is ever sent
      Deno.exit(0); // nobody is left who would wait for the clients' goodbyes
    });
}
