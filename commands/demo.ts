/**
 * `streamrelay demo`
 *
 * @module
 */

import { Command } from "@commander-js/extra-typings";
import { pause } from "../src/client/backoff.ts";
import { isToken, type Message } from "../src/protocol/message.ts";
import { DEMO_TEXT } from "./demo_text.ts";
import { ExitCode } from "./exit.ts";
import { Interrupt } from "./interrupt.ts";
import { setUpLogging } from "./logging.ts";
import { Output } from "./output.ts";
import { StreamStats } from "./stream_stats.ts";
import { clearStatus, say } from "./terminal.ts";
import { count } from "./values.ts";

/** What a made-up model takes before its first token, ms. */
const PREFILL_MS = 400;

/** Shows a relay, a producer and a consumer at work. */
export function demoCommand() {
  return new Command("demo")
    .description("watch a text stream through a relay on this machine, encrypted from end to end")
    .option("--rate <n>", "words per second", count(1), 30)
    .addHelpText(
      "after",
      `
Examples:
  streamrelay demo
  streamrelay demo --rate 5                            at the pace of a large model on a small machine`,
    )
    .action(async ({ rate }) => {
      await setUpLogging("warning", "text");
      using interrupt = new Interrupt();
      try {
        await run(rate, interrupt.signal);
      } catch (error) {
        if (interrupt.received !== undefined) throw new ExitCode(interrupt.received.exitCode);
        throw error;
      } finally {
        clearStatus();
      }
    });
}

async function run(rate: number, signal: AbortSignal): Promise<void> {
  const { generateKey, newChannelId, RelayConsumer, RelayProducer, startRelay } = await import(
    "../src/mod.ts"
  );
  await using relay = await startRelay({ port: 0, signal });
  const shared = {
    url: relay.url,
    channel: newChannelId(),
    encryptionKey: generateKey(),
    signal,
  };
  say(`relay on ${relay.url}; AES-256-GCM from producer to consumer, the relay has no key\n`);
  const stats = new StreamStats();
  const produce = async () => {
    await using producer = await RelayProducer.connect(shared);
    await words(rate, signal).pipeTo(producer.writable, { signal });
  };
  await Promise.all([consume(new RelayConsumer(shared), stats), produce()]);
  const batch = (PREFILL_MS + 1000 * wordsOf(DEMO_TEXT).length / rate) / 1000;
  say(
    `\n${stats.summary()}\nas a batch job you would have seen the first word after ${
      batch.toFixed(1)
    } s`,
  );
}

async function consume(
  consumer: { messages(): AsyncIterable<Message> },
  stats: StreamStats,
): Promise<void> {
  const output = new Output();
  for await (const message of consumer.messages()) {
    stats.count(isToken(message) ? 1 : 0);
    if (message.type === "token") await output.write(String(message.content));
  }
  await output.flush();
}

/** The text word by word, at the pace of a model. */
function words(rate: number, signal: AbortSignal): ReadableStream<string> {
  const queue = wordsOf(DEMO_TEXT);
  const startedAt = performance.now() + PREFILL_MS;
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      const due = startedAt + 1000 * sent++ / rate - performance.now();
      if (due > 0) await pause(due, signal);
      const word = queue.shift();
      if (word === undefined) controller.close();
      else controller.enqueue(word);
    },
  });
}

/** Words, each with the space after it. */
function wordsOf(text: string): string[] {
  return text.match(/\S+\s*/g) ?? [];
}
