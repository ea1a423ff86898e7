import assert from "node:assert/strict";
import { viewLink } from "../../src/client/view_link.ts";
import { generateKey, parseKey } from "../../src/crypto/key.ts";
import { readAddress } from "../../src/viewer/address.ts";

Deno.test("what a link says is what the page reads", () => {
  const token = "eyJ.a_b-c.d&e=f+g";
  for (let i = 0; i < 20; i++) {
    const key = generateKey();
    const address = readAddress(
      viewLink("wss://hpc.example.org/relay/", "a.b~c-d_e", { key, token }),
    );
    assert.equal(address.channel, "a.b~c-d_e");
    assert.equal(address.url.href, "wss://hpc.example.org/relay/consume/a.b~c-d_e");
    assert.deepEqual(parseKey(address.key!), parseKey(key));
    assert.equal(address.token, token);
  }
});

Deno.test("a link holds key and token in its fragment only, and nothing of the relay's credentials", () => {
  const url = "wss://me:canary@hpc.example.org/?secret=canary";
  const link = new URL(viewLink(url, "job-7", { key: "00".repeat(32), token: "t" }));
  assert.doesNotMatch(link.href, /canary/);
  assert.equal(link.search, "");
  assert.equal(link.hash, `#key=${"A".repeat(43)}&token=t`);
  assert.equal(viewLink("ws://127.0.0.1:8765", "job-7"), "http://127.0.0.1:8765/view/job-7");
  assert.throws(() => viewLink(url, "a/b"), { code: "bad_channel" });
  assert.throws(() => viewLink(url, "a", { key: "canary" }), (error: Error) => {
    assert.doesNotMatch(error.message, /canary/);
    return true;
  });
});

const ADDRESSES: [href: string, key: string | undefined, token: string | undefined][] = [
  ["http://h/view/c", undefined, undefined],
  ["http://h/view/c#", undefined, undefined],
  ["http://h/view/c#key=&token=", undefined, undefined],
  ["http://h/view/c#key=a+/b=", "a+/b=", undefined],
  ["http://h/view/c#key=a%2B%2Fb%3D", "a+/b=", undefined],
  ["http://h/view/c?token=t#key=k", "k", "t"],
  ["http://h/view/c?token=t#token=u", undefined, "u"],
  ["http://h/view/c?key=k", undefined, undefined], // such a key was sent to the relay: it is none
];

for (const [href, key, token] of ADDRESSES) {
  Deno.test(`the page reads ${href}`, () => {
    const address = readAddress(href);
    assert.deepEqual([address.key, address.token], [key, token]);
    assert.equal(address.url.href, "ws://h/consume/c");
  });
}

for (const href of ["http://h/", "http://h/view/", "http://h/view/a%2Fb", "http://h/view/c/"]) {
  Deno.test(`no channel is read from ${href}`, () => {
    assert.throws(() => readAddress(href), { code: "bad_channel" });
  });
}
