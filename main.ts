#!/usr/bin/env -S deno run --allow-net --allow-env --allow-read --allow-write
/**
 * The command line: `streamrelay relay | produce | consume | keygen | health | …`.
 *
 * @module
 */

import { exit } from "./commands/exit.ts";
import { program } from "./commands/program.ts";

if (import.meta.main) {
  await exit(program().parseAsync(Deno.args, { from: "user" }));
}
