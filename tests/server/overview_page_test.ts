/** The operator's page in a browser. */

import assert from "node:assert/strict";
import { RelayConsumer, RelayProducer, startRelay } from "../../src/mod.ts";
import { NO_BROWSER, sharedBrowser, type TestPage } from "../helpers/browser.ts";

const SECRET = "s3cret-of-the-relay";
const browser = sharedBrowser();

/** A test with a relay and its page. The browser's own connections come and go during it. */
function pageTest(
  name: string,
  test: (opened: TestPage, relay: { url: string }) => Promise<void>,
  secret: string | undefined = SECRET,
): void {
  const fn = async () => {
    await using relay = await startRelay({ port: 0, secret });
    await using opened = await browser.open(`${relay.url.replace("ws", "http")}/`);
    await test(opened, relay);
  };
  Deno.test({ name, fn, ignore: NO_BROWSER, sanitizeOps: false, sanitizeResources: false });
}

async function enter({ page }: TestPage, secret: string): Promise<void> {
  await page.getByLabel("The relay's secret").fill(secret);
  await page.keyboard.press("Enter");
}

pageTest(
  "the page asks for the secret, and shows nothing but the relay's health before",
  async (opened) => {
    const { page } = opened;
    await page.getByLabel("The relay's secret").waitFor();
    await page.locator("#health").filter({ hasText: /^healthy, version \d/ }).waitFor();
    assert.equal(await page.locator("table").isVisible(), false);
  },
);

pageTest("with the secret channels are shown, and go on by themselves", async (opened, relay) => {
  const { page } = opened;
  const shared = { url: relay.url, secret: SECRET, channel: "job-7" };
  const producer = await RelayProducer.connect({ ...shared, meta: { job: "4711" } });
  await producer.sendToken("the-content");
  await enter(opened, SECRET);
  const row = page.getByRole("row", { name: "job-7" });
  await row.filter({ hasText: "live" }).filter({ hasText: "job 4711" }).waitFor();
  assert.equal(await page.getByLabel("The relay's secret").isVisible(), false);
  const reading = new RelayConsumer(shared).collect();
  await producer.done();
  await reading;
  await row.filter({ hasText: "ended: done" }).waitFor();
  assert.doesNotMatch(await page.content(), /the-content/);
  assert.deepEqual(opened.faults.filter((fault) => !fault.includes("401")), []);
});

pageTest("a wrong secret is told, and asked for again", async (opened) => {
  const { page } = opened;
  await enter(opened, "guess");
  await page.getByRole("alert").filter({ hasText: "credential missing or refused" }).waitFor();
  assert.equal(await page.getByLabel("The relay's secret").inputValue(), "");
  await enter(opened, SECRET);
  await page.getByText("0 channels").waitFor();
  assert.equal(await page.getByRole("alert").textContent(), "");
});

pageTest("the secret is in no address and no storage, and gone with a reload", async (opened) => {
  const { page } = opened;
  await enter(opened, SECRET);
  await page.getByText("0 channels").waitFor();
  assert.doesNotMatch([page.url(), ...opened.requests].join("\n"), /s3cret/);
  const kept = "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])";
  assert.equal(await page.evaluate(kept), '[{},{},""]');
  await page.reload();
  await page.getByLabel("The relay's secret").waitFor();
});

pageTest("markup in what a producer says of itself is text", async (opened, relay) => {
  const { page } = opened;
  const meta = { job: "<img src=x onerror=alert(1)><script>alert(2)</script>" };
  await using _producer = await RelayProducer.connect({
    url: relay.url,
    secret: SECRET,
    channel: "job-7",
    meta,
  });
  await enter(opened, SECRET);
  await page.getByText(meta.job).waitFor();
  assert.equal(await page.locator("td img, td script").count(), 0);
});

pageTest("a relay without a secret asks for none", async ({ page }) => {
  await page.getByText("0 channels").waitFor();
  assert.equal(await page.getByLabel("The relay's secret").isVisible(), false);
}, "");
