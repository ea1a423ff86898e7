/**
 * The one gate, run by `deno task test`: set-up, lint, formatting, types, and all tests, those in documentation
 * included. `--quick` leaves out all but types and tests, and hands its further arguments to the test runner.
 *
 * @module
 */

import { junitTotals, type TestTotals } from "./helpers/junit_totals.ts";
import { setUp } from "./set_up.ts";

/** A machine that is expected to have everything: there, a skipped test is a failure. */
const CI = Deno.env.get("CI") === "true";

/** Time for one step, ms; the whole of it takes a minute or two. A test that loops for ever ends here. */
const STEP_LIMIT_MS = 20 * 60_000;

if (import.meta.main) Deno.exit(await gate(Deno.args));

/** Returns the exit code. */
async function gate(args: string[]): Promise<number> {
  Deno.chdir(new URL("..", import.meta.url));
  const quick = args[0] === "--quick";
  if (!quick && args.length > 0) return fail("usage: run.ts [--quick [argument of deno test]...]");
  const checks: [string, () => boolean | Promise<boolean>][] = [
    ["set-up", prepare],
    ["deno lint", () => deno("lint")],
    ["deno fmt --check", () => deno("fmt", "--check")],
    ["deno check", () => deno("check", ".")],
  ];
  for (const [name, passes] of quick ? checks.slice(-1) : checks) {
    announce(name);
    if (!await passes()) return fail(`${name} failed`);
  }
  announce("deno test");
  return await (quick ? test(args.slice(1)) : test(["--doc"]));
}

/** Gets the tests what they need; what is missing then is said, and fails CI. */
function prepare(): boolean {
  const missing = setUp();
  for (const { name, reason } of missing) {
    console.error(`set-up: ${name} is missing, so tests are skipped (${reason})`);
  }
  return missing.length === 0 || !CI;
}

async function test(options: string[]): Promise<number> {
  const report = Deno.makeTempFileSync({ prefix: "streamrelay-tests-", suffix: ".xml" });
  try {
    const succeeded = await deno("test", "-A", "--parallel", `--junit-path=${report}`, ...options);
    const totals = junitTotals(Deno.readTextFileSync(report));
    if (totals === undefined) return fail("deno test failed before it could write its report");
    return judge(totals, succeeded);
  } finally {
    Deno.removeSync(report);
  }
}

/** Prints the totals as the last line. */
function judge({ passed, failed, skipped }: TestTotals, succeeded: boolean): number {
  if (!succeeded && failed === 0) {
    fail("deno test failed outside of any test: counted as one");
    failed = 1;
  }
  const none = passed + failed === 0;
  const hidden = CI && skipped > 0;
  if (none) fail("no test was executed");
  if (hidden) fail("tests were skipped, which CI does not allow");
  console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || none || hidden ? 1 : 0;
}

/** Runs this very deno, which need not be in PATH. */
async function deno(...args: string[]): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, STEP_LIMIT_MS);
  const { success } = await child.status;
  clearTimeout(timer);
  if (late) fail(`deno ${args[0]} was stopped after ${STEP_LIMIT_MS / 60_000} minutes`);
  return success;
}

function announce(step: string): void {
  console.log(`gate: ${step}`);
}

function fail(reason: string): 1 {
  console.error(`gate: ${reason}`);
  return 1;
}
