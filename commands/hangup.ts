/**
 * SIGHUP, which `nohup` has us ignore.
 *
 * @module
 */

const STATUS = "/proc/self/status";
/** SIGHUP's bit in a mask of signals; see proc(5). */
const HANGUP = 1n;

let ignored = false;

/** Whether this program was started to outlive its terminal. */
export function hangupIgnored(): boolean {
  return ignored;
}

/**
 * Goes on ignoring SIGHUP where it was ignored when this program was started. Must come before the first signal listener:
 * with that, whatever its signal is, Deno (2.9) begins to catch SIGHUP, and exits of it. Linux only.
 */
export function keepHangupIgnored(): void {
  // nohup leaves no terminal as stderr: who sits at one need not wait for the answer
  ignored = Deno.build.os === "linux" && !Deno.stderr.isTerminal() && ignoredNow();
  if (ignored) Deno.addSignalListener("SIGHUP", () => {});
}

function ignoredNow(): boolean {
  const mask = /^SigIgn:\s*([\da-f]+)$/m.exec(ownStatus())?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) & HANGUP) !== 0n;
}

/** What the kernel says of this process; "" where that may not be asked. */
function ownStatus(): string {
  try {
    return Deno.readTextFileSync(STATUS);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) return ""; // no /proc
  }
  // only --allow-all reads there; a child ignores what we do, which takes some 5 ms to hear
  if (Deno.permissions.querySync({ name: "run", command: "grep" }).state !== "granted") return "";
  const grep = new Deno.Command("grep", { args: ["SigIgn", STATUS], stdin: "null" });
  try {
    return new TextDecoder().decode(grep.outputSync().stdout);
  } catch {
    return ""; // no grep
  }
}
