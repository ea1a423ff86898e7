import assert from "node:assert/strict";
import {
  evenModel,
  longestGapMs,
  meanGapMs,
  type Model,
  MOST_TOKENS,
} from "../../src/bench/model.ts";

const even = (changes = {}) => evenModel({ prefillMs: 400, rate: 40, tokens: 600, ...changes });

Deno.test("the first token is due after the prefill, the others at even intervals", () => {
  const { tokens, settings } = even();
  assert.equal(tokens.length, 600);
  assert.deepEqual(tokens.slice(0, 3).map(({ dueMs }) => dueMs), [400, 425, 450]);
  assert.equal(tokens[599].dueMs, 400 + 599 * 25);
  assert.deepEqual(settings, { prefillMs: 400, rate: 40, tokens: 600 });
});

Deno.test("tokens are text like a model's, and the same every time", () => {
  const text = (model: Model) => model.tokens.map(({ content }) => content).join("");
  assert.equal(text(even()), text(even()));
  assert.ok(even().tokens.every(({ content }) => content !== ""));
  assert.ok(new Set(even().tokens.map(({ content }) => content)).size > 40, text(even()));
  assert.match(text(even()), /^The .*\. /);
});

Deno.test("a longer model begins like a shorter one", () => {
  const contents = (tokens: number) => even({ tokens }).tokens.map(({ content }) => content);
  assert.deepEqual(contents(600).slice(0, 20), contents(20));
});

Deno.test("the gaps of a model are known beforehand", () => {
  assert.equal(meanGapMs(even()), 25);
  assert.equal(longestGapMs(even()), 400);
  assert.equal(longestGapMs(even({ rate: 0.5 })), 2_000);
  assert.equal(meanGapMs(even({ tokens: 1 })), 0);
});

for (
  const [what, changes] of Object.entries({
    "no tokens": { tokens: 0 },
    "too many tokens": { tokens: MOST_TOKENS + 1 },
    "a rate of 0": { rate: 0 },
    "no rate": { rate: NaN },
    "a length of more than a day": { rate: 0.0001 },
  })
) {
  Deno.test(`a model with ${what} is refused`, () => {
    assert.throws(() => even(changes), { code: "usage" });
  });
}
