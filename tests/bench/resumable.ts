/**
 * A program: `resumable.ts [count]` sends small messages from a resumable producer to a resumable consumer as fast as they
 * go, and prints what the relay's process spends on them. Needs Linux.
 *
 * @module
 */

import { RelayConsumer, RelayProducer } from "../../src/mod.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";

/** Messages handed over at a time. */
const BURST = 1_000;
/** Of the scheduler: what /proc counts in, per second. */
const TICKS = 100;

const count = Number(Deno.args[0] ?? 2_000_000);

await using relay = await startRelayProcess();
await run("warm-up", count / 4);
await run("measured", count);

async function run(channel: string, count: number): Promise<void> {
  const before = cpuSeconds(relay.pid);
  const startedAt = performance.now();
  const received = receive(channel);
  await using producer = await RelayProducer.connect({ url: relay.url, channel });
  const message = { type: "token", content: "token of a text" } as const;
  const burst = Array.from({ length: BURST }, () => message);
  for (let sent = 0; sent < count; sent += BURST) await producer.sendAll(burst);
  await producer.done();
  if (await received !== count) throw new Error(`${await received} of ${count} messages came`);
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = cpuSeconds(relay.pid) - before;
  const millions = (value: number) => `${(value / 1e6).toFixed(1)} M`;
  console.log(
    `${channel}: ${count} messages in ${seconds.toFixed(1)} s, relay CPU ${cpu.toFixed(2)} s: ` +
      `${millions(count / cpu)} per CPU-second, ${millions(count / seconds)} per second`,
  );
}

async function receive(channel: string): Promise<number> {
  let count = 0;
  for await (const _ of new RelayConsumer({ url: relay.url, channel })) count++;
  return count;
}

function cpuSeconds(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
