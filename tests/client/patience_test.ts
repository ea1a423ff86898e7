import assert from "node:assert/strict";
import { Absence } from "../../src/client/absence.ts";
import { Patience } from "../../src/client/patience.ts";
import { within } from "../helpers/within.ts";

Deno.test("all who wait are woken by a change, and look whether it is theirs", async () => {
  const patience = new Patience(new Absence(0));
  let room = 0;
  const small = patience.wait(() => room >= 1);
  const large = patience.wait(() => room >= 2);
  room = 1;
  patience.changed();
  assert.equal(await within(small, "little room"), true);
  room = 2;
  patience.changed();
  assert.equal(await within(large, "more room"), true);
});

Deno.test("nobody waits where there is nothing to wait for", async () => {
  assert.equal(await new Patience(new Absence(0)).wait(() => true), true);
});

Deno.test("for a relay that is away everybody waits for a time, from when it left", async () => {
  const absence = new Absence(600_000);
  absence.begin();
  const patience = new Patience(absence, 50);
  assert.equal(await within(patience.wait(() => false), "the end of patience"), false);
  assert.equal(await within(patience.wait(() => false), "no patience at all"), false);
});

Deno.test("a relay that comes back ends the hurry, not the waiting", async () => {
  const absence = new Absence(600_000);
  absence.begin();
  const patience = new Patience(absence);
  let room = false;
  const waiting = patience.wait(() => room);
  absence.end();
  patience.changed();
  room = true;
  patience.changed();
  assert.equal(await within(waiting, "room"), true);
});
