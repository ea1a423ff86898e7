/**
 * `streamrelay bench ttft`
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { RelayError } from "../src/errors.ts";
import type { Model } from "../src/bench/model.ts";
import { checkReport, deliver, outputOptions } from "./bench_output.ts";
import { openTarget, targetOption } from "./bench_target.ts";
import { setUpLogging } from "./logging.ts";
import {
  clientSecrets,
  durationOption,
  keyFileOption,
  keyOption,
  logLevelOption,
  reasonOf,
  secretFileOption,
  secretOption,
} from "./options.ts";
import { count } from "./values.ts";

/** Runs at a time, where nobody says: 400 tokens a second hardly load a relay. */
const PARALLEL = 10;
/** Most runs: each keeps its times. */
const MOST_RUNS = 1_000;

/** What makes the model, as far as {@linkcode modelOf} reads it. */
interface ModelOptions {
  readonly prefill: number;
  readonly rate: number;
  readonly length: number;
  readonly tokens?: number;
  readonly replay?: string;
}

type Source = (name: string) => string | undefined;

/** Measures how much sooner the first token is there than that of a batch job. */
export function benchTtftCommand() {
  const command = new Command("ttft")
    .description("time to first token: a made-up model streams, beside the same output as a batch")
    .addOption(targetOption())
    .addOption(secretOption())
    .addOption(secretFileOption())
    .addOption(
      durationOption("--prefill <seconds>", "time before the model's first token", 400),
    )
    .option("--rate <n>", "tokens per second", positive, 40)
    .addOption(durationOption("--length <seconds>", "how long it makes tokens", 15_000))
    .option("--tokens <n>", "how many tokens it makes, instead of --length", count(1))
    .option("--replay <file>", "play recorded tokens instead, see below")
    .option("--runs <n>", "how often the job is run", upTo(MOST_RUNS), 10)
    .addOption(
      new Option("--parallel <n>", `how many run at a time (default: all, up to ${PARALLEL})`)
        .argParser(count(1)),
    )
    .option("--encrypt", "encrypt from end to end, with a fresh key where none is given")
    .addOption(keyOption())
    .addOption(keyFileOption())
    .option("--echo <id>", "measure to the host where streamrelay bench echo <id> runs")
    .addOption(
      durationOption("--timeout <seconds>", "how long the echo is waited for", 600_000),
    )
    .addOption(logLevelOption());
  return outputOptions(command)
    .addHelpText(
      "after",
      `
A reader is connected; then the job starts, connects, and sends each token when the model has made it. At its end the same
output is sent once more, as that of a batch job would be. Everything that comes is compared with what was sent.
Both ends are in this process, so that all times are of one clock. With --echo another host sends every token back, and
half of there and back is counted; it needs the same relay and, to encrypt, the same key on both sides.
Runs at a time share this process, and each pause of it: for figures that are independent of each other, run them one
after the other, with --parallel 1. To compare two relays, run it several times with either: streamrelay bench compare --help
Times are in seconds or with a unit (90s, 10m). The relay's secret is needed, not a token: a token is for one channel.

--replay takes a JSON object a line with t, in seconds, and content: {"t":0.41,"content":"Hello"}. t is counted from the
request, or from 1970; then a line with a t before the first token says when the request was made, or --prefill does.
To record a model that speaks OpenAI's protocol, or a channel:
  { jq -nc '{t: now}'; curl -sN $MODEL/v1/chat/completions -H 'Content-Type: application/json' -d @request.json |
    sed -un 's/^data: {/{/p' | jq -c --unbuffered '{t: now, content: .choices[0]?.delta.content}'; } > recorded.ndjson
  streamrelay consume job-7 --json | jq -c --unbuffered '.t = now' > recorded.ndjson

Examples:
  streamrelay bench ttft                               a relay on this machine, 10 runs, 16 s
  streamrelay bench ttft --url wss://relay.example.org --secret-file ~/.relay.secret --report ttft.html
  streamrelay bench ttft --prefill 2 --rate 12 --length 60 --runs 3
  streamrelay bench ttft --parallel 1 --json > a1.json   each run alone: 10 figures that are independent, 160 s
  streamrelay bench ttft --replay recorded.ndjson --json > ttft.json
  srun streamrelay bench echo node-7 --url wss://relay.example.org &
  streamrelay bench ttft --echo node-7 --url wss://relay.example.org

Exit codes: 0 measured · 1 something came otherwise than it was sent · 2 usage · 3 secret refused · 4 unreachable or
            time limit · 5 a stream broke, or what was measured could not be written · 6 an encrypted one was altered,
            or the key is wrong · 130, 143 interrupted (after 4, 5, 6 and these, what was measured is printed)`,
    )
    .action(async (options, command) => {
      await setUpLogging(options.logLevel === "info" ? "error" : options.logLevel, "text");
      const source: Source = (name) => command.getOptionValueSource(name as keyof typeof options);
      const model = await modelOf(options, source);
      const encryptionKey = await keyOf(options, source);
      checkEcho(options, encryptionKey);
      await checkReport(options.report);
      const { measure } = await import("./bench_ttft_run.ts");
      const { runs, parallel = PARALLEL, echo: id, timeout: timeoutMs } = options;
      await measure({
        runs: { model, runs, parallel, encryptionKey, echo: id && { id, timeoutMs } || undefined },
        open: (signal) => openTarget(options, { source, signal }),
        deliver: (result) => deliver(result, options),
      });
    });
}

/** @throws {RelayError} `usage` for a model that cannot be, or options that do not go together. */
async function modelOf(options: ModelOptions, source: Source): Promise<Model> {
  const { prefill: prefillMs, rate, length, tokens, replay } = options;
  const given = (name: string) => source(name) === "cli";
  const { evenModel } = await import("../src/bench/model.ts");
  if (replay === undefined) {
    if (tokens !== undefined && given("length")) {
      throw new RelayError("usage", "Give --tokens or --length, not both");
    }
    const count = tokens ?? Math.round(rate * length / 1000);
    return evenModel({ prefillMs, rate, tokens: count });
  }
  const other = ["rate", "length", "tokens"].find(given);
  if (other !== undefined) {
    throw new RelayError(
      "usage",
      `--replay plays what was recorded: --${other} has no place there`,
    );
  }
  const { recordedModel } = await import("../src/bench/recorded_tokens.ts");
  return recordedModel(await readRecording(replay), {
    name: replay,
    prefillMs: given("prefill") ? prefillMs : undefined,
  });
}

/** The text of a file or pipe, which may be of any size: it is not read beyond the bound. */
async function readRecording(path: string): Promise<string> {
  const { LARGEST_RECORDING } = await import("../src/bench/recorded_tokens.ts");
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  try {
    for await (const bytes of (await Deno.open(path)).readable) {
      size += bytes.length;
      if (size > LARGEST_RECORDING) {
        throw new Error(`it is larger than ${LARGEST_RECORDING / 2 ** 20} MiB`);
      }
      text += decoder.decode(bytes, { stream: true });
    }
  } catch (cause) {
    throw new RelayError("usage", `Cannot replay ${path}: ${reasonOf(cause)}`, { cause });
  }
  return text + decoder.decode();
}

/** The key, if any: one that was given, or a fresh one. */
async function keyOf(
  options: { encrypt?: boolean; encryptionKey?: string; keyFile?: string },
  source: Source,
): Promise<string | undefined> {
  const { encryptionKey, keyFile, encrypt } = options;
  const given = (await clientSecrets({ encryptionKey, keyFile }, source)).encryptionKey;
  if (given !== undefined || !encrypt) return given;
  const { generateKey } = await import("../src/crypto/key.ts");
  return generateKey();
}

function checkEcho(
  { echo, url, encrypt, encryptionKey, keyFile }: {
    echo?: string;
    url?: string;
    encrypt?: boolean;
    encryptionKey?: string;
    keyFile?: string;
  },
  key: string | undefined,
): void {
  if (echo === undefined) return;
  if (url === undefined) {
    throw new RelayError("usage", "--echo is another host: name a relay that both reach, by --url");
  }
  if (encrypt && key !== undefined && !encryptionKey && !keyFile) {
    throw new RelayError("usage", "--echo needs the key that the other host has: --key-file");
  }
}

/** A number above 0, such as a rate. */
function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || !(value > 0)) {
    throw new InvalidArgumentError("Give a number above 0.");
  }
  return value;
}

/** A whole number from 1 to `most`. */
function upTo(most: number): (text: string) => number {
  return (text) => {
    const value = count(1)(text);
    if (value > most) throw new InvalidArgumentError(`Give at most ${most}.`);
    return value;
  };
}
