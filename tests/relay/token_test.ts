import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Access } from "../../src/relay/access.ts";
import { mintToken, type TokenOptions } from "../../src/relay/token.ts";
import type { TokenRole } from "../../src/relay/token_claims.ts";
import { ERRORS } from "../../src/errors.ts";

const SECRET = "a secret of more than thirty-two bytes";
const OTHER = "another secret of more than thirty-two bytes";
const HOUR = 3_600_000;
const CONSUME = { role: "consume", channel: "job-7" } as const;

function mint(options: Partial<TokenOptions> = {}, secret = SECRET): Promise<string> {
  return mintToken(secret, { channel: "job-7", roles: ["consume"], ttlMs: HOUR, ...options });
}

/** A token as no library would make it; `sign` says with which hash, if any. */
function forge(header: unknown, claims: unknown, sign: string | null = "sha256"): string {
  const encode = (part: unknown) => {
    const bytes = new TextEncoder().encode(JSON.stringify(part));
    return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  };
  const text = `${encode(header)}.${encode(claims)}`;
  if (sign === null) return `${text}.`;
  return `${text}.${createHmac(sign, SECRET).update(text).digest("base64url")}`;
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

const CLAIMS = { channel: "job-7", role: "consume", jti: "1", exp: now() + 3600 };
const HS256 = { alg: "HS256", typ: "JWT" };

for (const role of ["produce", "consume", "cancel"] as TokenRole[]) {
  Deno.test(`a token to ${role} lets in to that, and to nothing else`, async () => {
    const access = new Access([SECRET]);
    const token = await mint({ roles: [role] });
    const grant = await access.admit(token, { role, channel: "job-7" });
    assert.deepEqual([grant.master, grant.may(role)], [false, true]);
    for (const other of ["produce", "consume", "cancel"] as TokenRole[]) {
      if (other === role) continue;
      assert.equal(grant.may(other), false);
      await assert.rejects(
        async () => await access.admit(token, { role: other, channel: "job-7" }),
        {
          code: "forbidden",
          peerText: `token does not allow to ${other}`,
        },
      );
    }
  });
}

Deno.test("a token may be for several roles, and says for whom it is", async () => {
  const token = await mint({ roles: ["consume", "cancel"], sub: "ada@hpc.example" });
  const grant = await new Access([SECRET]).admit(token, CONSUME);
  assert.deepEqual([grant.sub, grant.may("cancel"), grant.may("produce")], [
    "ada@hpc.example",
    true,
    false,
  ]);
  assert.ok(Math.abs(grant.expiresAt! - Date.now() - HOUR) < 60_000);
});

Deno.test("a token for one channel is refused at every other", async () => {
  const access = new Access([SECRET]);
  const token = await mint();
  for (const channel of ["job-8", "job-", "job-77", "JOB-7", ""]) {
    await assert.rejects(async () => await access.admit(token, { role: "consume", channel }), {
      code: "forbidden",
      peerText: "token is for another channel",
    });
  }
});

/** Tokens that are refused, and the reason that is named. */
const REFUSED: Record<string, [() => string | Promise<string>, string]> = {
  "that has expired": [() => mint({ now: Date.now() - 2 * HOUR }), "token has expired"],
  "that expires this second": [
    () => forge(HS256, { ...CLAIMS, exp: now() }),
    "token has expired",
  ],
  "that is not good yet": [
    () => mint({ notBefore: Date.now() + HOUR }),
    "token is not good yet",
  ],
  "of another relay": [() => mint({}, OTHER), "token is not signed with this relay's secret"],
  "with alg none and no signature": [
    () => forge({ alg: "none" }, CLAIMS, null),
    "token is not signed by HS256",
  ],
  "with alg None and a signature": [
    () => forge({ alg: "None" }, CLAIMS),
    "token is not signed by HS256",
  ],
  "with another algorithm and the same secret": [
    () => forge({ alg: "HS512" }, CLAIMS, "sha512"),
    "token is not signed by HS256",
  ],
  "with an algorithm of public keys": [
    () => forge({ alg: "RS256" }, CLAIMS),
    "token is not signed by HS256",
  ],
  "with no algorithm": [() => forge({}, CLAIMS), "token is malformed"],
  "with a header that must be understood and is not": [
    () => forge({ ...HS256, crit: ["x"], x: 1 }, CLAIMS),
    "token is malformed",
  ],
  "with no signature": [
    () => forge(HS256, CLAIMS, null),
    "token is not signed with this relay's secret",
  ],
  "whose claims were changed": [
    async () => {
      const [header, , signature] = (await mint()).split(".");
      return `${header}.${forge(HS256, { ...CLAIMS, role: "produce" }).split(".")[1]}.${signature}`;
    },
    "token is not signed with this relay's secret",
  ],
  "whose claims are no object": [() => forge(HS256, "job-7"), "token is malformed"],
  "that never expires": [() => forge(HS256, { ...CLAIMS, exp: undefined }), "token has no exp"],
  "that expires at a text": [
    () => forge(HS256, { ...CLAIMS, exp: "9999999999" }),
    "token is malformed",
  ],
  ...Object.fromEntries(
    ["nbf", "iat", "exp"].flatMap((claim) =>
      ["1", "", null, true, [1], { at: 1 }].map((value): [string, [() => string, string]] => [
        `whose ${claim} is ${JSON.stringify(value)}`,
        [() => forge(HS256, { ...CLAIMS, [claim]: value }), "token is malformed"],
      ])
    ),
  ),
  "without a channel": [
    () => forge(HS256, { ...CLAIMS, channel: undefined }),
    "token has no channel",
  ],
  "for a pattern of channels": [
    () => forge(HS256, { ...CLAIMS, channel: "*" }),
    "token has no channel",
  ],
  "for a list of channels": [
    () => forge(HS256, { ...CLAIMS, channel: ["job-7"] }),
    "token has no channel",
  ],
  "without a role": [() => forge(HS256, { ...CLAIMS, role: undefined }), "token has no role"],
  "for a role there is not": [
    () => forge(HS256, { ...CLAIMS, role: "admin" }),
    "token has no role",
  ],
  "without an id": [() => forge(HS256, { ...CLAIMS, jti: undefined }), "token has no jti"],
  "with an id that is too long": [
    () => forge(HS256, { ...CLAIMS, jti: "x".repeat(65) }),
    "token has no jti",
  ],
  "for a user whose name is none": [
    () => forge(HS256, { ...CLAIMS, sub: "\x1b[2J" }),
    "token has a bad sub",
  ],
  "for no uses": [() => forge(HS256, { ...CLAIMS, max_uses: 0 }), "token has bad max_uses"],
  "for uses without an end": [
    () => forge(HS256, { ...CLAIMS, max_uses: 1e9 }),
    "token has bad max_uses",
  ],
};

for (const [what, [make, reason]] of Object.entries(REFUSED)) {
  Deno.test(`a token ${what} is refused: ${reason}`, async () => {
    const token = await make();
    const error = await refusalOf(new Access([SECRET]), token);
    assert.deepEqual([error.code, error.row.close, error.peerText], ["unauthorized", 4003, reason]);
    assert.doesNotMatch(error.message, /eyJ|job-7/);
  });
}

Deno.test("what has not the form of a token is refused without a word about tokens", async () => {
  for (const text of ["", ".", "a.b", "..", "eyJ", "a b.c.d", "x".repeat(10_000)]) {
    const error = await refusalOf(new Access([SECRET]), text);
    assert.equal(error.peerText, ERRORS.unauthorized.text);
  }
});

// deno-lint-ignore no-explicit-any -- what is thrown has no type, and the tests assert each field of it
async function refusalOf(access: Access, token: string): Promise<any> {
  try {
    await access.admit(token, CONSUME);
  } catch (error) {
    return error;
  }
  assert.fail("let in");
}

Deno.test("a token of any other JWT library is good", async () => {
  const grant = await new Access([SECRET]).admit(forge(HS256, CLAIMS), CONSUME);
  assert.equal(grant.id, "1");
});

Deno.test("while secrets are changed, both, and tokens of both, are good; then the old ones are not", async () => {
  const [old, fresh] = [await mint({}, SECRET), await mint({}, OTHER)];
  const both = new Access([OTHER, SECRET]);
  for (const credential of [SECRET, OTHER, old, fresh]) await both.admit(credential, CONSUME);
  const after = new Access([OTHER]);
  await after.admit(fresh, CONSUME);
  assert.equal((await refusalOf(after, old)).code, "unauthorized");
  assert.equal((await refusalOf(after, SECRET)).code, "unauthorized");
});

Deno.test("a secret that has the form of a token is the secret", async () => {
  const secret = await mint();
  const grant = await new Access([secret]).admit(secret, CONSUME);
  assert.equal(grant.master, true);
});

Deno.test("the answer to a secret is there at once, good or bad", () => {
  const access = new Access([SECRET]);
  assert.equal(access.admit(SECRET, CONSUME) instanceof Promise, false);
  assert.throws(() => access.admit("guess", CONSUME), { code: "unauthorized" });
  assert.throws(() => access.admit(undefined, CONSUME), { code: "unauthorized" });
});

Deno.test("a relay without a secret lets everyone do everything", () => {
  const grant = new Access([]).admit(undefined, CONSUME);
  assert.ok(!(grant instanceof Promise) && grant.master && grant.may("cancel"));
});

Deno.test("a token for one use is its first user's, told by nonce or epoch", async () => {
  const access = new Access([SECRET]);
  for (const holder of [{ nonce: "nonce-of-the-first" }, { epoch: "run-1" }]) {
    const token = await mint({ maxUses: 1 });
    await access.admit(token, CONSUME, holder);
    await access.admit(token, CONSUME, holder); // a resume
    for (const other of [{}, { nonce: "nonce-of-another" }, { epoch: "run-2" }]) {
      await assert.rejects(async () => await access.admit(token, CONSUME, other), {
        code: "forbidden",
        peerText: "token is used already",
      });
    }
    await access.admit(token, CONSUME, holder);
  }
});

Deno.test("who knows the epoch, as readers do, but not the nonce, is not the holder", async () => {
  const access = new Access([SECRET]);
  const token = await mint({ maxUses: 1 });
  await access.admit(token, CONSUME, { nonce: "nonce-of-the-first", epoch: "run-1" });
  await assert.rejects(async () => await access.admit(token, CONSUME, { epoch: "run-1" }), {
    code: "forbidden",
  });
});

Deno.test("without nonce and epoch each time is a use", async () => {
  const access = new Access([SECRET]);
  const token = await mint({ maxUses: 2 });
  await access.admit(token, CONSUME);
  await access.admit(token, CONSUME);
  await assert.rejects(async () => await access.admit(token, CONSUME), {
    peerText: "token is used up (2 uses)",
  });
});

Deno.test("of many who use a token at the same time, as many get in as it is good for", async () => {
  const access = new Access([SECRET]);
  const token = await mint({ maxUses: 3 });
  const results = await Promise.allSettled(
    Array.from(
      { length: 20 },
      (_, n) => access.admit(token, CONSUME, { nonce: `nonce-of-user-${n}` }),
    ),
  );
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 3);
});

Deno.test("a use that came to nothing is given back, once, and a resume has none to give back", async () => {
  const access = new Access([SECRET]);
  const token = await mint({ maxUses: 1 });
  const grant = await access.admit(token, CONSUME, { epoch: "run-1" });
  (await access.admit(token, CONSUME, { epoch: "run-1" })).unused();
  await assert.rejects(async () => await access.admit(token, CONSUME, { epoch: "run-2" }));
  grant.unused();
  grant.unused();
  await access.admit(token, CONSUME, { epoch: "run-2" });
  await assert.rejects(async () => await access.admit(token, CONSUME, { epoch: "run-3" }));
});

Deno.test("a refused use is not counted", async () => {
  const access = new Access([SECRET]);
  const token = await mint({ maxUses: 1 });
  await assert.rejects(async () =>
    await access.admit(token, { role: "produce", channel: "job-7" })
  );
  await assert.rejects(async () =>
    await access.admit(token, { role: "consume", channel: "job-8" })
  );
  await access.admit(token, CONSUME);
});

for (
  const [what, options, code] of [
    ["for a bad channel", { channel: "a/b" }, "bad_channel"],
    ["that allows nothing", { roles: [] }, "usage"],
    ["that is never good", { ttlMs: 0 }, "usage"],
    ["for a bad name", { sub: "a b" }, "usage"],
    ["for half a use", { maxUses: 0.5 }, "usage"],
    ["for no use", { maxUses: 0 }, "usage"],
    ["for too many uses", { maxUses: 1001 }, "usage"],
  ] as const
) {
  Deno.test(`a token ${what} is not made`, async () => {
    await assert.rejects(mint(options), { code });
  });
}
