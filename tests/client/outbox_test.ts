import assert from "node:assert/strict";
import { Outbox } from "../../src/client/outbox.ts";

/** An outbox with messages `0` to `count - 1`, each of which is a frame of its own. */
function filled(count: number): Outbox {
  const outbox = new Outbox(1024 * 1024);
  for (let seq = 0; seq < count; seq++) outbox.buffer.push([`"message ${seq}"`]);
  return outbox;
}

const LINE_BYTES = '"message 0"\n'.length;

/** Sends all that may go; the messages of it. */
function send(outbox: Outbox): string[] {
  const lines: string[] = [];
  for (let frame = outbox.frame(); outbox.ready && frame !== undefined; frame = outbox.frame()) {
    outbox.sent(frame);
    lines.push(...new TextDecoder().decode(frame.frame.subarray(8)).trimEnd().split("\n"));
  }
  return lines;
}

Deno.test("no more is on its way than the window has", () => {
  const outbox = filled(5);
  outbox.restart(0, 2 * LINE_BYTES);
  assert.equal(send(outbox).length, 2);
  assert.equal(outbox.ready, false);
  assert.equal(outbox.frame(), undefined);
  outbox.acknowledge(1);
  assert.equal(send(outbox).length, 1);
  outbox.acknowledge(3);
  assert.equal(send(outbox).length, 2);
});

Deno.test("one frame goes, however small the window is", () => {
  const outbox = filled(2);
  outbox.restart(0, 1);
  assert.deepEqual(send(outbox), ['"message 0"']);
  outbox.acknowledge(1);
  assert.deepEqual(send(outbox), ['"message 1"']);
});

Deno.test("a new connection begins where its relay wants, with nothing on its way", () => {
  const outbox = filled(3);
  outbox.restart(0, Infinity);
  assert.equal(send(outbox).length, 3);
  outbox.restart(1, Infinity);
  assert.equal(outbox.next, 1);
  assert.deepEqual(send(outbox), ['"message 1"', '"message 2"']);
});

Deno.test("the end goes behind all messages, once for each connection", () => {
  const outbox = filled(1);
  outbox.end({ status: "error", exit_code: 3 });
  outbox.restart(0, 1);
  assert.equal(outbox.takeEnd(), undefined);
  send(outbox);
  assert.equal(outbox.ready, true); // it needs no window
  assert.deepEqual(outbox.takeEnd(), { next: 1, status: "error", exit_code: 3 });
  assert.equal(outbox.takeEnd(), undefined);
  assert.deepEqual([outbox.ready, outbox.empty], [false, true]);
  outbox.restart(1, 1);
  assert.deepEqual([outbox.ready, outbox.empty], [true, false]);
  assert.equal(outbox.takeEnd()?.next, 1);
});

Deno.test("nothing is ready where nothing is there", () => {
  const outbox = filled(0);
  outbox.restart(0, Infinity);
  assert.deepEqual([outbox.ready, outbox.frame(), outbox.takeEnd()], [false, undefined, undefined]);
});
