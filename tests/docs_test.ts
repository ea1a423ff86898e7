/**
 * Keeps README.md and docs/ true: what they say to type is run, and their flags, links and tables are compared with the
 * program. A block marked `sh test` is run; the `text` block that follows it is what it prints, `…` standing for anything.
 */

import assert from "node:assert/strict";
import { errorOfClose, ERRORS } from "../src/errors.ts";
import { runCli, spawnProcess } from "./helpers/cli.ts";

const ROOT = new URL("../", import.meta.url);
const TIME_LIMIT_MS = 180_000;

/** Flags of other programs that the documents mention. */
const FOREIGN_FLAGS = new Set([
  ...[
    "--allow-net",
    "--allow-env",
    "--allow-read",
    "--allow-write",
    "--allow-run",
    "--allow-sys",
    "--allow-ffi",
  ], // deno
  ...["--global", "--prefix"], // npm
  ...["--export", "--signal", "--wrap"], // sbatch
  "--line-buffered", // grep
  "--pid", // tail
  ...["--full", "--quick", "--only", "--pictures"], // tools/sweep.ts
]);

interface Document {
  /** Path from the root of the project. */
  readonly path: string;
  readonly text: string;
}

interface Block {
  /** What follows the opening fence, e.g. `sh test`. */
  readonly info: string;
  readonly text: string;
  /** Where the block after the closing fence begins, as it stands there. */
  readonly rest: string;
}

const documents = ["README.md", ...docs()].map((path): Document => ({ path, text: read(path) }));

for (const { path, text } of documents) {
  const runnable = blocks(text).filter(({ info }) => info === "sh test");
  if (runnable.length === 0) continue;
  Deno.test(`${path}: what it says to type works, in one shell from top to bottom`, async () => {
    const printed = await runAll(runnable);
    for (const [i, block] of runnable.entries()) {
      const expected = expectedOutput(block);
      if (expected !== undefined) assert.match(printed[i], expected, `${block.text}${printed[i]}`);
    }
  });
}

Deno.test("README.md, docs/operations.md and docs/hpc.md have commands that are run", () => {
  for (const path of ["README.md", "docs/operations.md", "docs/hpc.md"]) {
    assert.match(documentAt(path), /^```sh test$/m, path);
  }
});

Deno.test("every flag in the documents is one that a command has", async () => {
  const names = [...await commands(), ...(await commands("bench")).map((name) => `bench ${name}`)];
  const known = new Set((await Promise.all(names.map(flagsOf))).flat());
  for (const { path, text } of documents) {
    const unknown = flagsIn(text).filter((flag) => !known.has(flag) && !FOREIGN_FLAGS.has(flag));
    assert.deepEqual(unknown, [], path);
  }
});

Deno.test("docs/operations.md has every flag of the relay", async () => {
  const described = new Set(flagsIn(documentAt("docs/operations.md")));
  const missing = (await flagsOf("relay")).filter((flag) => !described.has(flag));
  assert.deepEqual(missing, ["--help"]);
});

Deno.test("README.md has every command", async () => {
  const missing = (await commands()).filter((name) =>
    !documentAt("README.md").includes(`| \`streamrelay ${name}`)
  );
  assert.deepEqual(missing, []);
});

Deno.test("every link within the project leads somewhere", () => {
  for (const { path, text } of documents) {
    for (const [, target] of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (!/^[a-z]+:/.test(target)) assertLink(path, target);
    }
  }
});

Deno.test("README.md says of every dependency what it is for", () => {
  const { imports } = JSON.parse(read("deno.json")) as { imports: Record<string, string> };
  const rows = tableRows(documentAt("README.md"), "What it is built with").flat().join(" ");
  const npm = Object.keys(imports).filter((name) => imports[name].startsWith("npm:"));
  assert.ok(npm.length > 0);
  assert.deepEqual(npm.filter((name) => !rows.includes(`\`${name}\``)), []);
});

Deno.test("docs/protocol.md has the close codes of src/errors.ts", () => {
  const rows = tableRows(documentAt("docs/protocol.md"), "Close codes");
  const codes = Object.values(ERRORS).map(({ close }) => close).filter((close) => close !== 1000);
  assert.deepEqual(rows.map(([code]) => Number(code)), [...new Set(codes)].sort((a, b) => a - b));
  for (const [code, reason, exit] of rows) {
    const error = errorOfClose(Number(code));
    assert.ok(error !== undefined, code);
    assert.deepEqual({ reason, exit }, {
      reason: ERRORS[error].text,
      exit: String(ERRORS[error].exit),
    });
  }
});

Deno.test("README.md has every exit code of src/errors.ts", () => {
  const listed = tableRows(documentAt("README.md"), "The commands").flatMap(([cell]) =>
    cell.split(", ")
  );
  const exits = Object.values(ERRORS).map(({ exit }) => String(exit));
  assert.deepEqual(exits.filter((exit) => !listed.includes(exit)), []);
});

/**
 * Runs `all`, one after the other, in one bash, in an empty home of its own with `streamrelay` and `your_model` in PATH;
 * returns what each printed to stdout, with the default port in place of the one that was free.
 */
async function runAll(all: Block[]): Promise<string[]> {
  const home = await Deno.makeTempDir({ prefix: "streamrelay-docs-" });
  try {
    await installInto(`${home}/bin`);
    const port = freePort();
    const env = {
      HOME: home,
      PATH: `${home}/bin:${Deno.env.get("PATH")}`,
      RELAY_PORT: String(port),
      RELAY_URL: `ws://localhost:${port}`,
    };
    const texts = all.map(({ text }) => `${text.replaceAll(":8765", `:${port}`)}printf '\\036'\n`);
    const script = `cd\n${texts.join("")}`;
    // what a block leaves running must not outlive the shell
    const setUp = "set -eu -o pipefail; trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT";
    await using shell = spawnProcess("bash", ["-c", `${setUp}\n${script}`], {
      env,
      timeoutMs: TIME_LIMIT_MS,
    });
    const { code, stdout, stderr } = await shell.finished;
    assert.equal(code, 0, `exit code ${code} after:\n${stdout}\n${stderr}`);
    return stdout.replaceAll(`:${port}`, ":8765").split("\x1e").map(trimLines);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** Puts `streamrelay`, as it is in this project, and a slow `your_model` into the directory `bin`. */
async function installInto(bin: string): Promise<void> {
  const main = new URL("main.ts", ROOT).pathname;
  await Deno.mkdir(bin);
  const programs = {
    // a home of its own would have no cache of the dependencies
    streamrelay: `DENO_DIR='${await denoDir()}' exec '${Deno.execPath()}' run -qA '${main}' "$@"`,
    your_model:
      `for word in The answer is forty-two.; do printf '%s ' $word; sleep 0.1; done; echo`,
  };
  for (const [name, text] of Object.entries(programs)) {
    await Deno.writeTextFile(`${bin}/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
}

async function denoDir(): Promise<string> {
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] });
  return JSON.parse(new TextDecoder().decode((await info.output()).stdout)).denoDir;
}

/** A free port below those that the system hands out by itself, so that no other test is given it meanwhile. */
function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    try {
      Deno.listen({ port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** The `text` block right after `block`, as a pattern. */
function expectedOutput(block: Block): RegExp | undefined {
  const match = /^\s*```text\n(.*?)```/s.exec(block.rest);
  if (match === null) return undefined;
  const parts = trimLines(match[1]).split("…").map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join(".*")}$`);
}

/** The formatter leaves no space at the end of a line in a document. */
function trimLines(text: string): string {
  return text.replaceAll(/ +$/gm, "").trim();
}

/** The fenced blocks of a document. */
function blocks(text: string): Block[] {
  return [...text.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map((match) => ({
    info: match[1],
    text: match[2],
    rest: text.slice(match.index + match[0].length),
  }));
}

/** A document without its fenced blocks. */
function prose(text: string): string {
  return text.replaceAll(/^```.*\n[^]*?^```$/gm, "");
}

/** The cells of all rows of the tables under a heading, without the rows that head them. */
function tableRows(text: string, heading: string): string[][] {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(section !== undefined, heading);
  const tables = section.match(/(?:^\|.*\n)+/gm) ?? [];
  return tables.flatMap((table) =>
    table.trim().split("\n").slice(2).map((row) =>
      row.split("|").slice(1, -1).map((cell) => cell.trim())
    )
  );
}

/** The names of the program's commands, or of those of a command of it. */
async function commands(...of: string[]): Promise<string[]> {
  const { stdout } = await runCli([...of, "--help"]);
  const list = /^Commands:\n(.*?)\n\n/ms.exec(stdout);
  assert.ok(list !== null, stdout);
  return [...list[1].matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name);
}

/** The flags of a command, as its help has them. */
async function flagsOf(command: string): Promise<string[]> {
  const { stdout } = await runCli([...command.split(" "), "--help"]);
  return [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag]) => flag);
}

function flagsIn(text: string): string[] {
  return [...new Set(text.match(/(?<![\w-])--[a-z][a-z-]*/g))];
}

function assertLink(from: string, target: string): void {
  const [path, anchor] = target.split("#");
  const url = path === "" ? new URL(from, ROOT) : new URL(path, new URL(from, ROOT));
  const { isFile } = Deno.statSync(url);
  if (anchor === undefined) return;
  assert.ok(isFile, target);
  const headings = prose(Deno.readTextFileSync(url)).matchAll(/^#+ (.*)$/gm);
  assert.ok([...headings].some(([, heading]) => slug(heading) === anchor), `${from}: ${target}`);
}

/** The anchor that code forges give a heading. */
function slug(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-");
}

function documentAt(path: string): string {
  return documents.find((document) => document.path === path)!.text;
}

function docs(): string[] {
  const names = [...Deno.readDirSync(new URL("docs/", ROOT))].map(({ name }) => `docs/${name}`);
  return names.filter((name) => name.endsWith(".md")).sort();
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}
