/** Producers that are told to stop, and misused, at moments that do not suit. */

import assert from "node:assert/strict";
import { RelayProducer, startRelay } from "../../src/mod.ts";

Deno.test("connecting ends when it is aborted, however early", async () => {
  await using relay = await startRelay({ port: 0 });
  const abort = new AbortController();
  const connecting = RelayProducer.connect({ url: relay.url, signal: abort.signal });
  abort.abort(new Error("not wanted"));
  await assert.rejects(connecting, { message: "not wanted" });
});
