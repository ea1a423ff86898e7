/** Help, wrong usage, completions, version. */

import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { runCli, spawnProcess } from "../helpers/cli.ts";
import { runShell } from "./shell.ts";

const COMMANDS = [
  ...["relay", "produce", "consume", "cancel", "keygen", "health", "bench", "demo"],
  "completions",
];

Deno.test("--help lists every command, with examples and exit codes", async () => {
  const { code, stdout, stderr } = await runCli(["--help"]);
  assert.deepEqual([code, stderr], [0, ""]);
  for (const command of COMMANDS) assert.match(stdout, new RegExp(`^  ${command} .*`, "m"));
  assert.match(stdout, /^Examples:$/m);
  assert.match(stdout, /^Exit codes: 0 /m);
});

for (const command of COMMANDS) {
  Deno.test(`${command} --help has the command's options and examples`, async () => {
    const { code, stdout, stderr } = await runCli([command, "--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`^Usage: streamrelay ${command}`));
    assert.match(stdout, /-h, --help/);
    assert.match(stdout, /^Examples:\n {2}\S/m);
  });

  Deno.test(`${command} --nope is wrong usage, told in a line or two`, async () => {
    const { code, stdout, stderr } = await runCli([command, "--nope"]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /unknown option '--nope'/);
    assert.ok(stderr.trimEnd().split("\n").length <= 3, stderr);
  });
}

/** Wrong usage, and what is said of it. */
const WRONG: [string[], RegExp][] = [
  [["nope"], /unknown command 'nope'/],
  [["produse"], /Did you mean produce/],
  [["consume"], /Name the channel/],
  [["consume", "a", "b"], /too many arguments/],
  [["consume", "a", "--timeout", "soon"], /--timeout.*Give seconds/],
  [["consume", "a", "--timeout", "-1"], /--timeout/],
  [["consume", "a", "--url", "ftp://x"], /Cannot use the relay URL/],
  [["produce", "a", "--url"], /argument missing/],
  [["relay", "--port", "65536"], /--port.*0 to 65535/],
  [["relay", "--max-buffer", "0"], /--max-buffer.*from 1 on/],
  [["relay", "--max-buffer-bytes", "1.5M"], /--max-buffer-bytes.*Give bytes/],
  [["relay", "--log-level", "loud"], /--log-level/],
  [["relay", "--log-format", "xml"], /--log-format/],
  [["relay", "--retain", "1000h"], /--retain.*at most/],
  [["demo", "--rate", "0"], /--rate.*from 1 on/],
  [["completions", "tcsh"], /bash, zsh, fish, powershell/],
  [["completions"], /missing required argument/],
];

for (const [args, reason] of WRONG) {
  Deno.test(`'${args.join(" ")}' is wrong usage`, async () => {
    const { code, stdout, stderr } = await runCli(args);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, reason);
    assert.doesNotMatch(stderr, /\n +at /, "a stack trace");
  });
}

Deno.test("without a command the help is shown as wrong usage", async () => {
  const { code, stdout, stderr } = await runCli([]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^Usage: streamrelay/);
});

for (const flag of ["--version", "-V"]) {
  Deno.test(`${flag} prints the version of the project`, async () => {
    assert.deepEqual(await runCli([flag]), { code: 0, stdout: `${config.version}\n`, stderr: "" });
  });
}

/** How a shell checks a script without running it. */
const CHECKERS: Record<string, [string, ...string[]]> = {
  bash: ["bash", "-n"],
  zsh: ["zsh", "-n"],
  fish: ["fish", "--no-execute"],
};

for (const shell of ["bash", "zsh", "fish", "powershell"]) {
  Deno.test(`completions ${shell} prints a script that asks streamrelay what fits`, async (t) => {
    const { code, stdout, stderr } = await runCli(["completions", shell]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /streamrelay complete '?--/);
    const checker = CHECKERS[shell];
    if (checker === undefined || !await isInstalled(checker[0])) return;
    await t.step(`${checker.join(" ")} finds no fault in it`, async () => {
      await using check = spawnProcess(checker[0], checker.slice(1));
      await check.write(stdout);
      await check.closeStdin();
      const { code, stderr } = await check.finished;
      assert.deepEqual([code, stderr], [0, ""]);
    });
  });
}

Deno.test("the bash script, sourced, completes a command", async () => {
  // what bash, and the package bash-completion, do when the user presses Tab
  const script = `source <(streamrelay completions bash)
    _get_comp_words_by_ref() { cur=re prev=streamrelay words=(streamrelay re) cword=1; }
    $(complete -p streamrelay | sed 's/.*-F \\([^ ]*\\) .*/\\1/') streamrelay re streamrelay
    echo "\${COMPREPLY[@]}"`;
  const { code, stdout, stderr } = await runShell(script);
  assert.deepEqual([code, stdout.trim()], [0, "relay"], stderr);
});

/** What has been typed, and what must be offered. */
const WORDS: [string[], string[]][] = [
  [["re"], ["relay"]],
  [["con"], ["consume"]],
  [["com"], ["completions"]],
  [["completions", ""], ["bash", "zsh", "fish", "powershell"]],
  [["relay", "--max-"], ["--max-buffer", "--max-buffer-bytes", "--max-memory", "--max-channels"]],
  [["consume", "--js"], ["--json"]],
];

for (const [words, offers] of WORDS) {
  Deno.test(`'${words.join(" ")}' is completed`, async () => {
    const { code, stdout, stderr } = await runCli(["complete", "--", ...words]);
    assert.deepEqual([code, stderr], [0, ""]);
    const offered = stdout.split("\n").map((line) => line.split("\t")[0]);
    for (const offer of offers) assert.ok(offered.includes(offer), stdout);
    for (const other of ["keygen", "complete"]) assert.ok(!offered.includes(other), stdout);
  });
}

async function isInstalled(program: string): Promise<boolean> {
  const { code } = await runShell(`command -v ${program} >/dev/null`);
  return code === 0;
}
