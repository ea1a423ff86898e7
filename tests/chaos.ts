/**
 * A program: streams through a relay that is killed again and again, over connections that are cut at random, while every
 * message is checked at every reader. It prints counts, and exits with 1 where anything was lost, doubled or out of order.
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { RelayConsumer, RelayError, RelayProducer } from "../src/mod.ts";
import { count } from "../commands/values.ts";
import { type FaultProxy, startFaultProxy } from "./helpers/fault_proxy.ts";
import { type RelayProcess, startRelayProcess } from "./helpers/relay_process.ts";
import { within } from "./helpers/within.ts";

interface ChaosOptions {
  channels: number;
  seconds: number;
  /** Time between two kills, ms. */
  killEvery: number;
  /** Time between two cuts, ms. */
  cutEvery: number;
}

const KEY = "33".repeat(32);
/** Between two messages of a producer, ms. */
const TOKEN_MS = 10;
/** For everyone to finish once the faults have ended, ms. */
const SETTLE_MS = 60_000;

/** What one reader makes of its stream. */
class Check {
  lost = 0;
  doubled = 0;
  reordered = 0;
  seen = 0;
  /** Why the reading ended badly. */
  failure: string | undefined;
  readonly #numbers = new Set<number>();
  #highest = -1;

  add(number: number): void {
    if (this.#numbers.has(number)) this.doubled++;
    else if (number < this.#highest) this.reordered++;
    this.#numbers.add(number);
    this.#highest = Math.max(this.#highest, number);
    this.seen++;
  }

  end(total: number): void {
    this.lost = total - this.#numbers.size;
  }
}

/** A relay that is killed and followed by another one on the same port. */
class Victim implements AsyncDisposable {
  kills = 0;
  readonly port: number;
  #relay: RelayProcess;

  private constructor(relay: RelayProcess) {
    this.#relay = relay;
    this.port = relay.port;
  }

  static async start(): Promise<Victim> {
    return new Victim(await startRelayProcess());
  }

  async kill(): Promise<void> {
    await this.#relay.stop("SIGKILL");
    this.kills++;
    this.#relay = await startRelayProcess(["--port", String(this.port)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]();
  }
}

/** The whole of it; resolves to the exit code. */
async function chaos(options: ChaosOptions): Promise<number> {
  await using victim = await Victim.start();
  await using proxy = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: victim.port },
  });
  const over = new AbortController();
  const failures: string[] = [];
  const checks: Check[] = [];
  const streams = Array.from({ length: options.channels }, async (_, i) => {
    const shared = {
      url: proxy.url,
      channel: `chaos-${i}`,
      encryptionKey: i % 2 ? KEY : undefined,
    };
    const joinMs = Math.random() * options.seconds * 1000;
    const readings = [read(shared, 0), read(shared, joinMs)];
    const total = await produce(shared, over.signal);
    readings.push(read(shared, 0)); // long after
    for (const check of await Promise.all(readings)) {
      check.end(total);
      if (check.failure !== undefined) failures.push(check.failure);
      checks.push(check);
    }
  }).map((stream) => stream.catch((error) => void failures.push(String(error))));
  const cuts = await strike(options, { victim, proxy });
  over.abort();
  await within(Promise.all(streams), "the streams to end", SETTLE_MS).catch((error) => {
    failures.push(String(error));
  });
  const sum = (of: (check: Check) => number) => checks.reduce((sum, check) => sum + of(check), 0);
  const [lost, doubled, reordered] = [
    sum(({ lost }) => lost),
    sum(({ doubled }) => doubled),
    sum(({ reordered }) => reordered),
  ];
  for (const failure of failures) console.log(`failed: ${failure}`);
  console.log(
    `${options.channels} channels, ${checks.length} readings of ${
      sum(({ seen }) => seen)
    } messages, ` +
      `${victim.kills} relays killed, ${cuts} connections cut, ${proxy.connections.length} made`,
  );
  console.log(
    `${lost} lost, ${doubled} doubled, ${reordered} reordered, ${failures.length} failed`,
  );
  return lost + doubled + reordered + failures.length === 0 && checks.length > 0 ? 0 : 1;
}

/** Kills and cuts until the time is over; resolves to the number of cuts. */
async function strike(
  { seconds, killEvery, cutEvery }: ChaosOptions,
  { victim, proxy }: { victim: Victim; proxy: FaultProxy },
): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let cuts = 0;
  const kill = async () => {
    for (let due = performance.now() + killEvery; due < end; due += killEvery) {
      await sleep(due - performance.now());
      await victim.kill();
    }
  };
  const cut = async () => {
    for (; performance.now() < end; await sleep(Math.random() * 2 * cutEvery)) {
      const open = proxy.connections.filter(({ isOpen }) => isOpen);
      const connection = open[Math.floor(Math.random() * open.length)];
      if (connection === undefined) continue;
      cuts++;
      const bytes = 1 + Math.floor(Math.random() * 5_000);
      [
        () => connection.cut("reset"),
        () => connection.cut("end"),
        () => connection.orphan(),
        () => connection.cutAfter(bytes, "up"),
        () => connection.cutAfter(bytes, "down"),
      ][Math.floor(Math.random() * 5)]();
    }
  };
  await Promise.all([kill(), cut()]);
  return cuts;
}

interface Shared {
  url: string;
  channel: string;
  encryptionKey: string | undefined;
}

/** Sends numbers until `over`, and the end; resolves to how many. */
async function produce(shared: Shared, over: AbortSignal): Promise<number> {
  await using producer = await RelayProducer.start(shared);
  let total = 0;
  for (; !over.aborted; total++) {
    await producer.sendToken(`${total}\n`);
    await sleep(TOKEN_MS);
  }
  await producer.done();
  return total;
}

/** Reads a stream from its start. */
async function read(shared: Shared, delayMs: number): Promise<Check> {
  await sleep(delayMs);
  const check = new Check();
  for (;;) {
    try {
      for await (const token of new RelayConsumer(shared)) check.add(parseInt(token));
      return check;
    } catch (error) {
      // who never reached the relay is told so at once; a reading that had begun does not end like that
      const early = error instanceof RelayError && error.code === "unreachable" && check.seen === 0;
      if (!early) {
        check.failure = `${shared.channel} at ${check.seen}: ${error}`;
        return check;
      }
      await sleep(100);
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

if (import.meta.main) {
  const command = new Command("chaos")
    .description("streams through a relay that is killed and connections that are cut")
    .option("--channels <n>", "streams at a time", count(1), 50)
    .option("--seconds <n>", "how long there are faults", count(1), 60)
    .option("--kill-every <ms>", "time between two kills", count(1), 3_000)
    .option("--cut-every <ms>", "mean time between two cuts", count(1), 50)
    .parse();
  Deno.exit(await chaos(command.opts()));
}
