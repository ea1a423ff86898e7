/** `streamrelay demo`: what the README shows first. */

import assert from "node:assert/strict";
import { DEMO_TEXT } from "../../commands/demo_text.ts";
import { runCli, spawnCli } from "../helpers/cli.ts";

Deno.test("the demo prints its text word for word, then the time to first token, and ends by itself", async () => {
  const { code, stdout, stderr } = await runCli(["demo", "--rate", "1000"]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, DEMO_TEXT);
  assert.match(stderr, /^relay on ws:\/\/127\.0\.0\.1:\d+; AES-256-GCM/);
  assert.match(stderr, /^time to first token \d\.\d{3} s, \d+ tokens, \d+\.\d tokens\/s$/m);
});

Deno.test("two demos at a time do not get into each other's way", async () => {
  const demos = await Promise.all([1, 2].map(() => runCli(["demo", "--rate", "1000"])));
  for (const { code, stdout } of demos) assert.deepEqual([code, stdout], [0, DEMO_TEXT]);
});

Deno.test("a demo that is interrupted while its ends connect says nothing of it", async () => {
  for (let round = 0; round < 6; round++) { // it is a moment, which some of them meet
    await using demo = spawnCli(["demo"]);
    const [, address] = await demo.waitForStderr(/^relay on ws:\/\/(\S+);.*\n/);
    await (await fetch(`http://${address}/health`)).body?.cancel(); // answered when they do connect
    demo.kill("SIGINT");
    const { code, stderr } = await demo.finished;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /^relay on .*\n\n$/);
  }
});
