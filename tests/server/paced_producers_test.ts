/** Producers above the rate: read no faster, and nothing of theirs lost. How much they may send by when is `rate_test.ts`. */

import assert from "node:assert/strict";
import { startRelay } from "../../src/mod.ts";
import { clientFrame, concat } from "../helpers/client_frames.ts";
import { exchange, RawSocket, request } from "../helpers/raw_socket.ts";
import { dataFrame, ResumableClient } from "../helpers/resumable_client.ts";

const TOKEN = '{"type":"token","content":"Hi"}';
const DONE = '{"type":"done","usage":{}}';

/** A producer that was let in, whatever it speaks. */
interface Producer extends AsyncDisposable {
  /** Sends messages, one of the resumable protocol 5 in a frame. */
  send(messages: readonly string[]): Promise<void>;
  /** Ends the stream after so many messages. */
  end(count: number): Promise<void>;
}

const PRODUCERS: Record<string, (port: number, id: string) => Promise<Producer>> = {
  async plain(port, id) {
    const socket = await RawSocket.webSocket(port, `/produce/${id}`);
    return {
      send: (messages) => socket.write(concat(...messages.map((text) => clientFrame(text)))),
      end: () => socket.send(DONE),
      [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
    };
  },
  async resumable(port, id) {
    const client = await ResumableClient.produce(port, id, { epoch: "run-1" });
    await client.expect("welcome");
    const frames = (messages: readonly string[]) =>
      Array.from(
        { length: Math.ceil(messages.length / 5) },
        (_, n) => dataFrame(n * 5, messages.slice(n * 5, n * 5 + 5)),
      );
    return {
      send: (messages) => client.write(...frames(messages)),
      end: (next) => client.send({ type: "end", next, status: "done" }),
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  },
};

function numbered(count: number, padding = 0): string[] {
  const pad = "x".repeat(padding);
  return Array.from({ length: count }, (_, n) => `{"type":"token","content":"${n}${pad}"}`);
}

/** Messages of a channel that the relay has taken. */
async function taken(port: number, id: string): Promise<number> {
  const { body } = await exchange(port, request(`GET /channels/${id}`, { Host: "localhost" }));
  return Number(JSON.parse(body).position.split(":")[1]);
}

/** What takes a minute and more at each rate. */
const TOO_MUCH = {
  "--max-message-rate": { limits: { maxMessageRate: 10 }, messages: numbered(1_000) },
  "--max-byte-rate": { limits: { maxByteRate: 4_096 }, messages: numbered(300, 1_000) },
};

for (const [version, connect] of Object.entries(PRODUCERS)) {
  for (const [flag, { limits, messages }] of Object.entries(TOO_MUCH)) {
    Deno.test(`a ${version} producer above ${flag} is overtaken by one that comes later and sends little`, async () => {
      await using relay = await startRelay({ port: 0, ...limits });
      await using slowReader = await RawSocket.webSocket(relay.port, "/consume/slow");
      await using reader = await RawSocket.webSocket(relay.port, "/consume/other");
      const slow = await connect(relay.port, "slow");
      const writing = slow.send(messages).catch(() => {}); // the relay does not read it all
      assert.equal(await slowReader.message(), messages[0]);
      await using other = await connect(relay.port, "other");
      await other.send([TOKEN]);
      await other.end(1);
      assert.equal((await reader.messages()).texts[0], TOKEN);
      const count = await taken(relay.port, "slow");
      assert.ok(count > 0 && count < messages.length, `${count} of ${messages.length}`);
      await slow[Symbol.asyncDispose]();
      await writing;
    });
  }

  Deno.test(`of a ${version} producer above a rate nothing is lost`, async () => {
    const messages = numbered(600);
    for (const limits of [{ maxMessageRate: 500 }, { maxByteRate: 16 * 1024 }]) {
      await using relay = await startRelay({ port: 0, ...limits });
      await using reader = await RawSocket.webSocket(relay.port, "/consume/job-7");
      await using producer = await connect(relay.port, "job-7");
      await producer.send(messages);
      await producer.end(messages.length);
      const { texts } = await reader.messages();
      assert.deepEqual(texts.slice(0, messages.length), messages);
    }
  });
}
