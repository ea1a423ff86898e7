/**
 * A program: `bulk.ts [MiB]` sends text from `produce` to `consume` through a relay, all by the command line, beside `cat`
 * through a pipe and two `socat` TCP hops; it prints seconds, their ratio, and the largest memory of each process. Needs
 * Linux and socat.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { startRelayProcess } from "../helpers/relay_process.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CLI = `${Deno.execPath()} run -A ${MAIN}`;
const LINE = "It is a line of text as a model might write it, about this long: ";

const mebibytes = Number(Deno.args[0] ?? 1024);
const directory = Deno.makeTempDirSync({ prefix: "streamrelay-bulk-" });
const input = `${directory}/input`;
const output = `${directory}/output`;
try {
  writeText(input, mebibytes * 1024 * 1024);
  const cat = await throughSocat();
  const { seconds, peaks } = await throughRelay();
  for (const [name, peak] of Object.entries(peaks)) console.log(`${name}: ${peak} MiB at most`);
  console.log(`${mebibytes} MiB: cat ${cat.toFixed(1)} s, streamrelay ${seconds.toFixed(1)} s`);
  console.log(`${(seconds / cat).toFixed(1)} times cat`);
} finally {
  Deno.removeSync(directory, { recursive: true });
}

/** Numbered lines, so that one in the wrong place shows. */
function writeText(path: string, size: number): void {
  using file = Deno.openSync(path, { create: true, write: true });
  const encoder = new TextEncoder();
  for (let written = 0, n = 0; written < size;) {
    let text = "";
    while (text.length < 1024 * 1024) text += `${LINE}${n++}\n`;
    written += file.writeSync(encoder.encode(text.slice(0, size - written)));
  }
}

async function throughSocat(): Promise<number> {
  const [first, second] = [freePort(), freePort()];
  const sink = shell(`socat -u TCP-LISTEN:${second},bind=127.0.0.1 - > ${output}`);
  const hop = shell(`socat -u TCP-LISTEN:${first},bind=127.0.0.1 TCP:127.0.0.1:${second},retry=9`);
  const startedAt = performance.now();
  const source = shell(`cat ${input} | socat -u - TCP:127.0.0.1:${first},retry=9`);
  await Promise.all([source.ended, hop.ended, sink.ended]);
  const seconds = (performance.now() - startedAt) / 1000;
  await compare();
  return seconds;
}

async function throughRelay(): Promise<{ seconds: number; peaks: Record<string, number> }> {
  await using relay = await startRelayProcess();
  const url = `RELAY_URL=${relay.url}`;
  const consume = shell(`${url} exec ${CLI} consume bulk > ${output}`);
  const startedAt = performance.now();
  const produce = shell(`${url} exec ${CLI} produce bulk < ${input}`);
  const peaks: Record<string, number> = {};
  const processes = { relay: relay.pid, produce: produce.pid, consume: consume.pid };
  const timer = setInterval(() => {
    for (const [name, pid] of Object.entries(processes)) {
      peaks[name] = Math.max(peaks[name] ?? 0, peakOf(pid));
    }
  }, 50);
  await Promise.all([produce.ended, consume.ended]);
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(timer);
  await compare();
  return { seconds, peaks };
}

function shell(command: string): { pid: number; ended: Promise<void> } {
  const child = spawn("sh", ["-c", command], { stdio: ["ignore", "inherit", "inherit"] });
  const ended = once(child, "exit").then(([code]) => {
    if (code !== 0) throw new Error(`${command} ended with ${code}`);
  });
  return { pid: child.pid!, ended };
}

async function compare(): Promise<void> {
  await shell(`cmp ${input} ${output} && rm ${output}`).ended;
}

/** Resident memory at its largest, MiB; 0 when the process has ended. */
function peakOf(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return (listener.addr as Deno.NetAddr).port;
}
