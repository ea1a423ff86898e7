import assert from "node:assert/strict";
import { parseClientControl } from "../../src/protocol/client_control.ts";
import { checkedMeta, MAX_META_BYTES } from "../../src/protocol/meta.ts";

const HELLO = { type: "hello", role: "produce", epoch: "run-1", first: 0, next: 0 };

/** What a hello with this meta is read as. */
function hello(meta: unknown) {
  return parseClientControl(JSON.stringify({ ...HELLO, meta }));
}

Deno.test("a hello may tell what its producer is", () => {
  const meta = { job: "4711_3", "slurm.partition": "gpu", name: "wärmen 🙂" };
  assert.deepEqual((hello(meta) as { meta?: unknown }).meta, meta);
});

Deno.test("a hello need not tell anything", () => {
  assert.ok(!("meta" in hello(undefined)));
  assert.deepEqual((hello({}) as { meta?: unknown }).meta, {});
});

const BAD: [what: string, meta: unknown, reason: RegExp][] = [
  ["null", null, /no object/],
  ["an array", ["4711"], /no object/],
  ["a text", "4711", /no object/],
  ["a number as value", { job: 4711 }, /no text/],
  ["an object as value", { job: { id: "1" } }, /no text/],
  ["an empty name", { "": "1" }, /name/],
  ["a name with a space", { "job id": "1" }, /name/],
  ["a name that is too long", { ["a".repeat(65)]: "1" }, /name/],
  ["a line feed", { job: "1\n2026 forged line" }, /control characters/],
  ["an escape", { job: "\x1b[2J" }, /control characters/],
  ["a change of direction", { job: "a\u202eb" }, /control characters/],
  ["half a surrogate", { job: "\ud800" }, /control characters/],
  ["more than 1 KiB", { job: "x".repeat(MAX_META_BYTES) }, /larger than 1024 bytes/],
  ["more than 1 KiB in UTF-8", { job: "ü".repeat(MAX_META_BYTES / 2) }, /larger/],
];

for (const [what, meta, reason] of BAD) {
  Deno.test(`meta with ${what} is refused, with the reason and nothing of it`, () => {
    assert.throws(() => hello(meta), (error: { code: string; peerText: string }) => {
      assert.equal(error.code, "protocol");
      assert.match(error.peerText, reason);
      assert.doesNotMatch(error.peerText, /4711|forged|xxx/);
      return true;
    });
  });
}

Deno.test("meta of exactly 1 KiB is taken", () => {
  const meta = { job: "x".repeat(MAX_META_BYTES - '{"job":""}'.length) };
  assert.deepEqual(checkedMeta(meta), meta);
});

Deno.test("a name that objects have anyway is a name", () => {
  const meta = checkedMeta(JSON.parse('{"__proto__":"1","constructor":"2"}'));
  assert.deepEqual(Object.entries(meta), [["__proto__", "1"], ["constructor", "2"]]);
});
