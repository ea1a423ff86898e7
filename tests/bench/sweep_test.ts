/** `deno task sweep`, as far as a tiny one can show it. */

import assert from "node:assert/strict";
import { parseResult } from "../../src/bench/read_result.ts";
import { NO_FAULTS } from "../../src/bench/verifier.ts";
import { pointsOf, SUBJECTS } from "../../tools/sweep/sweeps.ts";
import { NO_BROWSER } from "../helpers/browser.ts";
import { type CliResult, spawnProcess } from "../helpers/cli.ts";
import { resultFiles } from "../helpers/result_files.ts";

const TOOL = new URL("../../tools/sweep.ts", import.meta.url).pathname;
const PNG = [0x89, 0x50, 0x4e, 0x47];

async function sweep(...args: string[]): Promise<CliResult> {
  const words = ["run", "--quiet", "-A", TOOL, ...args];
  await using tool = spawnProcess(Deno.execPath(), words, { timeoutMs: 120_000 });
  return await tool.finished;
}

Deno.test("a sweep leaves its results, a report of them and pictures, and measures nothing twice", async () => {
  await using files = await resultFiles();
  const out = `${files.directory}/new`;
  const first = await sweep("--quick", "--out", out);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(first.stdout.match(/^streamrelay bench load /gm)?.length, 3);
  for (const channels of [1, 2, 3]) {
    const path = `${out}/channels-${channels}.json`;
    const result = parseResult(await Deno.readTextFile(path), path);
    assert.ok(result.kind === "load");
    assert.deepEqual([result.settings.channels, result.faults], [channels, NO_FAULTS]);
  }
  assert.match(await Deno.readTextFile(`${out}/growth.html`), /<section data-growth="channels">/);
  const table = await Deno.readTextFile(`${out}/growth.md`);
  assert.match(table, /^\| channels \| p50 .*\n\| -- .*\n\| 1 \| .*\n\| 2 \| .*\n\| 3 \| .*\n$/);
  const second = await sweep("--quick", "--out", out);
  assert.deepEqual([second.code, /bench load/.test(second.stdout)], [0, false]);
  if (NO_BROWSER) return;
  assert.deepEqual([...(await Deno.readFile(`${out}/channels.png`)).subarray(0, 4)], PNG);
});

Deno.test("a sweep of what there is none of is refused, and nothing is made", async () => {
  await using files = await resultFiles();
  const { code, stderr } = await sweep("--quick", "--out", files.directory, "--only", "everything");
  assert.equal(code, 1);
  assert.match(stderr, /argument 'everything' is invalid/);
  assert.deepEqual([...Deno.readDirSync(files.directory)], []);
});

Deno.test("the points of a sweep have names of their own, and what is to be the same is", () => {
  const names = SUBJECTS.flatMap((subject) => pointsOf(subject, "full")).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { args: [, channels, , rate] } of pointsOf("channels", "usual")) {
    assert.equal(Number(channels) * Number(rate), 20_000);
  }
  const bytes = pointsOf("log", "usual").map(({ args }) => {
    const number = (flag: string) => Number(args[args.indexOf(flag) + 1]);
    return number("--rate") * number("--duration") * 4096 / 2 ** 20;
  });
  assert.deepEqual(bytes, [1, 10, 100, 1024]);
});
