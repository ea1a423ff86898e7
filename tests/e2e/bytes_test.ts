/** What goes into `produce` comes out of `consume`, byte for byte. */

import assert from "node:assert/strict";
import { spawnCli } from "../helpers/cli.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import { runShell, spawnShell, temporaryDirectory } from "./shell.ts";

const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/** Variables of the environment for the two ways a stream travels. */
const WAYS: Record<string, Record<string, string>> = {
  plain: {},
  encrypted: { RELAY_ENCRYPTION_KEY: KEY },
};
const encoder = new TextEncoder();

const relay = sharedRelay(["--retain", "60"]);

const INPUTS: Record<string, string> = {
  "nothing": "",
  "lines": "one\n two \n\nfour\n",
  "a last line without its newline": "one\ntwo",
  "one newline": "\n",
  "CRLF, and CR alone": "one\r\ntwo\r\n\r\nthree\rfour\r",
  "NUL bytes": "\0one\0\n\0\0\n",
  "a byte order mark": "\ufeffone\n\ufefftwo\n",
  "characters of one to four bytes": "aé世🌍 👩🏽‍🚀 e\u0301 \u{10ffff}\n",
  "line separators that are no newlines": "one\u2028two\u2029three\u0085four\n",
  "what looks like messages": '{"type":"done"}\n{"type":"auth","secret":"x"}\n"\\u0000\\"\n',
  "control characters": Array.from({ length: 32 }, (_, i) => String.fromCharCode(i)).join(""),
  "a line of 200 kB": `${"0123456789 äöü ".repeat(12_000)}\nend`,
};

for (const [what, input] of Object.entries(INPUTS)) {
  for (
    const [how, env] of Object.entries(WAYS)
  ) {
    Deno.test(`${what}: out comes what went in (${how})`, async () => {
      using directory = temporaryDirectory();
      const script = "streamrelay produce <in && streamrelay consume >out";
      directory.file("in", input);
      const result = await runShell(`cd ${directory.path} && ${script}`, {
        env: { ...env, RELAY_URL: relay.url, CHANNEL_ID: crypto.randomUUID() },
      });
      assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
      assert.deepEqual(Deno.readFileSync(directory.file("out")), encoder.encode(input));
    });
  }
}

/** Bytes that are no UTF-8, and what WHATWG Encoding makes of them: one U+FFFD for each broken-off character. */
const NOT_UTF8: [name: string, number[], string][] = [
  ["bytes that no character has", [0x61, 0xff, 0xfe, 0x62, 0x0a], "a\ufffd\ufffdb\n"],
  ["a character that breaks off in a line", [0xe4, 0xb8, 0x0a, 0x61], "\ufffd\na"],
  ["a character that breaks off at the end", [0x61, 0xf0, 0x9f, 0x8c], "a\ufffd"],
  ["a surrogate", [0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
  ["an overlong form", [0xc0, 0xaf], "\ufffd\ufffd"],
];

for (const [what, bytes, expected] of NOT_UTF8) {
  Deno.test(`${what} becomes U+FFFD, which is said once`, async () => {
    using directory = temporaryDirectory();
    directory.file("in", Uint8Array.from([...bytes, ...bytes]));
    const script = "streamrelay produce <in && streamrelay consume >out";
    const { code, stderr } = await runShell(`cd ${directory.path} && ${script}`, {
      env: { RELAY_URL: relay.url, CHANNEL_ID: crypto.randomUUID() },
    });
    assert.equal(code, 0);
    assert.equal(stderr.match(/U\+FFFD/g)?.length, 1, stderr);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    assert.equal(Deno.readTextFileSync(directory.file("out")), expected.repeat(2));
  });
}

Deno.test("text without a newline is seen word by word, while it is written", async () => {
  const channel = crypto.randomUUID();
  await using consumer = spawnCli(["consume", channel, "--url", relay.url]);
  await using producer = spawnCli(["produce", channel, "--url", relay.url]);
  let seen = "";
  for (const word of ["Hello", " ", "wörld", " again\n", "and", " on"]) {
    await producer.write(word);
    seen += word;
    await consumer.waitForStdout(new RegExp(`^${seen}$`));
  }
  await producer.closeStdin();
  assert.deepEqual(await producer.finished, { code: 0, stdout: "", stderr: "" });
  assert.deepEqual(await consumer.finished, { code: 0, stdout: seen, stderr: "" });
});

Deno.test("a character that is written in two pieces waits for the second one, its neighbours do not", async () => {
  const channel = crypto.randomUUID();
  await using consumer = spawnCli(["consume", channel, "--url", relay.url]);
  await using producer = spawnCli(["produce", channel, "--url", relay.url]);
  const [first, ...rest] = encoder.encode("🌍");
  await producer.write(Uint8Array.of(0x61, first));
  await consumer.waitForStdout(/^a$/);
  for (const byte of rest) await producer.write(Uint8Array.of(byte));
  await consumer.waitForStdout(/^a🌍$/);
  await producer.closeStdin();
  assert.equal((await consumer.finished).stdout, "a🌍");
  assert.deepEqual(await producer.finished, { code: 0, stdout: "", stderr: "" });
});

/** Pseudo-random numbers below `2 ** 32`, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return (t ^ t >>> 14) >>> 0;
  };
}

/** At least `size` bytes of ASCII, umlauts, CJK and emoji, with a newline here and there. */
function randomText(size: number, random: () => number): Uint8Array {
  const ranges = [[0x20, 0x7e], [0x20, 0x7e], [0xa0, 0x24f], [0x4e00, 0x9fff], [0x1f300, 0x1f6ff]];
  const bytes = new Uint8Array(size + 4);
  let used = 0;
  while (used < size) {
    const [from, to] = ranges[random() % ranges.length];
    const point = random() % 64 === 0 ? 0x0a : from + random() % (to - from + 1);
    used += encoder.encodeInto(String.fromCodePoint(point), bytes.subarray(used)).written;
  }
  return bytes.subarray(0, used);
}

for (const [how, env] of Object.entries(WAYS)) {
  Deno.test(`5 MB of any text, cut anywhere, arrive at a live consumer (${how})`, async () => {
    await using roomy = await startRelayProcess(["--max-buffer-bytes", "64MiB"]);
    using directory = temporaryDirectory();
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = randomFrom(seed);
    const input = randomText(5_000_000, random);
    const options = { env: { ...env, RELAY_URL: roomy.url, CHANNEL_ID: "job-7" } };
    await using consumer = spawnShell(`streamrelay consume >${directory.file("out")}`, options);
    await using producer = spawnCli(["produce"], options);
    for (let from = 0, to; from < input.length; from = to) {
      to = Math.min(input.length, from + 1 + random() % 100_003);
      await producer.write(input.subarray(from, to));
    }
    await producer.closeStdin();
    assert.deepEqual(await producer.finished, { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(await consumer.finished, { code: 0, stdout: "", stderr: "" });
    const output = Deno.readFileSync(directory.file("out"));
    assert.ok(equal(output, input), `seed ${seed}`);
  });
}

/** As `deepEqual`, which takes its time to show millions of differences. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
