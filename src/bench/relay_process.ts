/**
 * The relay that is measured where no other one was named.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import { endingWords } from "./worker_process.ts";
import type { RelayDoors, RelayRoom } from "./relay_room.ts";

/** Time for it to listen, ms: a machine under load takes seconds. */
const START_MS = 30_000;
const SECRET_BYTES = 24;

/** Options of {@linkcode RelayProcess.start}. */
export interface RelayProcessOptions {
  /** How long ended streams are kept, ms (default 300,000). */
  readonly retainMs?: number;
  /** What it keeps at most (default: as `streamrelay relay`). */
  readonly room?: RelayRoom;
  /** How many it lets in (default: as `streamrelay relay`). */
  readonly doors?: Partial<RelayDoors>;
  /** Gives up, and kills it, when aborted before it listens. */
  readonly signal?: AbortSignal;
}

/**
 * A relay in a process of its own, on a free port of this machine, with a secret of its own that no command line shows. It
 * is in a session of its own, so that a Ctrl-C does not end it before the clients; it ends itself when this process is gone,
 * even by SIGKILL, as its stdin is a pipe of ours.
 */
export class RelayProcess implements AsyncDisposable {
  /** Where clients connect, e.g. `ws://127.0.0.1:41234`. */
  readonly url: string;
  readonly secret: string;
  readonly pid: number;
  /** Resolves when it has ended, to how it did: the name of a signal, or its exit code. */
  readonly ended: Promise<string>;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, url: string, secret: string) {
    this.#child = child;
    this.url = url;
    this.secret = secret;
    this.pid = child.pid;
    this.ended = child.status.then(endingWords);
  }

  /**
   * Starts `program` (the words that start this program) and resolves once the relay listens.
   *
   * @throws {RelayError} `internal` where it does not.
   */
  static async start(
    program: readonly string[],
    options: RelayProcessOptions = {},
  ): Promise<RelayProcess> {
    const { retainMs = 300_000, room, doors = {}, signal } = options;
    signal?.throwIfAborted();
    const secret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toHex();
    const child = new Deno.Command(program[0], {
      args: [
        ...program.slice(1),
        ...["bench", "relay", "--retain", String(retainMs / 1000)],
        ...room === undefined ? [] : roomArgs(room),
        ...doorArgs(doors),
      ],
      env: { RELAY_SECRET: secret },
      detached: true,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const kill = () => killed(child);
    const timer = setTimeout(kill, START_MS);
    signal?.addEventListener("abort", kill, { once: true });
    try {
      return new RelayProcess(child, await firstLine(child.stdout), secret);
    } catch (cause) {
      await child.stdin.abort().catch(() => {}); // it has ended
      await child.status;
      signal?.throwIfAborted();
      throw new RelayError("internal", "The bench's own relay did not start", { cause });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", kill);
    }
  }

  /** Kills it, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    killed(this.#child);
    await this.#child.stdin.abort().catch(() => {}); // likewise
    await this.#child.status;
  }
}

/** Kills a process, or sees that it has ended. */
function killed(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended: what was wanted
  }
}

function doorArgs(doors: Partial<RelayDoors>): string[] {
  const { maxChannels, maxConsumers, maxConnectionsPerAddress: perAddress } = doors;
  const flags = {
    "--max-channels": maxChannels,
    "--max-consumers": maxConsumers,
    "--max-connections-per-address": perAddress,
  };
  return Object.entries(flags).flatMap(([flag, most]) =>
    most === undefined ? [] : [flag, String(most)]
  );
}

function roomArgs({ maxBuffer, maxBufferBytes, maxMemory }: RelayRoom): string[] {
  return [
    ...["--max-buffer", String(maxBuffer)],
    ...["--max-buffer-bytes", String(maxBufferBytes)],
    ...["--max-memory", String(maxMemory)],
  ];
}

/** The first line of what a process writes; nothing more of it is read. */
async function firstLine(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  throw new Error("it ended without a line");
}
