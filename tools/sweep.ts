/**
 * Measures how the cost of a relay grows: runs `bench load` for each point of each sweep, makes one report of all of them,
 * and tables and pictures for the documents: `deno task sweep`.
 *
 * @module
 */

import { Command, Option } from "@commander-js/extra-typings";
import { readResult } from "../commands/bench_files.ts";
import { NO_BROWSER } from "../tests/helpers/browser.ts";
import { growthPictures, topPicture } from "./sweep/pictures.ts";
import {
  type Extent,
  pointsOf,
  SUBJECTS,
  type SweepPoint,
  type SweepSubject,
} from "./sweep/sweeps.ts";
import { growthTables } from "./sweep/tables.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
/** What a report of `bench ttft` shows at its top: the answer, the figures and the first chart. */
const TTFT_HEIGHT = 756;

/** Where things go. */
interface Folders {
  /** Results and reports. */
  readonly out: string;
  readonly pictures: string;
}

const command = new Command("sweep")
  .description("measure how the cost of a relay grows, and make pictures of it")
  .option(
    "--out <folder>",
    "for results and reports; those that are there are not made anew",
    "dist/sweep",
  )
  .option("--pictures <folder>", "for the pictures (default: the one of the results)")
  .addOption(new Option("--only <subject...>", "what is swept").choices([...SUBJECTS, "ttft"]))
  .option("--full", "silences of up to ten minutes")
  .option("--quick", "three tiny loads, to see that it works");

/** Runs the sweeps that `words` ask for. */
export async function sweep(words: readonly string[]): Promise<void> {
  const { out, pictures = out, only, full, quick } = command.parse(words, { from: "user" }).opts();
  const extent: Extent = quick ? "quick" : full ? "full" : "usual";
  const wanted = (subject: SweepSubject | "ttft") => only?.includes(subject) ?? true;
  const folders = { out, pictures };
  await Promise.all([out, pictures].map((path) => Deno.mkdir(path, { recursive: true })));
  const points = SUBJECTS.filter(wanted).flatMap((subject) => pointsOf(subject, extent));
  if (points.length > 0) await growth(points, folders);
  if (!quick && wanted("ttft")) await firstToken(folders);
}

async function growth(points: readonly SweepPoint[], { out, pictures }: Folders): Promise<void> {
  const files: string[] = [];
  for (const { name, args } of points) {
    const path = `${out}/${name}.json`;
    files.push(path);
    if (!await isThere(path)) await measure(["load", ...args], path);
  }
  const results = await Promise.all(files.map(readResult));
  await Deno.writeTextFile(`${out}/growth.md`, growthTables(results));
  const report = `${out}/growth.html`;
  await bench(["report", ...files, "--out", report]);
  if (NO_BROWSER) return console.log("There is no Chromium: no pictures.");
  for (const path of await growthPictures(report, pictures)) console.log(path);
}

async function firstToken({ out, pictures }: Folders): Promise<void> {
  const path = `${out}/ttft.json`;
  const report = `${out}/ttft.html`;
  if (!await isThere(path)) await measure(["ttft"], path);
  await bench(["report", path, "--out", report]);
  if (!NO_BROWSER) await topPicture(report, `${pictures}/bench.png`, TTFT_HEIGHT);
}

/** Runs a command of the bench and keeps its result, which is whole or not there. */
async function measure(words: readonly string[], path: string): Promise<void> {
  console.log(`streamrelay bench ${words.join(" ")}`);
  await Deno.writeFile(path, await bench([...words, "--json"]));
}

/** @throws {Error} where it does not end well: faults are no point of a curve. */
async function bench(words: readonly string[]): Promise<Uint8Array> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", MAIN, "bench", ...words],
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`bench ${words.join(" ")} ended with exit code ${code}`);
  return stdout;
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) await sweep(Deno.args);
