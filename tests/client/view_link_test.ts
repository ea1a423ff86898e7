import assert from "node:assert/strict";
import { viewLink } from "../../src/client/view_link.ts";

const KEY = "fb".repeat(32);

Deno.test("key and token are in the fragment, which browsers send to nobody", () => {
  const url = new URL(viewLink("ws://localhost:8765", "job-7", { key: KEY, token: "e.y.J" }));
  assert.deepEqual([url.protocol, url.pathname, url.search], ["http:", "/view/job-7", ""]);
  const fragment = new URLSearchParams(url.hash.slice(1));
  assert.equal(fragment.get("token"), "e.y.J");
  const bytes = Uint8Array.fromBase64(fragment.get("key")!, { alphabet: "base64url" });
  assert.equal(bytes.toHex(), KEY);
});

Deno.test("a link without access has no fragment", () => {
  assert.equal(viewLink("wss://relay.example.org", "a"), "https://relay.example.org/view/a");
});

Deno.test("a path in front is kept; user, password and query are not", () => {
  const link = viewLink("wss://me:pw@relay.example.org/relay/?secret=s3cret", "a");
  assert.equal(link, "https://relay.example.org/relay/view/a");
});

Deno.test("what is no channel, key or relay makes no link", () => {
  assert.throws(() => viewLink("ws://localhost", "a/b"), { code: "bad_channel" });
  assert.throws(() => viewLink("ws://localhost", "a", { key: "short" }), { code: "usage" });
  assert.throws(() => viewLink("ftp://localhost", "a"), { code: "usage" });
});
