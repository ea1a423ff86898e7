/** What the page does when its relay goes away in the middle, forgets, or stays away, and when it cannot keep up itself. */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { startRelay } from "../../src/mod.ts";
import { sharedBrowser } from "../helpers/browser.ts";
import { startFaultProxy } from "../helpers/fault_proxy.ts";
import { until } from "../helpers/within.ts";
import { pageTest, raw, rendered, shows, startStage, stateIs } from "./stage.ts";

const browser = sharedBrowser();
/** What a browser itself says of a connection that broke; there is no way to keep it from that. */
const BROKEN = /^WebSocket connection to 'ws:.* failed/;
const KEY = "11".repeat(32);
const word = (i: number) => `word-${i}\n`;
const words = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => word(from + i));
const tokens = (contents: string[], extra = {}) =>
  contents.map((content) => ({ type: "token", content, ...extra }));

for (const encryptionKey of [undefined, KEY]) {
  const stream = encryptionKey === undefined ? "a stream" : "an encrypted stream";
  pageTest(
    `a relay that is restarted amid ${stream} costs and repeats no character`,
    async () => {
      await using stage = await startStage();
      await using producer = await stage.produce("job-7", { encryptionKey });
      const fragment = encryptionKey === undefined ? "" : `#key=${encryptionKey}`;
      await using view = await browser.open(stage.page("job-7", fragment));
      const { page } = view;
      const restarts = 2;
      let sent = 0;
      let { relay } = stage;
      for (let restart = 0; restart <= restarts; restart++) {
        // sent, but neither confirmed nor shown by the time the relay goes
        await producer.sendAll(tokens(words(sent, sent += 500)));
        if (restart === restarts) break;
        const stopped = relay.stop();
        await stateIs(page, "The relay is away; trying to reach it again");
        await producer.sendAll(tokens(words(sent, sent += 500)));
        relay = await startRelay({ port: 0 });
        stage.recorder.retarget(relay.port);
        await stopped;
        await shows(page, new RegExp(`word-${sent - 1}\\b`));
        await stateIs(page, "Live");
      }
      await producer.done();
      await stateIs(page, "Done");
      assert.equal(await raw(page), words(0, sent).join(""));
      assert.deepEqual(view.faults.filter((fault) => !BROKEN.test(fault)), []);
      await relay.stop();
    },
  );
}

pageTest("what nobody has any more after a restart is said to be missing", async () => {
  await using stage = await startStage({ resumeTimeoutMs: 50, holdTimeoutMs: 50 });
  await using second = await startRelay({ port: 0 });
  const target = { hostname: "127.0.0.1", port: stage.relay.port };
  await using way = await startFaultProxy({ target }); // the page's own
  await using producer = await stage.produce("job-7", { replayBufferBytes: 16 * 1024 });
  const url = stage.page("job-7").replace(`:${stage.recorder.port}/`, `:${way.port}/`);
  await using view = await browser.open(url);
  const { page } = view;
  await producer.sendAll(tokens(words(0, 5)));
  await shows(page, "word-4");
  way.refuse();
  way.cut();
  await stateIs(page, "The relay is away; trying to reach it again");
  const total = 2_000;
  await producer.sendAll(tokens(words(5, total)));
  await until(() => producer.unconfirmed === 0, "the first relay to have them");
  const stopped = stage.relay.stop();
  stage.recorder.retarget(second.port);
  way.retarget(second.port);
  await stopped;
  await producer.done();
  way.allow();
  await page.evaluate("dispatchEvent(new Event('online'))");
  await stateIs(page, "Done, but messages are missing");
  assertOneGap(await raw(page), total);
});

/** Checks that all words are there but for those of which it is said. */
function assertOneGap(text: string, total: number): void {
  const gap = /word-(\d+)\n\n\[Messages (\d+) to (\d+) are no longer retained by the relay\]\n/;
  const [note, last, from, to] = gap.exec(text) ?? assert.fail(text.slice(-500));
  assert.deepEqual([Number(from), Number(to) > Number(from)], [Number(last) + 1, true]);
  const shown = [...words(0, Number(from)), ...words(Number(to) + 1, total)];
  assert.equal(text.replace(note, `word-${last}\n`), shown.join(""));
}

/** Bytes of a message that come with few characters to be shown. */
const WIDE = { pad: "x".repeat(1_200) };

pageTest("a page that falls behind what the relay keeps tells the gap, and goes on", async () => {
  const keeps = { maxBufferBytes: 256 * 1024, holdTimeoutMs: 50 };
  await using stage = await startStage(keeps);
  await using slow = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: stage.relay.port },
  });
  await using producer = await stage.produce("job-7");
  const url = stage.page("job-7").replace(`:${stage.recorder.port}/`, `:${slow.port}/`);
  await using view = await browser.open(url);
  const { page } = view;
  await producer.sendAll(tokens(words(0, 5)));
  await shows(page, "word-4");
  slow.freeze();
  const total = 14_000; // 17 MB: more than the relay and the system's buffers hold together
  await producer.sendAll(tokens(words(5, total), WIDE));
  await producer.done();
  slow.thaw();
  await stateIs(page, "Done, but messages are missing");
  assertOneGap(await raw(page), total);
  assert.ok(await page.getByRole("button", { name: "Reload" }).isVisible());
});

/** A page that gets no turn, while its connection brings more and more, until it gives that up. */
const BUSY = `
  const waiting = [];
  let busy = true;
  const post = MessagePort.prototype.postMessage;
  MessagePort.prototype.postMessage = function (...args) {
    if (busy) waiting.push(() => post.apply(this, args));
    else post.apply(this, args);
  };
  globalThis.WebSocket = class extends WebSocket {
    close() {
      busy = false;
      for (const turn of waiting.splice(0)) turn();
      super.close();
    }
  };
`;

pageTest("a page that is slower than its relay reads in portions, and misses nothing", async () => {
  const total = 20_000;
  await using stage = await startStage({ maxBufferBytes: 128 * 1024 * 1024 });
  await using producer = await stage.produce("job-7", { replayBufferBytes: 128 * 1024 * 1024 });
  await producer.sendAll(tokens(words(0, total), WIDE));
  await producer.done();
  await using view = await browser.open(stage.page("job-7"), { before: BUSY });
  const { page } = view;
  await stateIs(page, "Done");
  assert.ok(await raw(page) === words(0, total).join(""));
  assert.match(stage.recorder.said, /"role":"consume","position":"/, "it was never slower");
  assert.deepEqual(view.faults, []);
});

pageTest("a text that is too long for a page is shown up to there, and said to be", async () => {
  await using stage = await startStage();
  await using producer = await stage.produce("job-7");
  await using view = await browser.open(stage.page("job-7"));
  const { page } = view;
  const line = `${"x".repeat(1_023)}\n`;
  for (let i = 0; i < 9; i++) await producer.sendAll(tokens(Array(1_024).fill(line)));
  await stateIs(page, "This is too long for a page: read the rest with `streamrelay consume`");
  await producer.done();
  const text = await raw(page);
  assert.ok(text.length > 8_000_000 && text.length <= 8 * 1024 * 1024, `${text.length}`);
  assert.ok(text === line.repeat(text.length / line.length));
  assert.equal(await page.locator("#state").getAttribute("data-mood"), "bad");
  assert.deepEqual(view.faults, []);
});

/** Lets the page's clock jump ahead. */
const CLOCK = `
  const now = performance.now.bind(performance);
  let ahead = 0;
  performance.now = () => now() + ahead;
  globalThis.jump = (ms) => ahead += ms;
`;

/** So long has the page tried; the network that is said to be back makes it try again at once. */
async function elevenMinutesPass(page: Page): Promise<void> {
  await page.evaluate("jump(660_000), dispatchEvent(new Event('online'))");
}

pageTest(
  "when the relay stays away the page gives up, says so, and goes on when it is told to",
  async () => {
    await using stage = await startStage();
    await using second = await startRelay({ port: 0 });
    await using producer = await stage.produce("job-7");
    await using view = await browser.open(stage.page("job-7"), { before: CLOCK });
    const { page } = view;
    await producer.sendToken("before ");
    await shows(page, "before");
    await stage.relay.stop();
    await stateIs(page, "The relay is away; trying to reach it again");
    await elevenMinutesPass(page);
    await stateIs(page, "The relay cannot be reached");
    const again = page.getByRole("button", { name: "Try again" });
    await again.click();
    await stateIs(page, "The relay cannot be reached");
    assert.equal(await rendered(page), "before"); // trying costs nothing of what is there
    stage.recorder.retarget(second.port);
    await again.click();
    await stateIs(page, "Live");
    assert.ok(!await again.isVisible());
    await producer.sendToken("after");
    await producer.done();
    await stateIs(page, "Done");
    assert.equal(await rendered(page), "before after");
    assert.deepEqual(view.faults.filter((fault) => !BROKEN.test(fault)), []);
  },
);
