/** Ten seconds of `deno task chaos`. */

import assert from "node:assert/strict";
import { within } from "../helpers/within.ts";

const CHAOS = new URL("../chaos.ts", import.meta.url).pathname;

Deno.test("relays that are killed and connections that are cut lose, double and reorder nothing", async () => {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CHAOS, "--seconds", "10"],
    stdin: "null",
  });
  const { code, stdout, stderr } = await within(command.output(), "the end of chaos", 120_000);
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0, text + new TextDecoder().decode(stderr));
  assert.match(text, /^50 channels, 150 readings of \d+ messages, [1-9]\d* relays killed/);
  assert.match(text, /\n0 lost, 0 doubled, 0 reordered, 0 failed\n$/);
});
