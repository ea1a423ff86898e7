/** What a producer is given, up to its uplink: taken or dropped, sealed or not, and its end. */

import assert from "node:assert/strict";
import { Intake } from "../../src/client/intake.ts";
import type { Ending } from "../../src/client/outbox.ts";
import { RunSender } from "../../src/client/run_sender.ts";
import { SealLine } from "../../src/client/seal_line.ts";
import { Envelope } from "../../src/crypto/envelope.ts";
import { RelayError } from "../../src/errors.ts";

/** An uplink to nowhere. */
class FakeUplink {
  failure: RelayError | undefined;
  sent = 0;
  acknowledged = 0;
  ending: Ending | undefined;
  readonly lines: string[] = [];
  readonly finished = Promise.resolve();
  /** Whether who waits for room gets it. */
  patient = true;

  constructor(public full = false) {}

  room(): Promise<boolean> {
    return Promise.resolve(this.patient && this.failure === undefined);
  }

  push(texts: readonly string[]): void {
    this.lines.push(...texts);
  }

  pushLines(lines: Uint8Array, _count: number): void {
    if (lines.length > 0) this.push(new TextDecoder().decode(lines).trimEnd().split("\n"));
  }

  end(ending: Ending): void {
    this.ending = ending;
  }
}

const token = (content: string) => ({ type: "token", content }) as const;

Deno.test("what was dropped once is followed by nothing but an end that says so", async () => {
  const uplink = new FakeUplink(true);
  uplink.patient = false;
  const intake = new Intake(uplink);
  const sender = new RunSender({ uplink, intake });
  await sender.sendAll([token("a"), token("b")]);
  uplink.full = false;
  await sender.sendAll([token("c")]);
  assert.deepEqual([uplink.lines, intake.undelivered], [[], 3]);
  await assert.rejects(sender.end([{ type: "done", usage: {} }], { status: "done" }), {
    code: "unreachable",
  });
  assert.deepEqual(uplink.ending, { status: "error" });
  assert.match(uplink.lines[0], /"code":"undelivered","message":"3 messages/);
});

Deno.test("text that waits for room is not changed by what the caller does with its buffer", async () => {
  const uplink = new FakeUplink(true);
  const sender = new RunSender({ uplink, intake: new Intake(uplink) });
  const chunk = new TextEncoder().encode("one\n");
  const sending = sender.sendText(chunk);
  uplink.full = false;
  await Promise.all([sending, sender.sendText(new TextEncoder().encode("two\n"))]);
  assert.deepEqual(uplink.lines.map((line) => JSON.parse(line).content).sort(), ["one\n", "two\n"]);
});

Deno.test("a character that has not come whole is sent with the end", async () => {
  const uplink = new FakeUplink();
  const sender = new RunSender({ uplink, intake: new Intake(uplink) });
  await sender.sendText(new Uint8Array([0x61, 0xc3]));
  assert.equal(sender.textReplaced, false);
  await sender.end([{ type: "done", usage: {} }], { status: "done" });
  assert.equal(uplink.lines.map((line) => JSON.parse(line).content ?? "").join(""), "a\ufffd");
  assert.equal(sender.textReplaced, true);
});

Deno.test("sealed messages keep their order, however many are sealed at a time", async () => {
  const envelope = await Envelope.create("11".repeat(32));
  const sealed: string[] = [];
  const handOn = (texts: string[]) => void sealed.push(...texts);
  const line = new SealLine(envelope, { channel: "job-7", epoch: "run-1", handOn });
  const texts = Array.from({ length: 700 }, (_, i) => `{"i":${i}}`);
  await Promise.all([line.push(texts), line.push(['{"i":700}'])]);
  const opened = await Promise.all(sealed.map((text) => envelope.open(text)));
  const fields = opened.map((text) => JSON.parse(text)) as { i: number; n: number }[];
  assert.equal(fields.length, 701);
  assert.ok(fields.every(({ i, n }, index) => i === index && n === index));
});

Deno.test("after a message that cannot be sealed none is: there would be a hole", async () => {
  const envelope = await Envelope.create("11".repeat(32));
  const sealed: string[] = [];
  const handOn = (texts: string[]) => void sealed.push(...texts);
  const line = new SealLine(envelope, { channel: "job-7", epoch: "run-1", handOn });
  await assert.rejects(line.push(["no object"]), { code: "usage" });
  await assert.rejects(line.push(["{}"]), { code: "usage" });
  assert.deepEqual(sealed, []);
});

Deno.test("what nobody can send any more is told from what nobody confirmed", () => {
  const uplink = new FakeUplink();
  const intake = new Intake(uplink);
  assert.equal(intake.take(10), true);
  uplink.sent = 7;
  uplink.acknowledged = 4;
  assert.deepEqual([intake.undelivered, intake.unconfirmed], [0, 3]); // it may still get there
  uplink.failure = new RelayError("unreachable");
  assert.deepEqual([intake.undelivered, intake.unconfirmed], [3, 3]);
});

Deno.test("a failed uplink takes nothing, and says why", async () => {
  const uplink = new FakeUplink(true);
  uplink.failure = new RelayError("fenced");
  const intake = new Intake(uplink);
  await assert.rejects(async () => await intake.take(1), { code: "fenced" });
  assert.equal(intake.dropped, 1);
});
