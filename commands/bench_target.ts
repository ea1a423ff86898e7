/**
 * The relay that the bench measures: one of its own, or the one that was named.
 *
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import type { RelayDoors, RelayRoom } from "../src/bench/relay_room.ts";
import type { RelayUnderTest } from "../src/bench/result.ts";
import { RelayError } from "../src/errors.ts";
import { clientSecrets, type SecretOptions } from "./options.ts";
import { ownProgram } from "./own_program.ts";

/** `--url` of the commands that measure: not from the environment, where the relay of one's daily work may be named. */
export function targetOption() {
  return new Option(
    "-u, --url <url>",
    "the relay to measure: ws, wss, http or https (default: one of its own, as a process beside it)",
  );
}

/** Options of {@linkcode openTarget}. */
export interface TargetOptions extends SecretOptions {
  readonly url?: string;
}

/** A relay that answers; leaving its `await using` block ends it where it is our own. */
export interface BenchTarget extends AsyncDisposable {
  /** As it was given, credentials in it included. */
  readonly url: string;
  readonly secret?: string;
  /** Its process, where it is our own. */
  readonly pid?: number;
  /** Resolves when that process has ended, to how it did. */
  readonly ended?: Promise<string>;
  /** What results say of it. */
  readonly relay: RelayUnderTest;
}

/**
 * Starts a relay, or checks that the one named is there and takes the credential, so that a mistake is told at once.
 * `source` tells where the values of options came from; `retainMs`, `room` and `doors` are for a relay of our own.
 *
 * @throws {RelayError} `usage` for a URL that is none, `unreachable` where no relay answers, `unauthorized` where it does not
 * take the credential.
 */
export async function openTarget(
  options: TargetOptions,
  { source, signal, retainMs, room, doors }: {
    source: (name: string) => string | undefined;
    signal?: AbortSignal;
    retainMs?: number;
    room?: RelayRoom;
    doors?: RelayDoors;
  },
): Promise<BenchTarget> {
  const { secret } = await clientSecrets(options, source);
  if (options.url === undefined) {
    const { RelayProcess } = await import("../src/bench/relay_process.ts");
    const own = await RelayProcess.start(ownProgram(), { signal, retainMs, room, doors });
    const dispose = () => own[Symbol.asyncDispose]();
    const version = await versionOf(own.url).catch(async (error) => {
      await dispose();
      throw error;
    });
    return {
      url: own.url,
      secret: own.secret,
      pid: own.pid,
      ended: own.ended,
      relay: { url: own.url, own: true, version },
      [Symbol.asyncDispose]: dispose,
    };
  }
  const { shownRelayUrl } = await import("../src/client/relay_url.ts");
  const { url } = options;
  const shown = shownRelayUrl(url);
  const version = await versionOf(url, secret);
  await checkCredential(url, { secret, signal });
  return {
    url,
    secret,
    relay: { url: shown, own: false, version },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** @throws {RelayError} as `checkHealth` does. */
async function versionOf(url: string, secret?: string): Promise<string | undefined> {
  const { checkHealth } = await import("../src/client/health.ts");
  const health: { status: string; version?: unknown } = await checkHealth(url, { secret });
  if (health.status !== "healthy") {
    throw new RelayError("unreachable", `The relay says it is ${health.status}`);
  }
  return typeof health.version === "string" ? health.version : undefined;
}

/** A stream of nothing, on a channel of its own. */
async function checkCredential(
  url: string,
  { secret, signal }: { secret?: string; signal?: AbortSignal },
): Promise<void> {
  const { RelayProducer } = await import("../src/client/producer.ts");
  const { newChannelId } = await import("../src/protocol/channel_id.ts");
  const channel = `bench-${newChannelId()}`;
  await using producer = await RelayProducer.connect({ url, secret, channel, signal });
  await producer.done();
}
