/** A channel on the page while it is being made: live, reloaded, cut off, on a relay that is started anew. */

import assert from "node:assert/strict";
import { startRelay } from "../../src/mod.ts";
import { sharedBrowser } from "../helpers/browser.ts";
import { until } from "../helpers/within.ts";
import { pageTest, rendered, shows, startStage, stateIs } from "./stage.ts";

const browser = sharedBrowser();

pageTest("tokens appear as they come, with the state, the position and the figures", async () => {
  await using stage = await startStage();
  await using view = await browser.open(stage.page("job-7"));
  const { page } = view;
  await stateIs(page, "Waiting for the producer");
  await using producer = await stage.produce("job-7");
  await producer.sendToken("Hello");
  await stateIs(page, "Live");
  await shows(page, "Hello");
  await producer.sendToken(" **world**");
  await page.locator("#rendered strong", { hasText: "world" }).waitFor();
  await page.locator("#position", { hasText: "message 2" }).waitFor();
  assert.equal(await page.locator("#position").getAttribute("title"), `${producer.epoch}:2`);
  await producer.done();
  await stateIs(page, "Done");
  assert.equal(await rendered(page), "Hello world");
  assert.equal(await page.locator("#tokens").innerText(), "2");
  assert.match(await page.locator("#first-token").innerText(), /^\d+\.\d\d s$/);
  assert.match(await page.locator("#pace").innerText(), /^\d+(\.\d)? tokens\/s on average$/);
  assert.equal(await page.locator("#chart canvas").count(), 1);
  assert.equal(await page.title(), "job-7: Done");
  assert.deepEqual(view.faults, []);
});

pageTest("a reload in the middle shows the stream from its start", async () => {
  await using stage = await startStage();
  await using producer = await stage.produce("job-7");
  await using view = await browser.open(stage.page("job-7"));
  const { page } = view;
  await producer.sendToken("before ");
  await shows(page, "before");
  await page.reload();
  await shows(page, "before");
  await producer.sendToken("after");
  await producer.done();
  await stateIs(page, "Done");
  assert.equal(await rendered(page), "before after");
  assert.deepEqual(view.faults, []);
});

/** What a browser itself says of a connection that broke; there is no way to keep it from that. */
const BROKEN = /^WebSocket connection to 'ws:.* failed/;

pageTest("a connection that is cut is made again, and nothing is shown twice", async () => {
  await using stage = await startStage();
  await using producer = await stage.produce("job-7");
  await using view = await browser.open(stage.page("job-7"));
  const { page } = view;
  for (const word of ["one ", "two ", "three"]) {
    await producer.sendToken(word);
    await shows(page, word.trim());
    stage.recorder.cut();
  }
  await producer.done();
  await stateIs(page, "Done");
  assert.equal(await rendered(page), "one two three");
  assert.ok(stage.recorder.said.includes(`"position":"${producer.epoch}:1"`));
  assert.deepEqual(view.faults.filter((fault) => !BROKEN.test(fault)), []);
});

pageTest("a relay that is started anew is read on where the page was", async () => {
  await using stage = await startStage();
  await using second = await startRelay({ port: 0 });
  await using producer = await stage.produce("job-7");
  await using view = await browser.open(stage.page("job-7"));
  const { page } = view;
  await producer.sendToken("before ");
  await shows(page, "before");
  const stopped = stage.relay.stop();
  await stateIs(page, "The relay is away");
  stage.recorder.retarget(second.port);
  await stopped;
  await producer.sendToken("after");
  await producer.done();
  await stateIs(page, "Done");
  assert.equal(await rendered(page), "before after");
  assert.deepEqual(view.faults.filter((fault) => !BROKEN.test(fault)), []);
});

pageTest("messages that are gone, and a producer that is lost, are said", async () => {
  await using stage = await startStage({ maxBuffer: 3, resumeTimeoutMs: 50 });
  const first = await stage.produce("job-7");
  for (const word of ["lost ", "gone ", "a ", "b ", "c"]) await first.sendToken(word);
  await until(() => first.unconfirmed === 0, "the relay to have them");
  await using view = await browser.open(stage.page("job-7"));
  const { page } = view;
  await shows(page, "Messages 0 to 1 are no longer retained by the relay");
  await shows(page, "a b c");
  first.abandon();
  await stateIs(page, "Lost: the producer's connection ended in mid-stream");
  assert.equal(await page.locator("#state").getAttribute("data-mood"), "bad");
  assert.ok(await page.locator("#retry").isVisible());
  assert.deepEqual(view.faults, []);
});

const ENDINGS: [message: string, details: Record<string, unknown>, shown: string][] = [
  ["out of memory", {}, "Failed: out of memory"],
  ["killed", { code: "signal", signal: "SIGTERM" }, "Failed: killed (SIGTERM)"],
  ["stopped", { code: "cancelled" }, "Cancelled"],
];

for (const [message, details, shown] of ENDINGS) {
  pageTest(`an ending that is none of the good ones is said: ${shown}`, async () => {
    await using stage = await startStage();
    const producer = await stage.produce("job-7");
    await producer.sendToken("half");
    await producer.error(message, details);
    await using view = await browser.open(stage.page("job-7"));
    await stateIs(view.page, shown);
    assert.equal(await rendered(view.page), "half");
  });
}
