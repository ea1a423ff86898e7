import assert from "node:assert/strict";
import fc from "fast-check";
import { isChannelId, newChannelId } from "../../src/protocol/channel_id.ts";
import { parseChannelPath } from "../../src/protocol/channel_path.ts";

const UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";

const channelId = fc.string({
  unit: fc.constantFrom(...UNRESERVED),
  minLength: 1,
  maxLength: 128,
}).filter((id) => id !== "." && id !== "..");

Deno.test("a path is read back as the role and channel it was made of", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("produce", "consume"),
      channelId,
      fc.constantFrom("", "/"),
      (role, channel, slash) => {
        assert.deepEqual(parseChannelPath(`/${role}/${channel}${slash}`), { role, channel });
      },
    ),
  );
});

Deno.test("a channel id stands in a URL as it is", () => {
  fc.assert(fc.property(channelId, (id) => {
    assert.equal(new URL(`ws://relay/consume/${id}`).pathname, `/consume/${id}`);
  }));
});

Deno.test("a channel id has 1 to 128 characters", () => {
  for (const length of [1, 2, 127, 128]) assert.equal(isChannelId("a".repeat(length)), true);
  for (const length of [0, 129, 10_000]) assert.equal(isChannelId("a".repeat(length)), false);
});

Deno.test("every unreserved character and no other may be in a channel id", () => {
  for (let code = 0; code < 0x300; code++) {
    const character = String.fromCharCode(code);
    assert.equal(isChannelId(`x${character}`), UNRESERVED.includes(character), `U+${code}`);
  }
});

Deno.test("ids that mean another path to a URL are refused", () => {
  for (const id of [".", ".."]) {
    assert.equal(isChannelId(id), false);
    assert.throws(() => parseChannelPath(`/consume/${id}`), { code: "bad_channel" });
  }
  for (const id of ["...", ".a", "a..", "~"]) assert.equal(isChannelId(id), true);
});

Deno.test("a path that is none of the two is refused as a path", () => {
  const paths = [
    "",
    "/",
    "/produce",
    "/produce/",
    "/consume//",
    "/consume/a/b",
    "/consume/a//",
    "//consume/a",
    "consume/a",
    "/Consume/a",
    "/PRODUCE/a",
    "/producer/a",
    "/xproduce/a",
    "/health",
    "/\n/consume/a",
    "x\n/consume/a",
  ];
  for (const path of paths) {
    assert.throws(() => parseChannelPath(path), { name: "RelayError", code: "bad_path" }, path);
  }
});

Deno.test("a channel that is no id is refused as a channel", () => {
  const ids = ["a b", "a%20b", "%2e%2e", "ä", "a\n", "\n", "a?b", "a#b", "a:b", "a".repeat(129)];
  for (const id of ids) {
    for (const path of [`/produce/${id}`, `/consume/${id}/`]) {
      const refusal = { name: "RelayError", code: "bad_channel" };
      assert.throws(() => parseChannelPath(path), refusal, JSON.stringify(path));
    }
  }
});

Deno.test("a new channel id is a UUIDv4 and never the same", () => {
  const ids = Array.from({ length: 100 }, newChannelId);
  for (const id of ids) {
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(isChannelId(id), true);
  }
  assert.equal(new Set(ids).size, ids.length);
});
