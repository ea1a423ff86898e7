/** A relay that attacks an encrypted stream: the page shows nothing wrong, and never that all is well. */

import assert from "node:assert/strict";
import { viewLink } from "../../src/client/view_link.ts";
import { RelayConsumer, RelayProducer } from "../../src/mod.ts";
import { sharedBrowser } from "../helpers/browser.ts";
import { startTamperingRelay, TAMPERS } from "../helpers/tampering_relay.ts";
import { startViewServer } from "../helpers/view_server.ts";
import { pageTest, raw, startStage, stateIs } from "./stage.ts";

const KEY = "11".repeat(32);
/** The message that is attacked; the stream has eleven tokens and a `done`. */
const K = 5;
const WHOLE = wordsOf("new");

const browser = sharedBrowser();

function wordsOf(word: string): string {
  return Array.from({ length: 11 }, (_, i) => `${word} ${i}\n`).join("");
}

async function produce(url: string, { channel, word }: { channel: string; word: string }) {
  await using producer = await RelayProducer.connect({ url, channel, encryptionKey: KEY });
  for (let i = 0; i <= 10; i++) await producer.sendToken(`${word} ${i}\n`);
  await producer.done();
}

const read = (url: string, channel: string) =>
  new RelayConsumer({ url, channel, encryptionKey: KEY }).collect();

for (const [name, tamper] of Object.entries(TAMPERS)) {
  pageTest(`the page finds out a relay that ${name}`, async () => {
    await using stage = await startStage();
    const { url, port } = stage.relay;
    await using evil = await startTamperingRelay({ target: { hostname: "127.0.0.1", port } });
    // what it can take its material from: an older run of the channel, and another channel
    await produce(url, { channel: "job-7", word: "old" });
    await read(evil.url, "job-7");
    await produce(url, { channel: "job-8", word: "other" });
    await read(evil.url, "job-8");
    await produce(url, { channel: "job-7", word: "new" });
    evil.tamper = tamper(K);
    await using front = await startViewServer(evil.port);
    await using view = await browser.open(viewLink(front.url, "job-7", { key: KEY }));
    const { page } = view;
    await page.locator("#state:is([data-mood=bad], [data-mood=away])").waitFor();
    const notes = /\n\[Messages \d+ to \d+ are no longer retained by the relay\]\n/;
    const [before] = (await raw(page)).split(notes);
    assert.ok(evil.altered > 0, "the attack was not made");
    assert.ok(WHOLE.startsWith(before), `wrong text: ${before}`);
    assert.equal(await page.locator("#state[data-mood=good]").count(), 0);
  });
}

pageTest("without an attack the page shows the same stream whole", async () => {
  await using stage = await startStage();
  const { url, port } = stage.relay;
  await using evil = await startTamperingRelay({ target: { hostname: "127.0.0.1", port } });
  await produce(url, { channel: "job-7", word: "new" });
  await using front = await startViewServer(evil.port);
  await using view = await browser.open(viewLink(front.url, "job-7", { key: KEY }));
  await stateIs(view.page, "Done");
  assert.equal(await raw(view.page), WHOLE);
});
