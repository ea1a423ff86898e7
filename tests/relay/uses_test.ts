import assert from "node:assert/strict";
import { Uses } from "../../src/relay/uses.ts";

const MINUTE = 60_000;

Deno.test("tokens are remembered up to a bound, and forgotten once they have expired", () => {
  const uses = new Uses(3);
  const use = (expiresAt: number) => ({ expiresAt, maxUses: 1 });
  const [past, future] = [Date.now() - MINUTE, Date.now() + MINUTE];
  uses.count("a", use(future));
  uses.count("b", use(past));
  uses.count("c", use(future));
  uses.count("d", use(future)); // b makes room
  assert.equal(uses.size, 3);
  assert.throws(() => uses.count("e", use(future)), { code: "limit" });
  assert.throws(() => uses.count("a", use(future)), { code: "forbidden" });
});

Deno.test("tokens do not share their uses", () => {
  const uses = new Uses();
  const once = { expiresAt: Date.now() + MINUTE, maxUses: 1, holder: "the same one" };
  uses.count("a", once);
  uses.count("b", once);
  assert.throws(() => uses.count("a", { ...once, holder: "another" }), { code: "forbidden" });
});
