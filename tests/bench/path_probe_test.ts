import assert from "node:assert/strict";
import { PathProbe } from "../../src/bench/path_probe.ts";
import { startFaultProxy } from "../helpers/fault_proxy.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import { within } from "../helpers/within.ts";

const SECRETS = { header: "s3cret-in-a-header", "first message": "geheim ü no header takes" };

for (const [how, secret] of Object.entries(SECRETS)) {
  const relay = sharedRelay([], { RELAY_SECRET: secret }, {
    ...(how === "header" && { Authorization: `Bearer ${secret}` }),
  });

  Deno.test(`round trips are measured, the secret being in the ${how}`, async () => {
    using probe = await PathProbe.open(relay.url, { channel: "nobodys", secret });
    for (let times = 0; times < 3; times++) assert.ok(await probe.roundTripMs() > 0);
  });
}

const relay = sharedRelay();

Deno.test("a round trip is all of the way", async () => {
  await using proxy = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  using probe = await PathProbe.open(proxy.url, { channel: "nobodys" });
  proxy.delay(50); // each way
  assert.ok(await probe.roundTripMs() >= 99);
});

Deno.test("a way that ends is told, and so is one that is no more", async () => {
  await using proxy = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  using probe = await PathProbe.open(proxy.url, { channel: "nobodys" });
  proxy.freeze();
  const asking = assert.rejects(probe.roundTripMs(), { code: "unreachable" });
  proxy.cut();
  await within(asking, "the end");
  await assert.rejects(probe.roundTripMs(), { code: "unreachable" });
});

Deno.test("a probe that is let go leaves nothing at the relay, and asks no more", async () => {
  const stop = new AbortController();
  const probe = await PathProbe.open(relay.url, { channel: "nobodys", signal: stop.signal });
  stop.abort();
  await assert.rejects(probe.roundTripMs(), { code: "unreachable" });
  await assert.rejects(
    PathProbe.open(relay.url, { channel: "nobodys", signal: stop.signal }),
    { name: "AbortError" },
  );
  await relay.nothingLeaks();
});

Deno.test("where nothing is, nothing is measured", async () => {
  const opening = PathProbe.open("ws://127.0.0.1:1", { channel: "nobodys" });
  await assert.rejects(opening, { code: "unreachable" });
});
