/** Producers that end, or are let go, at moments that do not suit. */

import assert from "node:assert/strict";
import { Connection } from "../../src/client/connection.ts";
import { Outbox } from "../../src/client/outbox.ts";
import { ResumableSession } from "../../src/client/resumable_session.ts";
import { RelayProducer, startRelay } from "../../src/mod.ts";
import { newHolder } from "../../src/protocol/holder.ts";
import { newEpoch } from "../../src/protocol/position.ts";
import { within } from "../helpers/within.ts";

/** A relay that is reached and greeted, and never answers. */
function startSilentRelay() {
  const greeted = Promise.withResolvers<void>();
  const left = Promise.withResolvers<number>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "streamrelay.v2" });
    socket.onmessage = () => greeted.resolve();
    socket.onclose = ({ code }) => left.resolve(code);
    return response;
  });
  return {
    url: `ws://127.0.0.1:${server.addr.port}`,
    /** Resolves when a client has said hello. */
    greeted: greeted.promise,
    /** Resolves with the close code when a client has left. */
    left: left.promise,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("a producer that is abandoned before it is welcome is gone", async () => {
  await using relay = startSilentRelay();
  const producer = await RelayProducer.start({ url: relay.url });
  await within(relay.greeted, "the hello");
  producer.abandon();
  await within(relay.left, "the producer to leave", 5_000);
});

Deno.test("a producer that leaves before it is welcome says goodbye", async () => {
  await using relay = startSilentRelay();
  const producer = await RelayProducer.start({ url: relay.url });
  await within(relay.greeted, "the hello");
  await producer[Symbol.asyncDispose]();
  assert.equal(await within(relay.left, "the goodbye", 5_000), 1000);
});

Deno.test("what goes wrong in the sending is the failure of the session, and not silence", async () => {
  await using relay = await startRelay({ port: 0 });
  const url = new URL("/produce/job-7", relay.url);
  const connection = await Connection.open(url, { resumable: true });
  const outbox = new Outbox(1024);
  outbox.buffer.frameAt = () => {
    throw new TypeError("a bug");
  };
  const session = new ResumableSession(connection, outbox, {
    epoch: newEpoch(),
    holder: newHolder(),
    resumed: false,
    onWelcome: () => {
      outbox.buffer.push(['{"type":"done"}']);
      session.pump();
    },
    onProgress: () => {},
    onCancel: () => {},
  });
  await assert.rejects(within(session.run(), "the failure"), { message: "a bug" });
});
