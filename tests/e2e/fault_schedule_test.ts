/**
 * Any schedule of lost connections, relays that are lost and slow readers, with several producers and readers of every
 * kind: each reader gets what its producer sent, or is told that it does not.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Envelope } from "../../src/crypto/envelope.ts";
import { type Relay, RelayConsumer, RelayError, RelayProducer, startRelay } from "../../src/mod.ts";
import { type FaultProxy, startFaultProxy } from "../helpers/fault_proxy.ts";
import { PlainWriter, readPlain } from "../helpers/plain_client.ts";
import { within } from "../helpers/within.ts";

type Kind = "plain" | "resumable";

interface ReaderPlan {
  readonly kind: Kind;
  /** How much of all messages are made when it comes, 0 to 1. */
  readonly joinAt: number;
  /** Bytes it takes a second, 0: all. */
  readonly rate: number;
}

interface ChannelPlan {
  readonly kind: Kind;
  readonly encrypted: boolean;
  readonly count: number;
  readonly batch: number;
  /** Characters of a message. */
  readonly size: number;
  readonly readers: readonly ReaderPlan[];
}

interface FaultPlan {
  /** How much of all messages are made when it comes, 0 to 1. */
  readonly at: number;
  readonly what: "cut" | "end" | "cut up" | "cut down" | "orphan" | "restart";
  /** Whom it hits, modulo the number of clients. */
  readonly client: number;
  readonly bytes: number;
}

interface Plan {
  readonly channels: readonly ChannelPlan[];
  readonly faults: readonly FaultPlan[];
  /** Bytes that the relay retains of a channel. */
  readonly retained: number;
}

const KEY = "22".repeat(32);
const ENOUGH = 8 * 1024 * 1024;
/** Pause of a producer after each batch, ms, so that its stream lasts and faults hit it in the middle. */
const PACE_MS = 1;

const plans: fc.Arbitrary<Plan> = fc.record({
  channels: fc.array(
    fc.record({
      kind: fc.constantFrom<Kind[]>("resumable", "resumable", "plain"),
      encrypted: fc.boolean(),
      count: fc.integer({ min: 0, max: 600 }),
      batch: fc.integer({ min: 1, max: 40 }),
      size: fc.constantFrom(0, 10, 300, 5_000),
      readers: fc.array(
        fc.record({
          kind: fc.constantFrom<Kind[]>("resumable", "resumable", "plain"),
          joinAt: fc.double({ min: 0, max: 1, noNaN: true }),
          rate: fc.constantFrom(0, 0, 1_000_000),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  faults: fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      what: fc.constantFrom<FaultPlan["what"][]>(
        "cut",
        "end",
        "cut up",
        "cut down",
        "orphan",
        "restart",
      ),
      client: fc.nat(20),
      bytes: fc.integer({ min: 1, max: 20_000 }),
    }),
    { maxLength: 8 },
  ),
  retained: fc.constantFrom(ENOUGH, ENOUGH, 20_000),
});

/** Calls back as the messages of all producers are made. */
class Progress {
  #made = 0;
  readonly #total: number;
  #waiting: { at: number; resolve: () => void }[] = [];

  constructor(total: number) {
    this.#total = total;
  }

  add(count: number): void {
    this.#made += count;
    const due = this.#waiting.filter(({ at }) => at * this.#total <= this.#made);
    this.#waiting = this.#waiting.filter((one) => !due.includes(one));
    for (const { resolve } of due) resolve();
  }

  reached(at: number): Promise<void> {
    if (at * this.#total <= this.#made) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ at, resolve }));
  }
}

/** One relay after the other behind the proxies of its clients: who is cut from one finds the next. */
class World implements AsyncDisposable {
  readonly proxies: FaultProxy[] = [];
  readonly progress: Progress;
  readonly #plan: Plan;
  #relay!: Relay;
  #restart: Promise<void> = Promise.resolve();

  constructor(plan: Plan) {
    this.#plan = plan;
    this.progress = new Progress(plan.channels.reduce((sum, { count }) => sum + count, 0));
  }

  async start(): Promise<void> {
    this.#relay = await startRelay({
      port: 0,
      maxBufferBytes: this.#plan.retained,
      channelTimeoutMs: 3_000,
      resumeTimeoutMs: 10_000,
      holdTimeoutMs: 100,
      pingIntervalMs: 1_000,
      deadAfterMs: 4_000,
    });
  }

  async proxy(rate = 0): Promise<FaultProxy> {
    const port = this.#relay.port;
    const proxy = await startFaultProxy({ target: { hostname: "127.0.0.1", port } });
    if (rate > 0) proxy.throttle(rate);
    this.proxies.push(proxy);
    return proxy;
  }

  async strike({ what, client, bytes }: FaultPlan): Promise<void> {
    const connection = this.proxies[client % this.proxies.length]?.connections.at(-1);
    if (what === "restart") return await (this.#restart = this.#replace(this.#restart));
    if (what === "cut") connection?.cut("reset");
    else if (what === "end") connection?.cut("end");
    else if (what === "orphan") connection?.orphan();
    else connection?.cutAfter(bytes, what === "cut up" ? "up" : "down");
  }

  /** A relay that is killed takes all it knew with it; what it would say on its way out reaches nobody. */
  async #replace(earlier: Promise<void>): Promise<void> {
    await earlier;
    const old = this.#relay;
    await this.start();
    for (const proxy of this.proxies) {
      proxy.retarget(this.#relay.port);
      proxy.cut();
    }
    await old[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    await this.#relay[Symbol.asyncDispose]();
  }
}

/** What a reader got: numbers of messages, in the order they came, with the gaps it was told of. */
interface Reading {
  readonly who: string;
  readonly numbers: number[];
  readonly gaps: { from: number; to: number }[];
  /** Whether it was told that the stream is complete. */
  done: boolean;
  /** Why not. */
  error?: unknown;
}

/** Content of message `i`; its text proves that it is whole. */
function content(i: number, size: number): string {
  return `${i} ä\n`.padEnd(size, `<${i}>`);
}

function numberOf(text: string, size: number): number {
  const number = parseInt(text);
  assert.equal(text, content(number, size));
  return number;
}

async function readResumable(url: string, channel: string, plan: ChannelPlan): Promise<Reading> {
  const reading: Reading = { who: `${channel} resumable`, numbers: [], gaps: [], done: false };
  const encryptionKey = plan.encrypted ? KEY : undefined;
  const options = { url, channel, encryptionKey, allowGaps: true, giveUpMs: 20_000 };
  let reached = false;
  while (!reading.done && reading.error === undefined) {
    try {
      for await (const event of new RelayConsumer(options).events()) {
        reached = true;
        if (event.kind === "gap") reading.gaps.push(event);
        if (event.kind === "begin") assert.equal(event.restart, false);
        if (event.kind !== "messages") continue;
        for (const message of event.messages) {
          if (message.type !== "token") continue;
          reading.numbers.push(numberOf(String(message.content), plan.size));
        }
      }
      reading.done = true;
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      // who was cut off before it reached the relay at all is told so at once, and comes again
      if (reached || error.code !== "unreachable") reading.error = error;
    }
  }
  return reading;
}

async function readPlainly(url: string, channel: string, plan: ChannelPlan): Promise<Reading> {
  const reading: Reading = { who: `${channel} plain`, numbers: [], gaps: [], done: false };
  const { texts, code } = await readPlain(url, channel);
  const envelope = await Envelope.create(KEY);
  for (let text of texts) {
    if (JSON.parse(text).type === "enc") text = await envelope.open(text);
    const message = JSON.parse(text);
    if (message.type === "token") reading.numbers.push(numberOf(message.content, plan.size));
    else if (message.type === "gap") reading.gaps.push(message);
    else if (message.type === "error") reading.error = message;
    else if (message.type === "done") reading.done = reading.error === undefined;
  }
  if (!reading.done) reading.error ??= code === 1000 ? undefined : code;
  return reading;
}

const READ = { resumable: readResumable, plain: readPlainly };

/** Sends the whole stream, and its end when everything has happened. Returns whether it was confirmed. */
async function produce(
  world: World,
  { url, channel, plan, happened }: {
    url: string;
    channel: string;
    plan: ChannelPlan;
    happened: Promise<unknown>;
  },
): Promise<boolean> {
  const encryptionKey = plan.encrypted ? KEY : undefined;
  using plain = plan.kind === "plain" ? await PlainWriter.open(url, channel) : undefined;
  const envelope = await Envelope.create(KEY);
  await using producer = plain === undefined
    ? await RelayProducer.start({ url, channel, encryptionKey, giveUpMs: 20_000 })
    : undefined;
  const send = async (messages: ({ type: "token"; content: string } | { type: "done" })[]) => {
    if (plain === undefined) return await producer!.sendAll(messages);
    for (const message of messages) {
      const text = JSON.stringify(message);
      plain.send(plan.encrypted ? await envelope.seal(text) : text);
    }
  };
  for (let i = 0; i < plan.count; i += plan.batch) {
    const count = Math.min(plan.batch, plan.count - i);
    await send(Array.from({ length: count }, (_, k) => (
      { type: "token", content: content(i + k, plan.size) }
    )));
    world.progress.add(count);
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
  await happened;
  if (plain === undefined) {
    await producer!.done();
    return true;
  }
  await send([{ type: "done" }]);
  return await plain.end() === 1000;
}

/** The messages a reader was given and those it was told to miss are, in order, those of the stream from its start. */
function assertHonest({ numbers, gaps, who }: Reading): number {
  let next = 0;
  const missing = [...gaps];
  for (const number of numbers) {
    while (missing.length > 0 && missing[0].from === next) next = missing.shift()!.to;
    assert.equal(number, next, `${who}: message ${number} where ${next} was due`);
    next++;
  }
  while (missing.length > 0 && missing[0].from === next) next = missing.shift()!.to;
  assert.deepEqual(missing, [], `${who}: a gap that is none`);
  return next;
}

function judge(reading: Reading, kind: Kind, { plan, world }: { plan: ChannelPlan; world: Plan }) {
  const end = assertHonest(reading);
  const { who, done, error, gaps } = reading;
  if (done) assert.ok(end >= plan.count, `${who}: done at ${end} of ${plan.count}`);
  else assert.ok(error !== undefined, `${who}: the stream stops at ${end} without a word`);
  if (plan.kind === "plain" || kind === "plain") return;
  // what our own clients do: everything, whatever happened
  assert.ok(done, `${who}: ${error}`);
  if (world.retained === ENOUGH) assert.deepEqual(gaps, [], `${who}: a gap without need`);
}

async function run(plan: Plan): Promise<void> {
  await using world = new World(plan);
  await world.start();
  const struck = Promise.all(plan.faults.map(async (fault) => {
    await world.progress.reached(fault.at);
    await world.strike(fault);
  }));
  const joined = plan.channels.map(({ readers }) =>
    readers.map(() => Promise.withResolvers<void>())
  );
  const happened = struck.then(() => Promise.all(joined.flat().map(({ promise }) => promise)));
  const tasks = plan.channels.flatMap((channelPlan, i) => {
    const channel = `channel-${i}`;
    const check = (reading: Reading, kind: Kind) =>
      judge(reading, kind, { plan: channelPlan, world: plan });
    const readings = channelPlan.readers.map(async ({ kind, joinAt, rate }, k) => {
      await world.progress.reached(joinAt);
      const { url } = await world.proxy(rate);
      joined[i][k].resolve();
      check(await READ[kind](url, channel, channelPlan), kind);
    });
    const production = async () => {
      const { url } = await world.proxy();
      if (!await produce(world, { url, channel, plan: channelPlan, happened })) return;
      const late = await world.proxy();
      for (const read of Object.values(READ)) {
        check(await read(late.url, channel, channelPlan), "resumable");
      }
    };
    return [production(), ...readings];
  });
  await within(Promise.all(tasks), "everyone", 60_000);
}

Deno.test("any schedule of faults ends with the whole stream, or a word about what is missing", async () => {
  await fc.assert(fc.asyncProperty(plans, run), {
    numRuns: Number(Deno.env.get("FAULT_SCHEDULES") ?? 25),
    endOnFailure: true,
    verbose: 1,
  });
});
