/**
 * Options that several commands have, the same in each.
 *
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import { RelayError } from "../src/errors.ts";
import { complain } from "./terminal.ts";
import { duration, size } from "./values.ts";

/** `--url`. */
export function urlOption() {
  return new Option("-u, --url <url>", "the relay: ws, wss, http or https")
    .env("RELAY_URL").default("ws://localhost:8765");
}

/** `--channel`, for those who prefer it to the argument. */
export function channelOption() {
  return new Option("-c, --channel <id>", "the channel, instead of the argument").env("CHANNEL_ID");
}

/** An option whose value is a time; its default, in ms, is shown in seconds. */
export function durationOption<Flags extends string>(flags: Flags, text: string, ms: number) {
  return new Option(flags, text).argParser(duration).default(ms, String(ms / 1000));
}

/** An option whose value is a number of bytes; its default is shown in MiB. */
export function sizeOption<Flags extends string>(flags: Flags, text: string, bytes: number) {
  return new Option(flags, text).argParser(size).default(bytes, `${bytes / 2 ** 20}MiB`);
}

/** `--secret`. */
export function secretOption() {
  return new Option(
    "--secret <secret>",
    "the relay's secret. Others see command lines: better a file",
  )
    .env("RELAY_SECRET");
}

/** `--secret-file`. */
export function secretFileOption() {
  return new Option(
    "--secret-file <file>",
    "file that holds the secret, readable by you alone (0600)",
  );
}

/** `--token`. */
export function tokenOption() {
  return new Option(
    "--token <token>",
    "a token instead of the secret, see streamrelay token. Others see command lines: better RELAY_TOKEN",
  ).env("RELAY_TOKEN");
}

/** `--encryption-key`. */
export function keyOption() {
  return new Option(
    "--encryption-key <key>",
    "32 bytes as hex or base64, see keygen. Others see command lines: better a file",
  ).env("RELAY_ENCRYPTION_KEY");
}

/** `--key-file`. */
export function keyFileOption() {
  return new Option("--key-file <file>", "file that holds the key, readable by you alone (0600)");
}

/** `--log-level` of a client. */
export function logLevelOption() {
  return new Option("--log-level <level>", "debug adds stack traces to errors")
    .choices(["debug", "info", "warning", "error"] as const).default("info" as const);
}

/** Where a value came from, as commander says it. */
type Source = (name: string) => string | undefined;

/** What {@linkcode clientSecrets} reads. */
export interface SecretOptions {
  secret?: string;
  secretFile?: string;
  token?: string;
  encryptionKey?: string;
  keyFile?: string;
}

/**
 * The credential, secret or token, and the key that a command was given: a flag wins over a variable of the environment, of
 * two variables the token, which may do less; a variable that is set but empty counts as absent.
 *
 * @throws {RelayError} `usage` where a value and its file, or secret and token, are both given as flags, or the file cannot
 * be read.
 */
export async function clientSecrets(
  options: SecretOptions,
  source: Source,
): Promise<{ secret?: string; encryptionKey?: string }> {
  const { encryptionKey, keyFile } = options;
  return {
    secret: await credential(options, source),
    encryptionKey: await oneOf("encryption-key", encryptionKey, source("encryptionKey"), keyFile),
  };
}

async function credential(options: SecretOptions, source: Source): Promise<string | undefined> {
  const { secret, secretFile, token } = options;
  const secretGiven = secretFile !== undefined || source("secret") === "cli" && secret;
  if (token && source("token") === "cli") {
    if (secretGiven) throw new RelayError("usage", "Give --token or the secret, not both");
    return token;
  }
  if (token && !secretGiven) return token;
  return await oneOf("secret", secret, source("secret"), secretFile);
}

/**
 * The secrets that a relay was given: one, or, as two lines of its file, the new one and the old one while clients are given
 * the new one. Clients, and `streamrelay token`, take the first.
 *
 * @throws {RelayError} as {@linkcode clientSecrets} does, and where the file has more lines.
 */
export async function relaySecrets(options: SecretOptions, source: Source): Promise<string[]> {
  const { secret, secretFile } = options;
  const lines = await linesGiven("secret", secret, source("secret"), secretFile);
  if (lines.length <= MAX_SECRETS) return lines;
  throw new RelayError(
    "usage",
    `Cannot use ${secretFile}: it has ${lines.length} lines; a relay takes a new and an old secret`,
  );
}

const MAX_SECRETS = 2;

/** The first of what was given. */
async function oneOf(...given: Parameters<typeof linesGiven>): Promise<string | undefined> {
  const [first] = await linesGiven(...given);
  return first;
}

/** What was given: the value, or the lines of its file, which is read once, as it may be a pipe. */
async function linesGiven(
  name: string,
  value: string | undefined,
  source: string | undefined,
  file: string | undefined,
): Promise<string[]> {
  if (file === undefined) return value ? [value] : [];
  if (value !== undefined && source === "cli") {
    throw new RelayError("usage", `Give --${name} or its file, not both`);
  }
  return await readSecretFile(file);
}

/** The lines of `path` that are not empty, one at least; warns where others may read the file. */
async function readSecretFile(path: string): Promise<string[]> {
  const text = await readOwnFile(path);
  const mode = (await Deno.stat(path)).mode;
  if (mode !== null && (mode & 0o077) !== 0) {
    complain(`${path} can be read by others: chmod 600 ${path}`);
  }
  const lines = linesOf(text);
  if (lines.length === 0) throw new RelayError("usage", `Cannot use ${path}: it is empty`);
  return lines;
}

async function readOwnFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new RelayError("usage", `Cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** The values in a file, one a line, each of which may be one of an environment file. */
function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "")
    .map((line) => line.replace(/^RELAY_(SECRET|TOKEN|ENCRYPTION_KEY)=/, ""));
}

/** A file error in words. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  if (error instanceof Deno.errors.AlreadyExists) return "it exists already";
  if (!(error instanceof Error)) return String(error);
  return error.message.replace(/ \(os error \d+\).*$/s, ""); // what follows is for those who know the runtime
}
