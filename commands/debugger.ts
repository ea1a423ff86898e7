/**
 * SIGUSR1, at which Deno (from 2.9.2 on) opens its debugger.
 *
 * @module
 */

import { complain } from "./terminal.ts";

/** Between two looks for the debugger, ms, and how many there are. */
const LOOK_MS = 1;
const LOOKS = 1_000;

/**
 * Closes the debugger again as soon as a SIGUSR1 has opened it. It listens on port 9229 without asking who comes: everybody
 * on a shared node could run code as this process, and schedulers do send SIGUSR1 (`sbatch --signal`). That it opens at all
 * cannot be prevented from here; it is there for a few milliseconds. Needs `--allow-sys`, without which it says so.
 */
export function guardDebugger(): void {
  if (Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGUSR1", () => {
    closeDebugger().catch(() => {
      complain(
        "SIGUSR1 has opened Deno's debugger to everybody on this machine (--allow-sys lets it be closed)",
      );
    });
  });
}

async function closeDebugger(): Promise<void> {
  const inspector = await import("node:inspector");
  for (let look = 0; look < LOOKS; look++) {
    if (inspector.url() !== undefined) return inspector.close();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
