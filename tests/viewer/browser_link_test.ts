/** A page's way from the relay, without a browser: Deno has the same WebSocket. The relay is in the test's hand. */

import assert from "node:assert/strict";
import type { StreamEvent } from "../../src/client/stream_event.ts";
import { BrowserLink } from "../../src/viewer/browser_link.ts";
import { within } from "../helpers/within.ts";

/** A relay that answers the hello of connection `n`, from 0 on, with what `script(n)` has: a text for each message. */
function startScriptedRelay(script: (connection: number) => object[]) {
  let connections = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "streamrelay.v2" });
    const answer = script(connections++);
    socket.onmessage = () => answer.forEach((control) => socket.send(JSON.stringify(control)));
    return response;
  });
  return {
    url: new URL(`ws://127.0.0.1:${server.addr.port}/consume/job-7`),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Reads until there is an event of that kind. */
async function until<K extends StreamEvent["kind"]>(link: BrowserLink, kind: K) {
  for await (const event of link.events()) {
    if (event.kind === kind) return event as StreamEvent & { kind: K };
  }
  assert.fail(`there was no ${kind}`);
}

const WELCOME = { type: "welcome", state: "live" };
const BEGIN = { type: "begin", epoch: "run-1", from: 0, next: 7 };

for (const status of ["lost", "expired"] as const) {
  Deno.test(`a run that is ${status} ends as such, also where the relay never had all of it`, async () => {
    const end = { type: "end", next: 3, status };
    await using relay = startScriptedRelay(() => [WELCOME, BEGIN, end]);
    const { signal } = new AbortController();
    const link = new BrowserLink({ channel: "job-7", url: relay.url, signal });
    assert.equal((await within(until(link, "end"), "the end")).status, status);
  });
}

Deno.test("a run that is done elsewhere than it was read to is not believed", async () => {
  const end = { type: "end", next: 3, status: "done" };
  await using relay = startScriptedRelay(() => [WELCOME, BEGIN, end]);
  const { signal } = new AbortController();
  const link = new BrowserLink({ channel: "job-7", url: relay.url, signal });
  await assert.rejects(within(until(link, "end"), "the end"), {
    code: "incomplete",
    message: /at message 3, not 0/,
  });
});

Deno.test("a relay that does not answer the hello is left, and tried again", async () => {
  await using relay = startScriptedRelay((connection) => connection === 0 ? [] : [WELCOME]);
  const { signal } = new AbortController();
  const link = new BrowserLink({
    channel: "job-7",
    url: relay.url,
    welcomeTimeoutMs: 100,
    signal,
  });
  const { state } = await within(until(link, "producer"), "the second welcome");
  assert.equal(state, "live");
});
