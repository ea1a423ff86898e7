/** Readers that come at every point of a fast stream: where history ends and the present begins shows in none of them. */

import assert from "node:assert/strict";
import { RelayConsumer, RelayProducer } from "../../src/mod.ts";
import { PlainWriter, readPlain } from "../helpers/plain_client.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { within } from "../helpers/within.ts";

const COUNT = 10_000;
const BATCH = 25;
/** Readers come with every so many messages. */
const APART = 250;
const KEY = "44".repeat(32);

const TOKENS = Array.from({ length: COUNT }, (_, i) => `${i}\n`);
const TEXT = TOKENS.join("");

interface Sender {
  send(tokens: string[]): Promise<void> | void;
  end(): Promise<unknown>;
}

/** Sends all there is, and starts readers on the way. */
async function stream(sender: Sender, join: () => Promise<string>[]): Promise<string[]> {
  const readings: Promise<string>[] = [];
  for (let i = 0; i < COUNT; i += BATCH) {
    if (i % APART === 0) readings.push(...join());
    await sender.send(TOKENS.slice(i, i + BATCH));
    await new Promise((resolve) => setTimeout(resolve)); // lets the readers' connections be made
  }
  await sender.end();
  return await within(Promise.all(readings), "all readers", 60_000);
}

async function plainText(url: string, channel: string): Promise<string> {
  const { texts } = await readPlain(url, channel);
  return texts.map((text) => JSON.parse(text).content ?? "").join("");
}

for (const how of ["resumable", "resumable, encrypted", "plain"]) {
  Deno.test(`readers join a fast stream at every point (${how} producer)`, async () => {
    await using relay = await startRelayProcess();
    const { url } = relay;
    const channel = "job-7";
    const encryptionKey = how.includes("encrypted") ? KEY : undefined;
    const consume = () => new RelayConsumer({ url, channel, encryptionKey }).collect();
    const readers = encryptionKey ? [consume] : [consume, () => plainText(url, channel)];
    const join = () => readers.map((read) => read());
    let texts: string[];
    if (how === "plain") {
      using writer = await PlainWriter.open(url, channel);
      texts = await stream({
        send: (tokens) =>
          tokens.forEach((content) => writer.send(JSON.stringify({ type: "token", content }))),
        end: () => {
          writer.send('{"type":"done","usage":{}}');
          return writer.end();
        },
      }, join);
    } else {
      await using producer = await RelayProducer.connect({ url, channel, encryptionKey });
      texts = await stream({
        send: (tokens) => producer.sendAll(tokens.map((content) => ({ type: "token", content }))),
        end: () => producer.done(),
      }, join);
    }
    assert.equal(texts.length, readers.length * COUNT / APART);
    for (const text of texts) assert.ok(text === TEXT, `${text.length} of ${TEXT.length}`);
  });
}
