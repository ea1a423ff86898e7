import assert from "node:assert/strict";
import { Absence } from "../../src/client/absence.ts";

Deno.test("an absence is told of once, and its end only where it was", () => {
  const absence = new Absence(1_000);
  absence.begin();
  assert.equal(absence.end(), false); // over before anybody was told
  absence.begin();
  assert.deepEqual([absence.tell(), absence.tell()], [true, false]);
  assert.equal(absence.end(), true);
  assert.equal(absence.end(), false);
  absence.begin();
  assert.equal(absence.tell(), true); // another one
});

Deno.test("an absence lasts from its first failure", () => {
  const absence = new Absence(1_000);
  assert.equal(absence.since, undefined);
  absence.begin();
  const { since } = absence;
  assert.ok(since !== undefined);
  absence.begin();
  assert.equal(absence.since, since);
  assert.ok(absence.leftMs <= 1_000);
  absence.end();
  assert.equal(absence.since, undefined);
});

Deno.test("who may not be away at all has no time left", () => {
  const absence = new Absence(0);
  absence.begin();
  assert.equal(absence.leftMs, 0);
});

Deno.test("a pause is no longer than the relay may be away", async () => {
  const absence = new Absence(0);
  absence.begin();
  await absence.pause(new AbortController().signal, 3_600_000); // an hour, as the peer said
});

Deno.test("a pause ends when it is aborted", async () => {
  const absence = new Absence(3_600_000);
  absence.begin();
  const abort = new AbortController();
  const pause = absence.pause(abort.signal, 3_600_000);
  abort.abort(new Error("not wanted"));
  await assert.rejects(pause, { message: "not wanted" });
});
