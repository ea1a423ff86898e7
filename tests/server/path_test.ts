/** Paths and channel ids that a relay refuses. */

import assert from "node:assert/strict";
import { ERRORS } from "../../src/errors.ts";
import { RawSocket } from "../helpers/raw_socket.ts";
import { activeChannels } from "../helpers/relay_state.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";

const relay = sharedRelay();

const BAD_PATHS = [
  "/",
  "/nope",
  "/produce",
  "/produce/",
  "/consume//",
  "/produce/a/b",
  "/Produce/job-7",
  "//produce/job-7/x",
  "//[",
  "http://[/produce/job-7",
  "/produce/..",
  "/produce/%2e%2e",
  "/consume/.",
];

const BAD_CHANNELS = [
  "/produce/%20",
  "/consume/job%2D7",
  "/consume/a%00b",
  "/produce/a%2fb",
  "/produce/..%5c",
  "/produce/a%2e%2e",
  "/consume/job+7",
  "/consume/job:7",
  "/consume/%C3%A9",
  "/consume/%zz",
  `/produce/${"x".repeat(129)}`,
];

for (const path of BAD_PATHS) {
  Deno.test(`${path} is closed 4000 as a path that is none`, async () => {
    await using socket = await RawSocket.webSocket(relay.port, path);
    assert.deepEqual(await socket.closed(), { code: 4000, reason: ERRORS.bad_path.text });
    await relay.nothingLeaks();
  });
}

for (const path of BAD_CHANNELS) {
  Deno.test(`${path.slice(0, 40)} is closed 4000 as a bad channel id`, async () => {
    await using socket = await RawSocket.webSocket(relay.port, path);
    assert.deepEqual(await socket.closed(), { code: 4000, reason: ERRORS.bad_channel.text });
    await relay.nothingLeaks();
  });
}

for (const path of ["/consume/job-7/", "/consume/job-7?x=1", `/consume/${"x".repeat(128)}`]) {
  Deno.test(`${path.slice(0, 40)} is a channel`, async () => {
    {
      await using _consumer = await RawSocket.webSocket(relay.port, path);
      assert.equal(await activeChannels(relay.port), 1);
    }
    await relay.nothingLeaks();
  });
}
