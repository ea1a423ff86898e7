/** A relay that attacks an encrypted stream: no wrong byte is printed, and the exit code tells. */

import assert from "node:assert/strict";
import { RelayConsumer } from "../../src/client/consumer.ts";
import { RelayError } from "../../src/errors.ts";
import { assertFoundOut, produceWords, readWords } from "../helpers/attack.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { startTamperingRelay, TAMPERS } from "../helpers/tampering_relay.ts";

for (const [name, tamper] of Object.entries(TAMPERS)) {
  Deno.test(`a relay that ${name} is found out`, async () => {
    await using relay = await startRelayProcess();
    await assertFoundOut(relay, tamper);
  });
}

Deno.test("without an attack the same stream is read whole, and no error hides a bug", async () => {
  await using relay = await startRelayProcess();
  await using evil = await startTamperingRelay({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  await produceWords(relay.url, { channel: "job-7", word: "new" });
  assert.match(await readWords(evil.url, "job-7"), /^new 0\n[^]*new 10\n$/);
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
