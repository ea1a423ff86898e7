/**
 * The load that one process makes.
 *
 * @module
 */

import { relayPath } from "../client/relay_url.ts";
import { RelayError } from "../errors.ts";
import { Epoll } from "../system/epoll.ts";
import { type Endpoints, endpointsOf } from "./endpoints.ts";
import { limited } from "./limited.ts";
import { LoadChannel } from "./load_channel.ts";
import { LoadReader } from "./load_reader.ts";
import { isLocal } from "./local_socket.ts";
import { Losses } from "./losses.ts";
import { pace } from "./pacer.ts";
import { Schedule } from "./schedule.ts";
import { Stamp } from "./stamp.ts";
import { Tally } from "./tally.ts";
import { addFaults, NO_FAULTS } from "./verifier.ts";
import type { WorkerJob, WorkerOutcome, WorkerReport } from "./worker_job.ts";

/** Connections that are being made at a time: a relay's queue of them has 1,024 places, for several processes. */
const CONNECTING = 64;
/** Time for one of them to stand and to be welcomed, ms. */
const STAND_MS = 30_000;
/** Time in which something of what was sent must be received, ms; and for all of it, where the run is ended early. */
const DRAIN_MS = 30_000;
const HASTY_DRAIN_MS = 3_000;
/** What slow consumers read of what comes, and how often they do, ms. */
const SLOW_SHARE = 0.1;
const SLOW_TURN_MS = 250;
const PROGRESS_MS = 500;
/** What is read in one go before others get their turn, ms. */
const READING_MS = 10;

/** Options of {@linkcode LoadRun.run}. */
export interface RunOptions {
  /** Told how it goes. */
  readonly report: (report: WorkerReport) => void;
  /** Resolves when the load is to begin. */
  readonly go: Promise<void>;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** Makes the connections, sends what is due, and checks what comes. */
export class LoadRun {
  readonly #job: WorkerJob;
  readonly #options: RunOptions & { readonly epoll?: Epoll };
  readonly #stamp: Stamp;
  readonly #schedule: Schedule;
  readonly #tally: Tally;
  readonly #channels: LoadChannel[];
  readonly #readers: LoadReader[] = [];
  readonly #losses = new Losses();
  /** The clock's reading at the schedule's time 0. */
  #origin = 0;
  /** When what is measured is due, ms of the schedule. */
  readonly #fromMs: number;
  #untilMs: number;
  #backlog = { messages: 0, of: 0 };
  /** How late messages were sent on average, ms; known at the end. */
  #lateness: number | undefined;

  private constructor(job: WorkerJob, options: RunOptions & { readonly epoll?: Epoll }) {
    const { settings: { size, channels: total, rate, durationMs }, first, count, seed } = job;
    this.#job = job;
    this.#options = options;
    this.#stamp = new Stamp(size);
    this.#schedule = new Schedule({ total, first, count, rate, seed });
    this.#tally = new Tally({ sliceMs: job.sliceMs, expectedMs: durationMs });
    this.#fromMs = job.warmUpMs;
    this.#untilMs = job.warmUpMs + durationMs;
    const shared = { schedule: this.#schedule, stamp: this.#stamp, fromMs: this.#fromMs };
    this.#channels = Array.from({ length: count }, (_, own) => {
      const index = first + own;
      return new LoadChannel({ ...shared, id: `${job.prefix}${index}`, index, own });
    });
  }

  /**
   * Runs a job to its end.
   *
   * @throws {RelayError} where connections cannot be made.
   */
  static async run(job: WorkerJob, options: RunOptions): Promise<WorkerOutcome> {
    const { url, secret, encryptionKey, settings: { size, transport } } = job;
    await using epoll = mayUseEpoll(job) ? Epoll.open() : undefined;
    const endpoints = await endpointsOf(transport, { url, secret, encryptionKey, size, epoll });
    const run = new LoadRun(job, { ...options, epoll });
    // the pacer looks more often while it runs
    const looks = epoll && setInterval(() => readAll(epoll), 1);
    try {
      return await run.#run(endpoints);
    } finally {
      clearInterval(looks);
      for (const { sender } of run.#channels) sender?.close();
      for (const reader of run.#readers) reader.close();
      endpoints.close();
    }
  }

  async #run(endpoints: Endpoints): Promise<WorkerOutcome> {
    const { settings: { late } } = this.#job;
    const { signal } = this.#options;
    await this.#connect(endpoints);
    this.#options.report({ type: "ready" });
    await Promise.race([this.#options.go, aborted(signal)]);
    if (!signal.aborted) this.#checkConnections();
    await this.#load();
    if (!late) this.#backlog = this.#underWay();
    await this.#endAll();
    if (late && !signal.aborted) await this.#replay(endpoints);
    else if (!late) this.#options.report({ type: "measured" });
    for (const reader of this.#readers) reader.hurry();
    await this.#drain(this.#readers.map(({ ended, isOpen }) => isOpen ? ended : undefined));
    if (late && !signal.aborted) this.#options.report({ type: "measured" });
    return this.#outcome();
  }

  async #connect(endpoints: Endpoints): Promise<void> {
    const { settings: { late, consumers, slow }, count } = this.#job;
    if (!late) this.#addReaders();
    const of = count + this.#readers.length;
    let open = 0;
    const opened = () => {
      if (++open % CONNECTING === 0 || open === of) {
        this.#options.report({ type: "connecting", open, of });
      }
    };
    const perChannel = late ? 0 : consumers + slow;
    const lost = (channel: LoadChannel, error: RelayError) => {
      channel.isCut = true;
      this.#losses.count(error);
    };
    // readers first, so that nothing of what is to be read live is there before them
    await each(this.#channels, this.#options.signal, async (channel, i) => {
      for (const reader of this.#readers.slice(i * perChannel, (i + 1) * perChannel)) {
        await standing(reader.open(endpoints));
        opened();
      }
      const sender = endpoints.sender(channel.id, { lost: (error) => lost(channel, error) });
      channel.sender = await standing(sender);
      opened();
    });
  }

  /** Before anything was sent, a connection that is gone was refused: a relay lets WebSockets in first, and tells then. */
  #checkConnections(): void {
    const [loss] = this.#losses.all;
    if (loss === undefined) return;
    const { code, message, count } = loss;
    const of = this.#channels.length + this.#readers.length;
    const limits = code === "limit" ? ": see the relay's --max-consumers and --max-channels" : "";
    throw new RelayError(
      code,
      `The relay refused ${count} of ${of} connections before the load began: ${message}${limits}`,
    );
  }

  /** What was to be received by now, and was not. */
  #underWay(): WorkerOutcome["backlog"] {
    const of = this.#tally.sent * this.#job.settings.consumers;
    return { messages: Math.max(0, of - this.#tally.received), of };
  }

  #addReaders(): void {
    const { settings: { consumers, slow, rate } } = this.#job;
    const turn = Math.max(1, Math.round(rate * SLOW_SHARE * SLOW_TURN_MS / 1000));
    for (const channel of this.#channels) {
      for (let i = 0; i < consumers + slow; i++) {
        this.#readers.push(this.#newReader(channel, i < consumers ? undefined : turn));
      }
    }
  }

  #newReader(channel: LoadChannel, slow: number | undefined): LoadReader {
    const reader: LoadReader = new LoadReader({
      channel,
      stamp: this.#stamp,
      slow,
      events: {
        received: (seq, sentMs) => {
          const dueMs = channel.dueOf(seq);
          if (slow === undefined && dueMs >= this.#fromMs) this.#received(reader, dueMs, sentMs);
        },
        failed: (error) => this.#losses.count(error),
      },
    });
    return reader;
  }

  /** What this reader was to get, and never got. */
  #countMissed({ verifier, channel: index, openedAt }: LoadReader, endMs: number): void {
    const channel = this.#channels[index - this.#job.first];
    const lateness = this.#lateness ??= this.#tally.ownShare.summary().mean;
    for (const seq of verifier.missing(channel.sent)) {
      const dueMs = channel.dueOf(seq);
      if (dueMs < this.#fromMs) continue;
      const fromMs = openedAt - this.#origin;
      if (this.#job.settings.late) this.#tally.countMissed(fromMs, fromMs, endMs);
      else this.#tally.countMissed(dueMs, Math.min(endMs, dueMs + lateness), endMs);
    }
  }

  #received(reader: LoadReader, dueMs: number, sentMs: number): void {
    const nowMs = performance.now() - this.#origin;
    if (this.#job.settings.late) dueMs = sentMs = reader.openedAt - this.#origin;
    this.#tally.countReceived(dueMs, sentMs, nowMs);
  }

  async #load(): Promise<void> {
    const { report, signal } = this.#options;
    const { warmUpMs, settings: { late, slow } } = this.#job;
    const content = new Uint8Array(this.#stamp.size);
    this.#origin = performance.now();
    this.#tally.begin(this.#fromMs);
    const warm = late
      ? undefined
      : setTimeout(() => report({ type: "measuring" }), Math.ceil(warmUpMs));
    const progress = setInterval(() => {
      const { sent, received } = this.#tally;
      report({ type: "progress", sent, received });
    }, PROGRESS_MS);
    const turns = slow === 0 ? undefined : setInterval(() => {
      for (const reader of this.#readers) if (reader.slow) reader.turn();
    }, SLOW_TURN_MS);
    try {
      await pace(this.#schedule, {
        origin: this.#origin,
        fromMs: this.#fromMs,
        untilMs: this.#untilMs,
        send: (k) => this.#send(k, content),
        signal,
        epoll: this.#options.epoll,
      });
    } finally {
      clearTimeout(warm);
      clearInterval(progress);
      clearInterval(turns);
    }
    this.#untilMs = Math.min(this.#untilMs, performance.now() - this.#origin);
  }

  #send(k: number, content: Uint8Array): void {
    const channel = this.#channels[this.#schedule.channelOf(k)];
    const sentMs = performance.now() - this.#origin;
    if (!channel.send(k, { content, sentMs })) return;
    const dueMs = this.#schedule.dueMs(k);
    if (dueMs >= this.#fromMs) this.#tally.countSent(dueMs, sentMs);
  }

  async #endAll(): Promise<void> {
    const ending = this.#channels.map(async ({ sender }) => {
      try {
        await sender?.end();
      } catch (error) {
        if (!(error instanceof RelayError)) throw error;
        this.#losses.count(error);
      }
    });
    await this.#drain(ending);
  }

  /** Waits for what is to come, as long as something comes; what is missing then is seen by what did not come. */
  async #drain(coming: readonly (Promise<void> | undefined)[]): Promise<void> {
    const { signal } = this.#options;
    const all = Promise.all(coming);
    const hasty = aborted(signal).then(() => limited(all, HASTY_DRAIN_MS));
    const over = Promise.race([all, hasty]);
    for (let before = -1; this.#tally.received > before;) {
      before = this.#tally.received;
      if (await limited(over, this.#mayCome ? DRAIN_MS : HASTY_DRAIN_MS)) return;
    }
  }

  /** Whether any reader that waits has a producer that is, or was, there to its end. */
  get #mayCome(): boolean {
    const { first } = this.#job;
    return this.#readers.some(({ over, channel }) =>
      !over && !this.#channels[channel - first].isCut
    );
  }

  /** Consumers come when all is there. */
  async #replay(endpoints: Endpoints): Promise<void> {
    const { report, signal } = this.#options;
    this.#addReaders();
    report({ type: "measuring" });
    this.#tally.begin(performance.now() - this.#origin);
    await each(this.#readers, signal, (reader) => standing(reader.open(endpoints)));
  }

  #outcome(): WorkerOutcome {
    const tally = this.#tally;
    const digests = this.#channels.map(({ hash }) => hash.digest());
    let faults = NO_FAULTS;
    let told = 0;
    let toldOthers = 0;
    const partial = this.#options.signal.aborted;
    const endMs = performance.now() - this.#origin;
    let distrusted = 0;
    let unread = 0;
    for (const reader of this.#readers) {
      const { verifier, over, slow, channel } = reader;
      const at = channel - this.#job.first;
      if (!over && partial) continue; // it was not given the time
      if (!over) verifier.break();
      verifier.end({ sent: this.#channels[at].sent, hash: digests[at] });
      faults = addFaults(faults, verifier.faults);
      told += verifier.told;
      unread += verifier.unread;
      if (verifier.distrusted) distrusted++;
      if (slow) continue;
      toldOthers += verifier.told;
      this.#countMissed(reader, endMs);
    }
    return {
      due: Math.max(
        0,
        this.#schedule.before(this.#untilMs) - this.#schedule.before(this.#fromMs),
      ),
      sent: tally.sent,
      received: tally.received,
      receivedMs: tally.receivedMs,
      latency: tally.latency().stored(),
      relayLatency: tally.relayLatency.stored(),
      ownShare: tally.ownShare.stored(),
      missed: tally.missed,
      distrusted,
      unread,
      backlog: this.#backlog,
      told,
      toldOthers,
      faults,
      slices: tally.slices(),
      losses: this.#losses.all,
      partial,
      sockets: this.#options.epoll === undefined ? "runtime" : "kernel",
    };
  }
}

/** Whether all connections are ones that the kernel's events can be waited for with; others would not be seen meanwhile. */
function mayUseEpoll({ url, settings: { transport, encrypted }, sockets }: WorkerJob): boolean {
  const websockets = transport === "ws1" || transport === "ws2";
  return sockets !== "runtime" && websockets && !encrypted && isLocal(relayPath(url, "/"));
}

/** Takes what is there, and what comes meanwhile: of a log that is replayed, each read takes but a piece. */
function readAll(epoll: Epoll): void {
  const until = performance.now() + READING_MS;
  while (epoll.wait(0) > 0 && performance.now() < until);
}

/** What `opening` brings; a relay that takes a connection and says nothing is none. */
async function standing<T>(opening: Promise<T>): Promise<T> {
  if (await limited(opening, STAND_MS)) return await opening;
  const seconds = STAND_MS / 1000;
  throw new RelayError(
    "unreachable",
    `The relay took a connection and said nothing for ${seconds} s`,
  );
}

/** Does `step` for each of `items`, some at a time. */
async function each<T>(
  items: readonly T[],
  signal: AbortSignal,
  step: (item: T, i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < items.length && !signal.aborted) {
      const at = next++;
      await step(items[at], at);
    }
  };
  await Promise.all(Array.from({ length: CONNECTING }, lane));
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
