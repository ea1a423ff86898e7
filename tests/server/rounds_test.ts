/** Looking after many, some at a time. */

import assert from "node:assert/strict";
import { Rounds } from "../../src/relay/server/rounds.ts";

/** The visits of each of `times` calls. */
function visits<T>(rounds: Rounds<T>, times: number): T[][] {
  return Array.from({ length: times }, () => {
    const visited: T[] = [];
    rounds.next((one) => visited.push(one));
    return visited;
  });
}

Deno.test("each is visited once a round, in shares of one size", () => {
  const all = new Set(Array.from({ length: 10 }, (_, n) => n));
  const rounds = new Rounds(all, 4);
  const round = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]];
  assert.deepEqual(visits(rounds, 8), [...round, ...round]);
});

Deno.test("one share is all of them", () => {
  assert.deepEqual(visits(new Rounds(new Set([1, 2, 3]), 1), 2), [[1, 2, 3], [1, 2, 3]]);
});

Deno.test("fewer than shares, and nobody, are no trouble", () => {
  assert.deepEqual(visits(new Rounds(new Set([1, 2]), 4), 4), [[1], [2], [], []]);
  assert.deepEqual(visits(new Rounds(new Set<number>(), 2), 2), [[], []]);
});

Deno.test("who has left is not visited, and who has come is, with the last share at the latest", () => {
  const all = new Set([1, 2, 3, 4]);
  const rounds = new Rounds(all, 2);
  assert.deepEqual(visits(rounds, 1), [[1, 2]]);
  all.delete(3);
  for (const one of [5, 6, 7]) all.add(one);
  assert.deepEqual(visits(rounds, 1), [[4, 5, 6, 7]]);
});

Deno.test("who leaves while visited, and brings others with it, leaves the round whole", () => {
  const all = new Set([1, 2, 3, 4, 5, 6]);
  const rounds = new Rounds(all, 2);
  const visited: number[] = [];
  for (let times = 0; times < 2; times++) {
    rounds.next((one) => {
      visited.push(one);
      if (one === 2) { for (const gone of [1, 2, 3]) all.delete(gone); }
    });
  }
  assert.deepEqual(visited, [1, 2, 4, 5, 6]);
});
