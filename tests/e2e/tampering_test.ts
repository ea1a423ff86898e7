/** A relay that attacks an encrypted stream: no wrong byte is printed, and the exit code tells. */

import assert from "node:assert/strict";
import { RelayConsumer } from "../../src/client/consumer.ts";
import { RelayProducer } from "../../src/client/producer.ts";
import { RelayError } from "../../src/errors.ts";
import { runCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { startTamperingRelay, TAMPERS } from "../helpers/tampering_relay.ts";

const KEY = "11".repeat(32);
/** The message that is attacked; the stream has eleven tokens and a `done`. */
const K = 5;

/** Sends a run of its own words to `channel`. */
async function produce(url: string, { channel, word }: { channel: string; word: string }) {
  await using producer = await RelayProducer.connect({ url, channel, encryptionKey: KEY });
  for (let i = 0; i <= 10; i++) await producer.sendToken(`${word} ${i}\n`);
  await producer.done();
}

const read = (url: string, channel: string) =>
  new RelayConsumer({ url, channel, encryptionKey: KEY }).collect();

for (const [name, tamper] of Object.entries(TAMPERS)) {
  Deno.test(`a relay that ${name} is found out`, async () => {
    await using relay = await startRelayProcess();
    await using evil = await startTamperingRelay({
      target: { hostname: "127.0.0.1", port: relay.port },
    });
    // what it can take its material from: an older run of the channel, and another channel
    await produce(relay.url, { channel: "job-7", word: "old" });
    await read(evil.url, "job-7");
    await produce(relay.url, { channel: "job-8", word: "other" });
    await read(evil.url, "job-8");
    await produce(relay.url, { channel: "job-7", word: "new" });
    evil.tamper = tamper(K);
    const { code, stdout } = await runCli(["consume", "job-7", "--give-up", "0"], {
      env: { RELAY_URL: evil.url, RELAY_ENCRYPTION_KEY: KEY },
    });
    assert.ok(evil.altered > 0, "the attack was not made");
    assert.ok([5, 6].includes(code), `exit code ${code}, ${stdout}`);
    const whole = Array.from({ length: 11 }, (_, i) => `new ${i}\n`).join("");
    assert.ok(whole.startsWith(stdout), `a wrong byte: ${stdout}`);
  });
}

Deno.test("without an attack the same stream is read whole, and no error hides a bug", async () => {
  await using relay = await startRelayProcess();
  await using evil = await startTamperingRelay({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  await produce(relay.url, { channel: "job-7", word: "new" });
  assert.match(await read(evil.url, "job-7"), /^new 0\n[^]*new 10\n$/);
  const wrong = new RelayConsumer({
    url: evil.url,
    channel: "job-7",
    encryptionKey: "22".repeat(32),
  });
  await assert.rejects(
    wrong.collect(),
    (error: unknown) => error instanceof RelayError && error.code === "integrity",
  );
});
