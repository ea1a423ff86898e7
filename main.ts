#!/usr/bin/env -S deno run --allow-net --allow-env --allow-read --allow-write --allow-run --allow-sys --allow-ffi
/**
 * The command line: `streamrelay relay | produce | consume | keygen | health | …`.
 *
 * @module
 */

import { guardDebugger } from "./commands/debugger.ts";
import { exit } from "./commands/exit.ts";
import { keepHangupIgnored } from "./commands/hangup.ts";
import { program, splitJob } from "./commands/program.ts";

if (import.meta.main) {
  keepHangupIgnored(); // before the first signal listener
  guardDebugger();
  const { words, job } = splitJob(Deno.args);
  await exit(program(job).parseAsync(words, { from: "user" }));
}
