import assert from "node:assert/strict";
import fc from "fast-check";
import { Access } from "../../src/relay/access.ts";

Deno.test("the secret and nothing else is let in", () => {
  const access = new Access(["s3cret"]);
  assert.equal(access.required, true);
  assert.equal(access.allows("s3cret"), true);
  const others = ["", "s", "s3cre", "s3crett", "S3CRET", " s3cret", "s3cret\n", "s3cret\0", "x"];
  for (const guess of others) assert.equal(access.allows(guess), false, JSON.stringify(guess));
});

Deno.test("any text may be the secret and any other is refused", () => {
  // not lone surrogates: they have no UTF-8, and no credential arrives with one
  const text = fc.string({ unit: "binary" });
  fc.assert(fc.property(text.filter((secret) => secret !== ""), text, (secret, guess) => {
    const access = new Access([secret]);
    assert.equal(access.allows(secret), true);
    assert.equal(access.allows(guess), guess === secret);
    assert.equal(access.allows(secret + guess), guess === "");
  }));
});

Deno.test("without a secret, or with an empty one, everyone is let in", () => {
  for (const access of [new Access([]), new Access([""])]) {
    assert.equal(access.required, false);
    for (const credential of ["", "anything"]) assert.equal(access.allows(credential), true);
  }
});

Deno.test("the secret cannot be read off its check", () => {
  const shown = Deno.inspect(new Access(["s3cret"]), { showHidden: true, depth: 9 });
  assert.doesNotMatch(shown + JSON.stringify(new Access(["s3cret"])), /s3cret|digest/);
});
