/**
 * `streamrelay produce`
 *
 * @module
 */

import { Command, Option } from "@commander-js/extra-typings";
import { RelayError } from "../src/errors.ts";
import { newChannelId } from "../src/protocol/channel_id.ts";
import { withSealedChannel } from "./client_options.ts";
import { invitation } from "./invitation.ts";
import { setUpLogging } from "./logging.ts";
import { addMeta, jobMeta } from "./meta.ts";
import { clientSecrets, durationOption, logLevelOption, sizeOption } from "./options.ts";
import { say } from "./terminal.ts";
import { count } from "./values.ts";

/** Sends stdin, or the output of `job`, the words after `--`, to a channel. */
export function produceCommand(job?: readonly string[]) {
  return withSealedChannel(new Command("produce"), ", or a fresh one")
    .description("send stdin, or a command's output, to a channel, as it comes")
    .usage("[options] [channel] [-- command arguments...]")
    .option(
      "--pad <n>",
      "fill encrypted messages up to a multiple of n bytes, so that sizes say less",
      count(1),
    )
    .addOption(
      new Option("--format <format>", "text, to be cut into tokens, or ndjson: a message a line")
        .choices(["text", "ndjson"] as const).default("text" as const),
    )
    .option(
      "--meta <name=value>",
      "what the relay's operator sees of this run, in plain text; may be repeated",
      addMeta,
    )
    .option("--no-job", "do not tell the operator the scheduler's id of this job")
    .option("-q, --quiet", "do not print a link to the page of the channel")
    .option("--tee", "copy what is sent to stdout as well")
    .option("--usage <json>", "object to send as the usage with the end of the stream", usage)
    .addOption(
      sizeOption(
        "--replay-buffer <size>",
        "bytes kept to be sent again; what is beyond is dropped once the relay is away for 10 s",
        64 * 2 ** 20,
      ),
    )
    .addOption(
      durationOption("--give-up <seconds>", "how long an absent relay is tried again", 600_000),
    )
    .addOption(
      durationOption(
        "--grace <seconds>",
        "time after SIGTERM or SIGINT to send what is left",
        20_000,
      ),
    )
    .option("--pty", "run the command on a terminal of its own, for programs that buffer otherwise")
    .addOption(
      new Option("--stderr <mode>", "the command's stderr: inherit, or stream it as log messages")
        .choices(["inherit", "stream"] as const).default("inherit" as const),
    )
    .addOption(logLevelOption())
    .addHelpText(
      "after",
      `
Each line is a token; text without a newline goes out as soon as it is read. A lost connection is made again and nothing
is sent twice. The job is never stopped: when the relay stays away, the output is read to its end all the same (and
copied with --tee), and the exit code is 4.
With --format ndjson a line is a message like {"type":"token","content":"Hi"}, {"type":"progress","percent":40,"step":"2"},
{"type":"log","content":"…"} or {"type":"event","name":"…","data":…}; done or error ends the stream.
If your program holds its output back in a pipe: --pty -- program, stdbuf -oL program, python -u.

Examples:
  your_model | streamrelay produce job-7
  your_model | streamrelay produce --url wss://relay.example.org --tee > answer.txt
  streamrelay produce $SLURM_JOB_ID -- your_model --prompt question.txt
  streamrelay produce job-7 --format ndjson --meta model=m7 -- your_training

Exit codes: 0 the relay has the whole stream · 1 the input said error (ndjson) · 2 usage · 3 credential refused · 4 not all was delivered
            7 cancelled · 130, 143 interrupted (consumers are told). With a command: its own code, when that is not 0`,
    )
    .action(async (argument, options, command) => {
      await setUpLogging(options.logLevel, "text");
      const secrets = await clientSecrets(options, (name) => command.getOptionValueSource(name));
      if (options.pad !== undefined && secrets.encryptionKey === undefined) {
        throw new RelayError("usage", "--pad fills encrypted messages: give a key as well");
      }
      if (job === undefined && options.pty) {
        throw new RelayError(
          "usage",
          "--pty is for a command: streamrelay produce --pty -- command",
        );
      }
      if (job?.length === 0) {
        throw new RelayError("usage", "Give a command after --: streamrelay produce -- your_model");
      }
      const named = argument || options.channel || undefined; // a variable may be set and empty
      const channel = named ?? newChannelId();
      const scheduled = jobMeta((name) => Deno.env.get(name));
      const where = await invitation(channel, {
        ...{ url: options.url, ...secrets },
        fresh: named === undefined,
        terminal: Deno.stderr.isTerminal(),
        job: scheduled.job !== undefined,
        quiet: options.quiet ?? false,
      });
      for (const line of where) say(line);
      const run = {
        producer: {
          url: options.url,
          channel,
          ...secrets,
          pad: options.pad,
          meta: {
            ...(options.job && scheduled),
            ...options.meta,
          },
          replayBufferBytes: options.replayBuffer,
          giveUpMs: options.giveUp,
        },
        tee: options.tee ?? false,
        format: options.format,
        usage: options.usage,
        graceMs: options.grace,
      };
      if (job === undefined) {
        const { produceInput } = await import("./produce_input.ts");
        return await produceInput(run);
      }
      const { pty = false, stderr } = options;
      const { produceJob } = await import("./produce_job.ts");
      await produceJob(job, { ...run, pty, streamStderr: stderr === "stream" });
    });
}

function usage(text: string): Record<string, unknown> {
  let value;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RelayError("usage", "Cannot use --usage: it is not JSON", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new RelayError(
      "usage",
      'Cannot use --usage: give a JSON object like {"completion_tokens":50}',
    );
  }
  return value;
}
