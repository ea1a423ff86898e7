import assert from "node:assert/strict";
import type { Channels } from "../../src/relay/channels.ts";
import { DEFAULT_LIMITS } from "../../src/relay/limits.ts";
import { Metrics } from "../../src/relay/metrics.ts";
import { channelsWith, RigProducer, rigReader } from "../helpers/relay_rig.ts";

const ID = "3f1c9f1e-secret-channel";

function metricsOf(channels: Channels): Metrics {
  const limits = DEFAULT_LIMITS;
  return new Metrics({ channels, limits, connections: () => 3, version: "1.2.3" });
}

/** The value of each series. */
async function seriesOf(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split("\n").filter((line) => /^[a-z]/.test(line));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

Deno.test("channels are counted by state, with zeros for the states of none", async () => {
  const channels = channelsWith();
  const metrics = metricsOf(channels);
  new RigProducer(channels, "live");
  new RigProducer(channels, "away").lose();
  new RigProducer(channels, "ended").finish();
  rigReader(channels, "waiting");
  rigReader(channels, "waiting");
  const series = await seriesOf(metrics);
  for (const state of ["live", "away", "ended", "waiting"]) {
    assert.equal(series.get(`streamrelay_channels{state="${state}"}`), 1, state);
  }
  assert.equal(series.get("streamrelay_consumers"), 2);
  const empty = await seriesOf(metricsOf(channelsWith()));
  assert.equal(empty.get('streamrelay_channels{state="live"}'), 0);
});

Deno.test("messages and bytes are counted in both directions, once for each consumer", async () => {
  const channels = channelsWith();
  const metrics = metricsOf(channels);
  rigReader(channels, "one");
  rigReader(channels, "one");
  const producer = new RigProducer(channels, "one");
  producer.send(10);
  const series = await seriesOf(metrics);
  assert.equal(series.get('streamrelay_messages_total{direction="in"}'), 10);
  assert.equal(series.get('streamrelay_messages_total{direction="out"}'), 20);
  const bytes = series.get('streamrelay_bytes_total{direction="in"}')!;
  assert.ok(bytes >= 10 * '{"type":"token","content":"x"}'.length);
  assert.equal(series.get('streamrelay_bytes_total{direction="out"}'), 2 * bytes);
});

Deno.test("a scrape changes nothing: the next one says the same", async () => {
  const channels = channelsWith();
  const metrics = metricsOf(channels);
  new RigProducer(channels, "one").send(7);
  const first = await seriesOf(metrics);
  const second = await seriesOf(metrics);
  first.delete("process_resident_memory_bytes");
  second.delete("process_resident_memory_bytes");
  assert.deepEqual(second, first);
});

Deno.test("lag is that of the slowest consumer, and of all together", async () => {
  const channels = channelsWith();
  const metrics = metricsOf(channels);
  rigReader(channels, "one", { stuck: true });
  rigReader(channels, "one");
  const producer = new RigProducer(channels, "one");
  producer.send(1);
  producer.send(5);
  rigReader(channels, "two", { stuck: true });
  const other = new RigProducer(channels, "two");
  other.send(1);
  other.send(2);
  const series = await seriesOf(metrics);
  assert.equal(series.get('streamrelay_consumer_lag_messages{of="slowest"}'), 5);
  assert.equal(series.get('streamrelay_consumer_lag_messages{of="all"}'), 7);
});

Deno.test("a gap that a consumer is told of is counted with its messages", async () => {
  const channels = channelsWith({ maxBuffer: 10, maxBufferBytes: 1024 });
  const metrics = metricsOf(channels);
  const producer = new RigProducer(channels, "one");
  producer.send(100);
  rigReader(channels, "one");
  const series = await seriesOf(metrics);
  assert.equal(series.get("streamrelay_gaps_total"), 1);
  assert.equal(series.get("streamrelay_gap_messages_total"), producer.channel.log!.first);
  assert.ok(producer.channel.log!.first > 0);
});

Deno.test("refusals are counted by reason", async () => {
  const channels = channelsWith({ maxConsumers: 1 });
  const metrics = metricsOf(channels);
  new RigProducer(channels, "one");
  assert.throws(() => new RigProducer(channels, "one", { epoch: "other" }));
  rigReader(channels, "one");
  for (let i = 0; i < 2; i++) assert.throws(() => rigReader(channels, "one"));
  channels.refused("unauthorized");
  const series = await seriesOf(metrics);
  assert.equal(series.get('streamrelay_refusals_total{reason="producer_exists"}'), 1);
  assert.equal(series.get('streamrelay_refusals_total{reason="limit"}'), 2);
  assert.equal(series.get('streamrelay_refusals_total{reason="unauthorized"}'), 1);
});

Deno.test("endings are counted by status, lost and expired ones too", async () => {
  const channels = channelsWith({ resumeTimeoutMs: 1_000, channelTimeoutMs: 5_000 });
  const metrics = metricsOf(channels);
  new RigProducer(channels, "done").finish();
  new RigProducer(channels, "lost").lose();
  rigReader(channels, "expired");
  channels.sweep(2_000);
  channels.sweep(10_000);
  const series = await seriesOf(metrics);
  for (const status of ["done", "lost", "expired"]) {
    assert.equal(series.get(`streamrelay_streams_ended_total{status="${status}"}`), 1, status);
  }
});

Deno.test("the time to the first message is taken once for a channel", async () => {
  const channels = channelsWith();
  const metrics = metricsOf(channels);
  rigReader(channels, "one");
  const producer = new RigProducer(channels, "one");
  producer.send(1);
  producer.send(1);
  producer.finish();
  new RigProducer(channels, "one", { epoch: "again" }).send(1);
  new RigProducer(channels, "two").send(1);
  const series = await seriesOf(metrics);
  assert.equal(series.get("streamrelay_first_message_seconds_count"), 2);
});

Deno.test("the way through the relay is timed where somebody reads", async () => {
  const channels = channelsWith();
  const metrics = metricsOf(channels);
  new RigProducer(channels, "unread").send(1);
  rigReader(channels, "read");
  new RigProducer(channels, "read").send(1);
  const series = await seriesOf(metrics);
  assert.equal(series.get("streamrelay_relay_seconds_count"), 1);
  assert.ok(series.get("streamrelay_relay_seconds_sum")! < 10);
});

Deno.test("memory, its bound, connections and version are told", async () => {
  const channels = channelsWith();
  const metrics = metricsOf(channels);
  new RigProducer(channels, "one").send(1);
  const series = await seriesOf(metrics);
  assert.equal(series.get("streamrelay_retained_bytes"), channels.bytes);
  assert.equal(series.get("streamrelay_retained_bytes_limit"), DEFAULT_LIMITS.maxMemory);
  assert.equal(series.get("streamrelay_connections"), 3);
  assert.equal(series.get('streamrelay_build_info{version="1.2.3"}'), 1);
  assert.ok(series.get("process_resident_memory_bytes")! > 1e6);
});

Deno.test("neither channels nor content nor meta are told, and a thousand channels add no series", async () => {
  const channels = channelsWith();
  const metrics = metricsOf(channels);
  rigReader(channels, ID);
  new RigProducer(channels, ID, { meta: { job: "4711-job" } }).send(1, "the-content");
  const before = await seriesOf(metrics);
  for (let i = 0; i < 1_000; i++) new RigProducer(channels, `channel-${i}`).send(1);
  assert.deepEqual([...(await seriesOf(metrics)).keys()], [...before.keys()]);
  assert.doesNotMatch(await metrics.text(), /secret-channel|channel-\d|4711-job|the-content/);
});
