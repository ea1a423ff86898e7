import assert from "node:assert/strict";
import { detailsOf, listChannels } from "../../src/relay/overview.ts";
import { channelsWith, RigProducer, rigReader } from "../helpers/relay_rig.ts";

Deno.test("the list is sorted, and its pages miss nothing and repeat nothing", () => {
  const channels = channelsWith();
  const ids = ["delta", "alpha", "echo", "bravo", "charlie"];
  for (const id of ids) new RigProducer(channels, id);
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = listChannels(channels, { limit: 2, after });
    assert.equal(page.total, 5);
    seen.push(...page.channels.map(({ id }) => id));
    after = page.next;
  } while (after !== undefined);
  assert.deepEqual(seen, ids.toSorted());
});

Deno.test("a page goes on where one left off although that channel is gone", () => {
  const channels = channelsWith({ retainMs: 0 });
  for (const id of ["a", "b", "c"]) new RigProducer(channels, id);
  channels.find("a")!.expire(0);
  channels.sweep(1);
  assert.equal(channels.find("a"), undefined);
  const { channels: rest } = listChannels(channels, { limit: 10, after: "a" });
  assert.deepEqual(rest.map(({ id }) => id), ["b", "c"]);
});

Deno.test("the list can be of one state", () => {
  const channels = channelsWith();
  new RigProducer(channels, "live");
  new RigProducer(channels, "done").finish();
  const { total, channels: listed } = listChannels(channels, { limit: 10, state: "ended" });
  assert.deepEqual([total, listed.map(({ id }) => id)], [1, ["done"]]);
  assert.equal(listed[0].end!.status, "done");
});

Deno.test("a channel that waits for its producer has no position", () => {
  const channels = channelsWith();
  rigReader(channels, "one");
  const { position: _, ...details } = detailsOf(channels.find("one")!, 0);
  assert.equal(_, undefined);
  assert.deepEqual(details.consumers, [{ state: "waiting", lag: 0 }]);
  assert.deepEqual([details.state, details.totals.messages_in], ["waiting", 0]);
});

Deno.test("a channel's details tell position, meta, totals, and each consumer's state and lag", () => {
  const channels = channelsWith();
  rigReader(channels, "one");
  rigReader(channels, "one", { stuck: true });
  const meta = { job: "4711" };
  const producer = new RigProducer(channels, "one", { epoch: "run-1", meta });
  producer.send(2);
  producer.send(3);
  const details = detailsOf(producer.channel, 0);
  assert.equal(details.position, "run-1:5");
  assert.deepEqual(details.meta, meta);
  assert.deepEqual(details.consumers, [
    { state: "live", position: "run-1:5", lag: 0 },
    { state: "blocked", position: "run-1:2", lag: 3 },
  ]);
  assert.equal(details.lag, 3);
  const { messages_in, messages_out, consumers, gaps } = details.totals;
  assert.deepEqual([messages_in, messages_out, consumers, gaps], [5, 7, 2, 0]);
});

Deno.test("a new run begins to count anew, and has its own meta", () => {
  const channels = channelsWith();
  const first = new RigProducer(channels, "one", { epoch: "run-1", meta: { job: "1" } });
  first.send(4);
  first.finish();
  const second = new RigProducer(channels, "one", { epoch: "run-2" });
  second.send(1);
  const { totals, meta } = detailsOf(second.channel, 0);
  assert.deepEqual([totals.messages_in, meta], [1, undefined]);
  assert.equal(channels.meter.messagesIn, 5);
});

Deno.test("what a producer says of itself when it comes back takes the place of what it said before", () => {
  const channels = channelsWith();
  const first = new RigProducer(channels, "one", { epoch: "run-1", meta: { host: "node-1" } });
  first.send(1);
  first.lose();
  const back = new RigProducer(channels, "one", {
    epoch: "run-1",
    next: 1,
    meta: { host: "node-2" },
  });
  assert.deepEqual(detailsOf(back.channel, 0).meta, { host: "node-2" });
  assert.equal(detailsOf(back.channel, 0).totals.messages_in, 1);
});
