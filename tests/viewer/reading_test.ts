/** Reading a page: long streams, scrolling, the raw view, what comes beside the text, without a mouse, without eyes. */

import assert from "node:assert/strict";
import { sharedBrowser } from "../helpers/browser.ts";
import { until } from "../helpers/within.ts";
import { pageTest, rendered, shows, startStage, stateIs } from "./stage.ts";

const browser = sharedBrowser();

/** Writes down, for each frame that the browser draws, how much text there is. */
const WATCH_FRAMES = `
  globalThis.lengths = new Set();
  requestAnimationFrame(function watch() {
    const text = document.getElementById("rendered");
    if (text !== null) globalThis.lengths.add(text.querySelectorAll(".group").length);
    requestAnimationFrame(watch);
  });
`;
/** Five tokens a paragraph. */
const WORDS = ["some ", "**bold** ", "`code` ", "and more", ".\n\n"];

const KEY = "11".repeat(32);
const LONG: [how: string, count: number, encryptionKey?: string][] = [
  ["50,000 tokens", 50_000],
  ["50,000 encrypted tokens", 50_000, KEY],
];

for (const [how, count, encryptionKey] of LONG) {
  pageTest(
    `${how} at once do not freeze the page: it answers, and is drawn again and again`,
    async () => {
      await using stage = await startStage();
      await using producer = await stage.produce("job-7", { encryptionKey });
      const fragment = encryptionKey === undefined ? "" : `#key=${encryptionKey}`;
      await using view = await browser.open(stage.page("job-7", fragment), {
        before: WATCH_FRAMES,
      });
      const { page } = view;
      const all = Array.from({ length: count }, (_, i) => ({
        type: "token",
        content: WORDS[i % WORDS.length],
      }));
      const sending = producer.sendAll(all.slice(0, -5));
      // real clicks, in the middle: the last tokens are sent when the page has answered them
      await page.locator("#tokens", { hasNotText: /^0$/ }).waitFor();
      await page.getByRole("button", { name: "Copy", exact: true }).click();
      await page.getByRole("button", { name: "Copied" }).waitFor();
      await sending;
      await producer.sendAll(all.slice(-5));
      await producer.done();
      await stateIs(page, "Done");
      await page.evaluate(untilParagraphs(count / WORDS.length));
      await page.locator("#tokens", { hasText: count.toLocaleString("en") }).waitFor();
      const last = await page.locator("#rendered p").last().innerHTML();
      assert.equal(last, "some <strong>bold</strong> <code>code</code> and more.");
      const drawn = Number(await page.evaluate("globalThis.lengths.size"));
      assert.ok(drawn >= 5, `the page was drawn ${drawn} times`);
      await until(
        async () => await page.evaluate(IS_AT_END) === true,
        "the end to be in sight",
      );
      assert.deepEqual(view.faults, []);
    },
  );
}

/** A promise of the page, which looks once for each frame: looking from outside would keep it from its work. */
function untilParagraphs(count: number): string {
  return `new Promise((resolve) => {
    const look = () => document.querySelectorAll("#rendered p").length === ${count}
      ? resolve() : requestAnimationFrame(look);
    look();
  })`;
}

const IS_AT_END = "scrollY + innerHeight >= document.documentElement.scrollHeight - 1";

for (
  const [what, unit] of [
    ["one paragraph", "word "],
    ["one block of code", "    x = 1\n"],
    ["one list", "- item\n"],
  ]
) {
  pageTest(`a stream that is ${what} is shown whole`, async () => {
    await using stage = await startStage();
    await using producer = await stage.produce("job-7");
    const text = unit.repeat(20_000).replace(/^ {4}x/, "```py\n    x");
    await producer.sendText(new TextEncoder().encode(text));
    await producer.done();
    await using view = await browser.open(stage.page("job-7"));
    await stateIs(view.page, "Done");
    const words = /word|x = 1|item/g;
    const count = async (selector: string) =>
      (await view.page.locator(selector).textContent())!.match(words)?.length;
    await until(async () => await count("#rendered") === 20_000, "all of it");
    await view.page.getByRole("switch", { name: "Raw" }).click();
    await until(async () => await view.page.locator("#raw").textContent() === text, "all of it");
  });
}

pageTest("the end is followed until the reader scrolls up, and again on request", async () => {
  await using stage = await startStage();
  await using producer = await stage.produce("job-7");
  await using view = await browser.open(stage.page("job-7"));
  const { page } = view;
  const top = async () => Number(await page.evaluate("scrollY"));
  const follow = page.getByRole("button", { name: "Follow the end" });
  const lines = (from: number) =>
    Array.from({ length: 100 }, (_, i) => `line ${from + i}\n\n`).join("");
  await producer.sendToken(lines(0));
  await shows(page, "line 99");
  await until(async () => await top() > 1_000, "the page to follow");
  assert.ok(!await follow.isVisible());
  await page.mouse.move(400, 400);
  await page.mouse.wheel(0, -600);
  await follow.waitFor();
  const left = await top();
  await producer.sendToken(lines(100));
  await shows(page, "line 199");
  await page.evaluate("new Promise(requestAnimationFrame)");
  assert.equal(await top(), left);
  await follow.click();
  await until(async () => await top() > left + 1_000, "the page to follow again");
  await producer.sendToken(lines(200));
  await page.getByText("line 299").waitFor();
  assert.ok(!await follow.isVisible());
  await until(() => page.getByText("line 299").evaluate(isInSight), "the end to be in sight");
});

/** Runs in the page. */
function isInSight(element: { getBoundingClientRect(): { top: number } }): boolean {
  return element.getBoundingClientRect().top < 720;
}

pageTest("the raw view has the text as it came, and copying takes what is seen", async () => {
  await using stage = await startStage();
  await using producer = await stage.produce("job-7");
  const text = "<think>Is it?\n</think># Yes\n\n- **it** is\n";
  for (const character of text) await producer.sendToken(character);
  await producer.done();
  await using view = await browser.open(stage.page("job-7"));
  const { page } = view;
  await stateIs(page, "Done");
  await page.locator("#rendered li strong").waitFor();
  const copied = async () => {
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    return await page.evaluate("navigator.clipboard.readText()");
  };
  assert.equal(await copied(), "# Yes\n\n- **it** is\n");
  await page.getByRole("switch", { name: "Raw", checked: false }).click();
  await page.getByRole("switch", { name: "Raw", checked: true }).waitFor();
  await until(async () => await page.locator("#raw").textContent() === text, "the raw text");
  assert.ok(!await page.locator("#rendered").isVisible());
  await page.getByRole("button", { name: "Copy", exact: true }).waitFor();
  assert.equal(await copied(), text);
});

pageTest("reasoning is folded, as are log lines, and progress is a bar", async () => {
  await using stage = await startStage();
  await using producer = await stage.produce("job-7");
  await using view = await browser.open(stage.page("job-7"));
  const { page } = view;
  await producer.progress({ percent: 40, step: "loading weights" });
  await producer.log("a line of the log");
  await producer.event("checkpoint", { step: 3 });
  await producer.send({ type: "reasoning", content: "first I think" });
  await producer.sendToken("then I say");
  await shows(page, "then I say");
  const bar = page.getByRole("progressbar", { name: "Progress of the job" });
  assert.equal(await bar.getAttribute("value"), "40");
  await page.getByText("40 % · loading weights").waitFor();
  assert.ok(!await page.getByText("first I think").isVisible());
  assert.ok(!await page.getByText("a line of the log").isVisible());
  await page.getByText("Reasoning").click();
  await page.getByText("first I think").waitFor();
  await page.locator("#log summary").click();
  await page.getByText("a line of the log").waitFor();
  await page.getByText('event checkpoint: {"step":3}').waitFor();
  assert.equal(await page.locator("#log-count").innerText(), "2");
  assert.deepEqual(view.faults, []);
});

pageTest(
  "the page is worked by keyboard, and read out politely, by block and not by token",
  async () => {
    await using stage = await startStage();
    await using producer = await stage.produce("job-7");
    await using view = await browser.open(stage.page("job-7"));
    const { page } = view;
    await producer.sendToken("<think>hm</think>A paragraph ");
    await producer.sendToken("of two tokens.\n\nAnother,\nthat is not finis");
    await shows(page, "that is not finis");
    const region = page.locator("[aria-live=polite]");
    await region.filter({ hasText: "A paragraph of two tokens." }).waitFor({ state: "attached" });
    assert.equal(await region.textContent(), "A paragraph of two tokens.");
    assert.equal(await page.getByRole("status").innerText(), "Live");
    const reached: string[] = [];
    for (let i = 0; i < 3; i++) {
      await page.keyboard.press("Tab");
      reached.push(await page.locator(":focus").innerText());
    }
    assert.deepEqual(reached, ["Raw", "Copy", "Reasoning"]);
    await page.keyboard.press("Enter");
    await page.getByText("hm").waitFor();
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Space");
    await page.getByRole("switch", { name: "Raw", checked: true }).waitFor();
    const tree = await page.locator("body").ariaSnapshot();
    for (const part of [/heading "job-7"/, /status: Live/, /img "Tokens per second/]) {
      assert.match(tree, part);
    }
  },
);

for (const [colorScheme, dark] of [["light", false], ["dark", true]] as const) {
  pageTest(`the page is ${colorScheme} where the reader's system is`, async () => {
    await using stage = await startStage();
    await using view = await browser.open(stage.page("job-7"), { colorScheme });
    const ground = await view.page.evaluate("getComputedStyle(document.body).backgroundColor");
    const [red] = String(ground).match(/\d+/)!;
    assert.equal(Number(red) < 128, dark, String(ground));
    assert.equal(await rendered(view.page), "");
  });
}
