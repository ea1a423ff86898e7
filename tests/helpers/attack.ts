/**
 * An encrypted stream that the relay between its ends attacks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { RelayConsumer } from "../../src/client/consumer.ts";
import { RelayProducer } from "../../src/client/producer.ts";
import { runCli } from "./cli.ts";
import { startTamperingRelay, type Tamper } from "./tampering_relay.ts";

/** The key of both ends. */
export const KEY = "11".repeat(32);
/** The message that is attacked, of eleven tokens and a `done`. */
const K = 5;

/** A real relay: one of ours, or an old one. */
export interface AttackedRelay {
  readonly url: string;
  readonly port: number;
}

/** Sends a run of eleven lines to `channel`: `word 0` to `word 10`. */
export async function produceWords(
  url: string,
  { channel, word }: { channel: string; word: string },
): Promise<void> {
  await using producer = await RelayProducer.connect({ url, channel, encryptionKey: KEY });
  for (let i = 0; i <= 10; i++) await producer.sendToken(`${word} ${i}\n`);
  await producer.done();
}

/** Reads a run whole. */
export function readWords(url: string, channel: string): Promise<string> {
  return new RelayConsumer({ url, channel, encryptionKey: KEY }).collect();
}

/**
 * Has `tamper`, told which message to attack, at a stream of `relay`, and checks that `consume` prints no wrong byte and
 * says with its exit code that not all is well.
 */
export async function assertFoundOut(
  relay: AttackedRelay,
  tamper: (k: number) => Tamper,
): Promise<void> {
  await using evil = await startTamperingRelay({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  // what it can take its material from: an older run of the channel, and another channel
  await produceWords(relay.url, { channel: "job-7", word: "old" });
  await readWords(evil.url, "job-7");
  await produceWords(relay.url, { channel: "job-8", word: "other" });
  await readWords(evil.url, "job-8");
  await produceWords(relay.url, { channel: "job-7", word: "new" });
  const whole = await readWords(relay.url, "job-7");
  assert.match(whole, /^new 0\n[^]*new 10\n$/, "without an attack it is read");
  evil.tamper = tamper(K);
  const { code, stdout } = await runCli(["consume", "job-7", "--give-up", "0"], {
    env: { RELAY_URL: evil.url, RELAY_ENCRYPTION_KEY: KEY },
  });
  assert.ok(evil.altered > 0, "the attack was not made");
  assert.ok([5, 6].includes(code), `exit code ${code}, ${stdout}`);
  assert.ok(whole.startsWith(stdout), `a wrong byte: ${stdout}`);
}
