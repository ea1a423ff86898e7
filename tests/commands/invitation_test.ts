import assert from "node:assert/strict";
import { invitation, type InvitationOptions } from "../../commands/invitation.ts";
import { mintToken } from "../../src/relay/token.ts";

const KEY = "11".repeat(32);
const SECRET = "s3cret-of-the-relay";
const LINK = "https://relay.example.org/r/view/job-7";

function said(options: Partial<InvitationOptions> = {}): Promise<string[]> {
  return invitation("job-7", {
    ...{ fresh: false, terminal: false, job: false, quiet: false },
    ...{ url: "wss://relay.example.org/r", ...options },
  });
}

Deno.test("on a terminal a link that opens by itself is one line", async () => {
  assert.deepEqual(await said({ terminal: true }), [`in a browser: ${LINK}`]);
  const [line, ...more] = await said({ terminal: true, encryptionKey: KEY, secret: SECRET });
  assert.match(line, /#key=[\w-]{43}&token=eyJ[\w.-]+$/);
  assert.deepEqual(more, []);
  assert.ok(!line.includes(SECRET));
});

Deno.test("in a job's log it has neither key nor token, and how to get them is said", async () => {
  assert.deepEqual(await said({ job: true }), [`in a browser: ${LINK}`]);
  const asks: [Partial<InvitationOptions>, string][] = [
    [{ encryptionKey: KEY }, "the key"],
    [{ secret: SECRET }, "a token"],
    [{ encryptionKey: KEY, secret: SECRET }, "the key and a token"],
  ];
  for (const [options, what] of asks) {
    assert.deepEqual(await said({ job: true, ...options }), [
      `in a browser: ${LINK} (asks for ${what}; streamrelay consume job-7 --web prints a link that has them)`,
    ]);
  }
});

Deno.test("a script that names its channel is told nothing, and nobody is who wants no link", async () => {
  assert.deepEqual(await said(), []);
  assert.deepEqual(await said({ terminal: true, quiet: true }), []);
  assert.deepEqual(await said({ job: true, quiet: true }), []);
});

Deno.test("of a channel that was made up the command to read it is said first, always", async () => {
  const command = "streamrelay consume job-7 --url wss://relay.example.org/r";
  assert.deepEqual(await said({ fresh: true, quiet: true }), [command]);
  assert.deepEqual(await said({ fresh: true }), [command, `or in a browser: ${LINK}`]);
});

Deno.test("a token that may produce is in no link", async () => {
  const common = { channel: "job-7", ttlMs: 60_000 };
  const consume = await mintToken(SECRET, { ...common, roles: ["consume"] });
  assert.deepEqual(await said({ terminal: true, secret: consume }), [
    `in a browser: ${LINK}#token=${consume}`,
  ]);
  for (const roles of [["produce"], ["produce", "consume"]] as const) {
    const secret = await mintToken(SECRET, { ...common, roles });
    assert.deepEqual(await said({ terminal: true, secret }), [`in a browser: ${LINK}`]);
  }
  assert.deepEqual(await said({ terminal: true, secret: "my.secret.withdots" }), [
    `in a browser: ${LINK}`,
  ]);
});

Deno.test("a channel or a key that cannot be used has no link", async () => {
  await assert.rejects(said({ job: true, url: "ftp://x" }), { code: "usage" });
  await assert.rejects(said({ terminal: true, encryptionKey: "short" }), { code: "usage" });
});
