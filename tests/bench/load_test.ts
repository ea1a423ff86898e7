/** `bench load` as a user runs it, against relays in processes of their own. */

import assert from "node:assert/strict";
import type { LoadResult } from "../../src/bench/result.ts";
import { measureLoad } from "../../src/bench/load.ts";
import { startRelay } from "../../src/mod.ts";
import { type CliOptions, type CliResult, runCli, spawnCli } from "../helpers/cli.ts";
import { startFaultProxy } from "../helpers/fault_proxy.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import {
  dropMessage,
  repeatMessage,
  replaceMessage,
  startTamperingRelay,
  swapMessages,
  type Tamper,
} from "../helpers/tampering_relay.ts";
import { until } from "../helpers/within.ts";
import { messagesReachReaders } from "./traffic.ts";

const SECRET = "a-s3cret-of-the-relay-of-these-tests";
const SMALL = ["--channels", "5", "--rate", "50", "--duration", "1", "--warm-up", "0.2"];
const GOOD = { lost: 0, doubled: 0, reordered: 0, altered: 0, broken: 0 };

const relay = sharedRelay([], { RELAY_SECRET: SECRET }, { Authorization: `Bearer ${SECRET}` });
const withSecret = { env: { RELAY_SECRET: SECRET } };

function load(args: string[], options: CliOptions = {}): Promise<CliResult> {
  return runCli(["bench", "load", ...args, "--json"], options);
}

/** The JSON that a measurement printed. */
function resultOf({ stdout, stderr }: CliResult): LoadResult {
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout);
}

Deno.test("without a URL it measures a relay of its own, and all figures are there", async () => {
  const outcome = await load(SMALL);
  assert.deepEqual([outcome.code, outcome.stderr], [0, ""]);
  const result = resultOf(outcome);
  const { kind, partial, faults, due, sent, received, told, relay, settings, slices } = result;
  assert.deepEqual({ kind, partial, faults, told }, {
    kind: "load",
    partial: false,
    faults: GOOD,
    told: 0,
  });
  assert.deepEqual({ due, sent, received }, { due: 250, sent: 250, received: 250 });
  assert.equal(relay.own, true);
  assert.equal(settings.processes, 1);
  assert.deepEqual([result.latency.count, result.ownShare.count], [250, 250]);
  assert.equal(slices.reduce((sum, slice) => sum + slice.received, 0), 250);
  if (Deno.build.os !== "linux") return;
  assert.ok(result.relayUse!.cpuSeconds > 0 && result.relayUse!.rssBytesPeak > 1e6);
  assert.ok(result.clientUse!.cpuSeconds > 0);
});

for (const transport of ["ws1", "ws2", "sse", "http"]) {
  Deno.test(`${transport} carries everything to two consumers of each channel`, async () => {
    const args = [...SMALL, "--url", relay.url, "--transport", transport, "--consumers", "2"];
    const outcome = await load(args, withSecret);
    const { faults, sent, received, settings } = resultOf(outcome);
    assert.deepEqual([outcome.code, faults], [0, GOOD]);
    assert.deepEqual([sent, received, settings.transport], [250, 500, transport]);
  });
}

Deno.test("encrypted messages go through the library's own clients", async () => {
  const outcome = await load([...SMALL, "--url", relay.url, "--encrypt"], withSecret);
  const { faults, received, settings } = resultOf(outcome);
  assert.deepEqual([outcome.code, faults], [0, GOOD]);
  assert.deepEqual([received, settings.encrypted], [250, true]);
});

Deno.test("several processes share the channels, and their figures are one", async () => {
  const args = [...SMALL, "--url", relay.url, "--processes", "2"];
  const { due, sent, received, latency, faults } = resultOf(await load(args, withSecret));
  assert.deepEqual({ due, sent, received }, { due: 250, sent: 250, received: 250 });
  assert.deepEqual([latency.count, faults], [250, GOOD]);
});

Deno.test("large messages and the smallest ones come through", async () => {
  for (const size of ["16", "200KiB"]) {
    const args = ["--channels", "2", "--rate", "10", "--duration", "1", "--size", size];
    const outcome = await load([...args, "--url", relay.url], withSecret);
    const { faults, received } = resultOf(outcome);
    assert.deepEqual([outcome.code, faults, received], [0, GOOD, 20], size);
  }
});

Deno.test("late consumers replay everything, and it is verified", async () => {
  await using keeping = await startRelayProcess();
  for (const transport of ["ws1", "ws2", "sse", "http"]) {
    const args = [...SMALL, "--url", keeping.url, "--late", "--consumers", "2"];
    const outcome = await load([...args, "--transport", transport]);
    const { faults, received, settings } = resultOf(outcome);
    assert.deepEqual([outcome.code, faults], [0, GOOD], transport);
    assert.deepEqual([received, settings.late], [500, true]);
  }
});

Deno.test("a log that is larger than a relay usually keeps is kept for late consumers, and it is said", async () => {
  const large = ["--channels", "1", "--rate", "50", "--duration", "1", "--warm-up", "0"];
  const outcome = await load([...large, "--size", "200KiB", "--late"]);
  const { faults, told, sent, received, notes } = resultOf(outcome);
  assert.deepEqual([outcome.code, faults, told], [0, GOOD, 0]);
  assert.deepEqual([sent, received], [50, 50]);
  assert.match(notes.join("\n"), /room for the whole log: --max-buffer-bytes [\d.]+ MiB$/m);
});

Deno.test("connections outlive a silence on pings alone, and what it took is told", async () => {
  await using impatient = await startRelay({ port: 0, pingIntervalMs: 200, deadAfterMs: 800 });
  for (const transport of ["ws1", "ws2", "sse", "http"]) {
    const args = [...SMALL, "--idle", "1.6", "--url", impatient.url, "--transport", transport];
    const outcome = await load([...args, "--relay-pid", String(Deno.pid)]);
    const { faults, received, settings, silence } = resultOf(outcome);
    assert.deepEqual([outcome.code, faults, received], [0, GOOD, 250], transport);
    assert.deepEqual([settings.idleMs, silence?.connections], [1600, 10]);
    assert.ok(silence!.seconds >= 1.5);
    if (Deno.build.os === "linux") assert.ok(silence!.relayCpuSeconds! > 0);
  }
});

Deno.test("Ctrl-C in the silence ends it at once, before anything is due", async () => {
  await using open = await startRelayProcess();
  const args = ["--channels", "3", "--idle", "3600", "--url", open.url, "--json"];
  await using process = spawnCli(["bench", "load", ...args]);
  await messagesReachReaders(open.port, 0, { consumers: 3 });
  process.kill("SIGINT");
  const { code, stdout, stderr } = await process.finished;
  assert.notEqual(stdout, "", stderr);
  const { partial, sent, faults }: LoadResult = JSON.parse(stdout);
  assert.deepEqual([code, partial, sent, faults], [130, true, 0, GOOD]);
});

Deno.test("slow consumers that are told what they miss are no fault, and the others miss nothing", async () => {
  // what does not fit into the sockets' buffers is soon more than this relay keeps
  const limits = ["--max-buffer-bytes", "256k", "--hold-timeout", "0.1", "--stall-timeout", "60"];
  await using small = await startRelayProcess(limits);
  const args = ["--channels", "2", "--rate", "40", "--size", "256KiB", "--slow", "1"];
  const outcome = await load([...args, "--duration", "3", "--url", small.url]);
  const { faults, told, sent, received } = resultOf(outcome);
  assert.deepEqual([outcome.code, faults], [0, GOOD]);
  assert.equal(received, sent);
  assert.ok(told > 0);
});

/** What a relay does to the messages of each of five channels, and what is found. */
const ATTACKS: Record<string, { tamper: Tamper; faults: Partial<typeof GOOD> }> = {
  drops: { tamper: dropMessage(7), faults: { lost: 5 } },
  doubles: { tamper: repeatMessage(7), faults: { doubled: 5 } },
  swaps: { tamper: swapMessages(7), faults: { reordered: 5 } },
  alters: {
    tamper: replaceMessage(7, (line) => line.replace(/.("\})$/, "#$1")),
    faults: { altered: 5 },
  },
};

for (const transport of ["ws1", "ws2"]) {
  for (const [name, { tamper, faults }] of Object.entries(ATTACKS)) {
    Deno.test(`a relay that ${name} a message of ${transport} is found out, with exit code 1`, async () => {
      await using honest = await startRelayProcess();
      await using evil = await startTamperingRelay({
        target: { hostname: "127.0.0.1", port: honest.port },
        tamper,
      });
      const outcome = await load([...SMALL, "--url", evil.url, "--transport", transport]);
      const result = resultOf(outcome);
      assert.deepEqual([outcome.code, result.limit], [1, "messages"]);
      assert.deepEqual(result.faults, { ...GOOD, ...faults });
    });
  }
}

Deno.test("a message that cannot be decrypted is altered, and what was not read after it is not lost", async () => {
  await using honest = await startRelayProcess();
  await using evil = await startTamperingRelay({
    target: { hostname: "127.0.0.1", port: honest.port },
    tamper: replaceMessage(7, (line) => line.replace(/.("\})$/, "#$1")),
  });
  const outcome = await load([...SMALL, "--url", evil.url, "--encrypt"]);
  const { faults, notes } = resultOf(outcome);
  assert.deepEqual([outcome.code, faults], [1, { ...GOOD, altered: 5 }]);
  assert.match(
    notes.join("\n"),
    /^5 streams failed their integrity check: \d+ messages? not read after it$/m,
  );
});

Deno.test("a relay that hands on less than it is sent is said to be the limit", async () => {
  await using slow = await startRelayProcess(["--max-message-rate", "5"]);
  const args = ["--channels", "3", "--rate", "20", "--duration", "1.5", "--warm-up", "0"];
  const { limit, notes, faults } = resultOf(await load([...args, "--url", slow.url]));
  // other tests may take the machine meanwhile, and are blamed then
  assert.ok(limit === "relay" || limit === "machine", limit);
  assert.deepEqual(faults, GOOD);
  assert.match(notes.join("\n"), /what was received fell behind what was sent/);
});

for (const transport of ["ws1", "ws2", "http"]) {
  Deno.test(`consumers that a relay refuses over ${transport} are told before the load, with exit code 4`, async () => {
    await using small = await startRelayProcess(["--max-consumers", "2"]);
    const args = [...SMALL, "--consumers", "3", "--transport", transport, "--url", small.url];
    const { code, stdout, stderr } = await load(args);
    assert.deepEqual([code, stdout], [4, ""], stderr);
    assert.match(stderr, /The relay refused .*(limit|429)/);
  });
}

Deno.test("a relay of its own lets in as many consumers as the load has", async () => {
  const args = ["--channels", "1", "--consumers", "1001", "--rate", "1", "--duration", "1"];
  const outcome = await load([...args, "--warm-up", "0"]);
  const { faults, received } = resultOf(outcome);
  assert.deepEqual([outcome.code, faults, received], [0, GOOD, 1001]);
});

Deno.test(
  "where a process of the load is killed, the others' figures are told as partial, with exit code 70",
  {
    ignore: Deno.build.os !== "linux",
  },
  async () => {
    await using open = await startRelayProcess();
    const args = ["--channels", "4", "--processes", "2", "--rate", "50", "--duration", "600"];
    const command = ["bench", "load", ...args, "--warm-up", "0", "--url", open.url, "--json"];
    await using process = spawnCli(command);
    await messagesReachReaders(open.port, 100);
    const [pid] = childrenOf(process.pid);
    Deno.kill(pid, "SIGKILL");
    const { code, stdout, stderr } = await process.finished;
    assert.notEqual(stdout, "", stderr);
    const { partial, received, notes }: LoadResult = JSON.parse(stdout);
    assert.deepEqual([code, partial], [70, true]);
    assert.ok(received > 0);
    assert.match(notes.join("\n"), new RegExp(`pid ${pid}, channels \\d to \\d.*SIGKILL`));
  },
);

Deno.test("where the relay's process ends, it is said, and messages that never came count as late", async () => {
  await using open = await startRelayProcess();
  const dead = Promise.withResolvers<string>();
  const going = measureLoad({
    settings: {
      channels: 3,
      rate: 50,
      consumers: 1,
      size: 64,
      durationMs: 4000,
      transport: "ws2",
      encrypted: false,
      slow: 0,
      late: false,
      processes: 1,
    },
    warmUpMs: 0,
    target: { url: open.url, ended: dead.promise },
    program: [Deno.execPath(), "run", "-A", "--no-check", "main.ts"],
    signal: new AbortController().signal,
  });
  await messagesReachReaders(open.port, 60);
  await open.stop("SIGKILL");
  dead.resolve("SIGKILL");
  const { limit, notes, faults, seconds, latency, received, sent } = await going;
  assert.equal(limit, "relay");
  assert.match(notes.join("\n"), /the relay's process ended: SIGKILL/);
  assert.match(notes.join("\n"), /\d+ messages never came: counted with their age at the end/);
  assert.ok(faults.lost > 0 && seconds >= 4);
  assert.ok(latency.count === sent && latency.count > received);
});

Deno.test("connections that break are told, with exit code 1", async () => {
  await using open = await startRelayProcess();
  await using proxy = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: open.port },
  });
  const args = ["--channels", "3", "--rate", "50", "--duration", "600", "--warm-up", "0"];
  const command = ["bench", "load", ...args, "--url", proxy.url, "--json"];
  await using process = spawnCli(command);
  // the health, the credential, and a producer and a consumer of each channel
  await until(() => proxy.connections.length >= 8, "the connections of the load");
  await proxy.connections.at(-1)!.untilPassed(20_000, "up").catch(() => {}); // some of the load
  proxy.cut();
  process.kill("SIGINT");
  const { stdout, stderr, code } = await process.finished;
  assert.notEqual(stdout, "", stderr);
  const result: LoadResult = JSON.parse(stdout);
  assert.deepEqual([code, result.partial, result.limit], [130, true, "sockets"]);
  assert.equal(result.faults.broken, 3);
});

Deno.test("Ctrl-C prints what was measured until then, marked as partial, and leaves no process", async () => {
  const args = ["--channels", "3", "--rate", "50", "--duration", "600", "--warm-up", "0"];
  await using open = await startRelayProcess();
  await using process = spawnCli(["bench", "load", ...args, "--url", open.url, "--json"]);
  await messagesReachReaders(open.port, 100);
  const children = childrenOf(process.pid);
  process.kill("SIGINT");
  const { code, stdout } = await process.finished;
  const result: LoadResult = JSON.parse(stdout);
  assert.deepEqual([code, result.partial, result.faults], [130, true, GOOD]);
  assert.ok(result.received > 0 && result.received < 3 * 50 * 600);
  assert.deepEqual(children.filter(lives), []);
});

Deno.test("when it is killed, its relay and the processes of the load end too", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const args = ["--channels", "1", "--rate", "50", "--duration", "600", "--warm-up", "0"];
  await using process = spawnCli(["bench", "load", ...args]);
  await until(() => childrenOf(process.pid).length === 2, "the relay and the process of the load");
  const children = childrenOf(process.pid);
  process.kill("SIGKILL");
  await process.finished;
  await until(() => !children.some(lives), "the children's end");
});

/** The processes that `pid` has started. */
function childrenOf(pid: number): number[] {
  if (Deno.build.os !== "linux") return [];
  const text = Array.from(
    Deno.readDirSync(`/proc/${pid}/task`),
    ({ name }) => Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`),
  );
  return text.join(" ").split(" ").filter((word) => word.trim() !== "").map(Number);
}

function lives(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("a rate that the client cannot make is said to be the client's limit", async () => {
  const args = ["--channels", "5", "--rate", "1000000", "--duration", "1", "--warm-up", "0"];
  const outcome = await load([...args, "--size", "16"]);
  const { limit, due, sent, faults, notes } = resultOf(outcome);
  assert.deepEqual([outcome.code, faults], [0, GOOD]);
  assert.ok(limit === "client" || limit === "machine"); // tests that run beside this one may take the cores
  assert.ok(sent < 0.5 * due);
  assert.match(notes.join("\n"), /the client made only/);
});

/** What cannot be measured: exit code and what is said. */
const REFUSED: Record<
  string,
  { args: string[]; env?: Record<string, string>; code: number; says: RegExp }
> = {
  "a wrong secret": {
    args: ["--url", "RELAY"],
    env: { RELAY_SECRET: "wrong" },
    code: 3,
    says: /credential|refused/i,
  },
  "no relay there": { args: ["--url", "ws://127.0.0.1:9"], code: 4, says: /connection refused/ },
  "a URL that is none": { args: ["--url", "ftp://x"], code: 2, says: /Cannot use the relay URL/ },
  "a duration of 0": { args: ["--duration", "0"], code: 2, says: /measures nothing/ },
  "a rate of 0": { args: ["--rate", "0"], code: 2, says: /above 0/ },
  "less than one message": {
    args: ["--rate", "0.1", "--duration", "1"],
    code: 2,
    says: /no message is due/,
  },
  "a silence before late consumers": {
    args: ["--late", "--idle", "1"],
    code: 2,
    says: /leave out --idle/,
  },
  "a log that no memory has room for": {
    args: ["--late", "--size", "1MiB", "--channels", "1000", "--duration", "3600"],
    code: 2,
    says: /free here/,
  },
  "a size below the stamp's": { args: ["--size", "15"], code: 2, says: /at least 16/ },
  "a message that the bench's own relay would refuse": {
    args: ["--size", "1GiB"],
    code: 2,
    says: /at most 10 MiB/,
  },
  "a message that the bench cannot read": {
    args: ["--url", "RELAY", "--size", "65MiB"],
    code: 2,
    says: /at most 64 MiB/,
  },
  "a process to watch, and no relay": {
    args: ["--relay-pid", String(Deno.pid)],
    code: 2,
    says: /goes with --url/,
  },
  "a process to watch that is not there": {
    args: ["--url", "RELAY", "--relay-pid", "4194305"],
    code: 2,
    says: /no such process/,
  },
  "encryption that a transport has not": {
    args: ["--encrypt", "--transport", "http"],
    code: 2,
    says: /Only ws2 encrypts/,
  },
  "more processes than channels": {
    args: ["--channels", "2", "--processes", "3"],
    code: 2,
    says: /at most --channels/,
  },
  "more connections than files": {
    args: ["--channels", "100000000"],
    code: 2,
    says: /open files/,
  },
  "a report that cannot be written": {
    args: ["--report", "/nowhere/there/is.html"],
    code: 2,
    says: /no such directory/,
  },
};

for (const [name, { args, env, code, says }] of Object.entries(REFUSED)) {
  Deno.test(`${name} is told in a line, with exit code ${code}`, async () => {
    const given = args.map((word) => word === "RELAY" ? relay.url : word);
    const outcome = await load(given, { env });
    assert.deepEqual([outcome.code, outcome.stdout], [code, ""], outcome.stderr);
    assert.match(outcome.stderr, says);
    assert.ok(outcome.stderr.trimEnd().split("\n").length <= 2, outcome.stderr);
  });
}

Deno.test("what answers and is no relay is told at once, with exit code 4", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response("hello"),
  );
  const { code, stderr } = await load(["--url", `http://127.0.0.1:${server.addr.port}`]);
  assert.equal(code, 4);
  assert.match(stderr, /No relay|Cannot reach a relay/);
});

Deno.test("no secret is in the result", async () => {
  const url = `${relay.url}/?token=${SECRET}`;
  const outcome = await load([...SMALL, "--url", url, "--secret", SECRET]);
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.doesNotMatch(outcome.stdout, new RegExp(SECRET));
  assert.match(resultOf(outcome).command, /--secret \*\*\*/);
});

Deno.test("the relay is left as it was", async () => {
  await relay.nothingLeaks();
});
