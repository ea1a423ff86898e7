/** The load of one process, in this one: over the runtime's sockets and over the kernel's own. */

import assert from "node:assert/strict";
import { Epoll } from "../../src/system/epoll.ts";
import { LoadRun } from "../../src/bench/load_run.ts";
import type { Transport } from "../../src/bench/result.ts";
import { NO_FAULTS } from "../../src/bench/verifier.ts";
import type { WorkerJob, WorkerReport } from "../../src/bench/worker_job.ts";
import { RelayError } from "../../src/errors.ts";
import { newChannelId } from "../../src/protocol/channel_id.ts";
import { startFaultProxy } from "../helpers/fault_proxy.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";

const relay = sharedRelay();

/** Ten channels with two messages of 300 bytes at a time, and two consumers each. */
function jobOf(transport: Transport, change: Partial<WorkerJob> = {}): WorkerJob {
  return {
    url: relay.url,
    settings: {
      channels: 10,
      rate: 50,
      consumers: 2,
      size: 300,
      durationMs: 600,
      transport,
      encrypted: false,
      slow: 0,
      late: false,
      processes: 1,
    },
    prefix: `${newChannelId()}-`,
    first: 0,
    count: 10,
    seed: 1,
    warmUpMs: 100,
    sliceMs: 100,
    ...change,
  };
}

async function run(job: WorkerJob, signal = new AbortController().signal) {
  const reports: WorkerReport[] = [];
  const outcome = await LoadRun.run(job, {
    report: (report) => reports.push(report),
    go: Promise.resolve(),
    signal,
  });
  const types = reports.map(({ type }) => type).filter((type) => type !== "progress");
  return { outcome, stages: [...new Set(types)] };
}

Deno.test("the kernel's sockets are to be had here", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using epoll = Epoll.open();
  assert.ok(epoll !== undefined);
});

for (const transport of ["ws1", "ws2"] as const) {
  for (const sockets of ["runtime", "cheapest"] as const) {
    Deno.test(`${transport} over the ${sockets} sockets carries everything`, async () => {
      const { outcome, stages } = await run(jobOf(transport, { sockets }));
      const { due, sent, received, faults, losses } = outcome;
      assert.deepEqual({ due, sent, received }, { due: 300, sent: 300, received: 600 });
      assert.deepEqual([faults, losses], [NO_FAULTS, []]);
      assert.deepEqual(stages, ["connecting", "ready", "measuring", "measured"]);
      const kernel = sockets === "cheapest" && Deno.build.os === "linux";
      assert.equal(outcome.sockets, kernel ? "kernel" : "runtime");
    });
  }
}

Deno.test("frames that come in pieces, and messages of a megabyte, are put together", async () => {
  await using proxy = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  proxy.throttle(20_000_000);
  const { settings } = jobOf("ws2");
  const large = { ...settings, size: 1_000_000, channels: 2, rate: 5, consumers: 1 };
  for (const transport of ["ws1", "ws2"] as const) {
    const job = jobOf(transport, { url: proxy.url, count: 2, settings: { ...large, transport } });
    const { outcome: { received, faults } } = await run(job);
    assert.deepEqual([received, faults], [6, NO_FAULTS], transport);
  }
});

for (const sockets of ["runtime", "cheapest"] as const) {
  Deno.test(`a relay that is gone is told over the ${sockets} sockets`, async () => {
    const job = jobOf("ws2", { url: "ws://127.0.0.1:9", sockets });
    await assert.rejects(run(job), (error) => {
      return error instanceof RelayError && error.code === "unreachable";
    });
  });
}

Deno.test("all that is sent until it is stopped is received, and nothing is counted as lost", async () => {
  const { settings } = jobOf("ws2");
  const stop = new AbortController();
  const job = jobOf("ws2", { settings: { ...settings, durationMs: 600_000 }, warmUpMs: 0 });
  const going = LoadRun.run(job, {
    report: (report) => report.type === "progress" && report.received > 50 && stop.abort(),
    go: Promise.resolve(),
    signal: stop.signal,
  });
  const { partial, sent, received, faults } = await going;
  assert.deepEqual([partial, faults], [true, NO_FAULTS]);
  assert.equal(received, 2 * sent);
});

Deno.test("a client that is too slow in the warm-up leaves out what it could not send", async () => {
  const { settings } = jobOf("ws2");
  const fast = { ...settings, rate: 400_000, consumers: 1, size: 16, durationMs: 100 };
  const { outcome } = await run(jobOf("ws2", { settings: fast, warmUpMs: 300 }));
  assert.ok(outcome.sent > 0 && outcome.sent < outcome.due);
  assert.deepEqual(outcome.faults, NO_FAULTS);
  // what is measured was due in its own time, so it is late by that at the most, and by what it takes to send it
  assert.ok(outcome.ownShare.count === outcome.sent);
});

Deno.test("the relay is left as it was", async () => {
  await relay.nothingLeaks();
});
