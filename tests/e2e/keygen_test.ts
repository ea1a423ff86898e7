/** `streamrelay keygen` */

import assert from "node:assert/strict";
import { runCli } from "../helpers/cli.ts";
import { temporaryDirectory } from "./shell.ts";

/** What `keygen` prints with some options, the key being the first group. */
const FORMS: Record<string, [string[], RegExp, (key: string) => Uint8Array]> = {
  "base64": [[], /^([A-Za-z0-9+/]{43}=)\n$/, Uint8Array.fromBase64],
  "hex": [["--hex"], /^([0-9a-f]{64})\n$/, Uint8Array.fromHex],
  "a variable": [
    ["--env"],
    /^RELAY_ENCRYPTION_KEY=([A-Za-z0-9+/]{43}=)\n$/,
    Uint8Array.fromBase64,
  ],
  "a variable in hex": [
    ["--env", "--hex"],
    /^RELAY_ENCRYPTION_KEY=([0-9a-f]{64})\n$/,
    Uint8Array.fromHex,
  ],
};

for (const [what, [args, pattern, parse]] of Object.entries(FORMS)) {
  Deno.test(`keygen ${args.join(" ")} prints a fresh key of 32 bytes as ${what}`, async () => {
    const keys = await Promise.all([1, 2].map(async () => {
      const { code, stdout, stderr } = await runCli(["keygen", ...args]);
      assert.deepEqual([code, stderr], [0, ""]);
      return pattern.exec(stdout)?.[1] ?? assert.fail(stdout);
    }));
    for (const key of keys) assert.equal(parse(key).length, 32);
    assert.notEqual(keys[0], keys[1]);
  });

  Deno.test(`keygen ${args.join(" ")} --out writes ${what} to a new file that only its owner reads`, async () => {
    using directory = temporaryDirectory();
    const path = directory.file("key");
    const { code, stdout, stderr } = await runCli(["keygen", ...args, "--out", path]);
    assert.deepEqual({ code, stdout, stderr }, {
      code: 0,
      stdout: "",
      stderr: `key written to ${path}\n`,
    });
    const { mode } = Deno.statSync(path);
    assert.equal(mode! & 0o777, 0o600);
    assert.match(Deno.readTextFileSync(path), pattern);
  });
}

Deno.test("keygen --out does not overwrite a file", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("key", "precious");
  const { code, stdout, stderr } = await runCli(["keygen", "--out", path]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.equal(stderr, `streamrelay: Cannot write ${path}: it exists already\n`);
  assert.equal(Deno.readTextFileSync(path), "precious");
});

Deno.test("keygen --out does not write through a symbolic link", async () => {
  using directory = temporaryDirectory();
  const target = directory.file("target");
  Deno.symlinkSync(target, directory.file("key"));
  const { code } = await runCli(["keygen", "--out", directory.file("key")]);
  assert.equal(code, 2);
  assert.throws(() => Deno.statSync(target), Deno.errors.NotFound);
});

Deno.test("keygen --out into a directory that is not there is wrong usage", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("missing/key");
  const { code, stderr } = await runCli(["keygen", "--out", path]);
  assert.deepEqual([code, stderr], [2, `streamrelay: Cannot write ${path}: no such file\n`]);
});
