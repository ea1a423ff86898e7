import assert from "node:assert/strict";
import { checkReport } from "../../commands/bench_output.ts";
import { parseResult } from "../../src/bench/read_result.ts";
import { makeLoadResult, makeTtftResult } from "../helpers/bench_results.ts";
import { runCli } from "../helpers/cli.ts";
import { resultFiles } from "../helpers/result_files.ts";

Deno.test("looking whether a report can be written leaves nothing, and what is there as it is", async () => {
  await using files = await resultFiles();
  const path = `${files.directory}/report.html`;
  await checkReport(path);
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  await Deno.writeTextFile(path, "an old one");
  await checkReport(path);
  assert.equal(await Deno.readTextFile(path), "an old one");
  await checkReport(undefined);
});

Deno.test("a report that cannot be written is wrong usage", async () => {
  await using files = await resultFiles();
  const { directory } = files;
  await assert.rejects(checkReport(`${directory}/none/report.html`), {
    code: "usage",
    message: `Cannot write ${directory}/none/report.html: no such directory`,
  });
  await assert.rejects(checkReport(directory), {
    code: "usage",
    message: `Cannot write ${directory}: it is a directory`,
  });
});

for (const kind of ["ttft", "load", "max"]) {
  Deno.test(`bench ${kind} finds out before it measures that its report cannot be written`, async () => {
    const { code, stdout, stderr } = await runCli(["bench", kind, "--report", "/none/report.html"]);
    assert.deepEqual({ code, stdout, stderr }, {
      code: 2,
      stdout: "",
      stderr: "streamrelay: Cannot write /none/report.html: no such directory\n",
    });
  });
}

Deno.test("a measurement prints JSON that can be read again, and says where its report is", async () => {
  await using files = await resultFiles();
  const path = `${files.directory}/report.html`;
  const model = ["--runs", "1", "--tokens", "3", "--rate", "100", "--prefill", "0.01"];
  const { code, stdout, stderr } = await runCli([
    "bench",
    "ttft",
    ...model,
    "--json",
    "--report",
    path,
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, `The report is in ${path}\n`);
  assert.equal(parseResult(stdout, "stdout").kind, "ttft");
  assert.match(await Deno.readTextFile(path), /^<!doctype html>/);
});

Deno.test("bench report makes one page of several results", async () => {
  await using files = await resultFiles([makeTtftResult(), makeLoadResult()]);
  const out = `${files.directory}/report.html`;
  const { code, stdout, stderr } = await runCli(["bench", "report", ...files.paths, "--out", out]);
  assert.deepEqual({ code, stdout, stderr }, {
    code: 0,
    stdout: "",
    stderr: `The report is in ${out}\n`,
  });
  const page = await Deno.readTextFile(out);
  assert.match(page, /2 results of streamrelay bench/);
  assert.match(page, /First token after/);
});

Deno.test("bench report names the file that is no result, and writes nothing", async () => {
  await using files = await resultFiles([makeTtftResult()]);
  const bad = `${files.directory}/bad.json`;
  const out = `${files.directory}/report.html`;
  await Deno.writeTextFile(bad, "{}");
  const { code, stderr } = await runCli(["bench", "report", files.paths[0], bad, "--out", out]);
  assert.deepEqual({ code, stderr }, {
    code: 2,
    stderr: `streamrelay: Cannot use ${bad}: it is no result of the bench\n`,
  });
  await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
});
