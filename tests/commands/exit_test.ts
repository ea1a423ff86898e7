/** How a command ends that has a bug nobody waits for. */

import assert from "node:assert/strict";
import { spawnProcess } from "../helpers/cli.ts";

const MODULE = new URL("../../commands/exit.ts", import.meta.url).href;

/** Places where an exception has no caller. */
const BUGS = {
  "a rejection that nobody handles": "void Promise.reject(new TypeError('oops'));",
  "an exception in a timer": "setTimeout(() => { throw new TypeError('oops'); });",
  "an exception in a signal listener": `
    Deno.addSignalListener("SIGUSR2", () => { throw new TypeError("oops"); });
    Deno.kill(Deno.pid, "SIGUSR2");`,
};

for (const [what, code] of Object.entries(BUGS)) {
  Deno.test(`${what} is a bug: exit code 70, and what to do, on stderr`, async () => {
    const whole = `import { exit } from ${JSON.stringify(MODULE)};
      ${code}
      await exit(new Promise((resolve) => setTimeout(resolve, 60_000)));`;
    await using process = spawnProcess(Deno.execPath(), ["eval", "--ext=ts", whole]);
    assert.deepEqual(await process.finished, {
      code: 70,
      stdout: "",
      stderr: "streamrelay: This is a bug in streamrelay: oops\n" +
        "streamrelay: For a stack trace, run it again with --log-level debug\n",
    });
  });
}
