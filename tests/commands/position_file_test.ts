import assert from "node:assert/strict";
import fc from "fast-check";
import { PositionFile } from "../../commands/position_file.ts";
import { RelayError } from "../../src/errors.ts";
import { temporaryDirectory } from "../e2e/shell.ts";

const CHANNEL = { channel: "job-7" };
const POSITION = { epoch: "run-1", seq: 42 };
const CONTENT = '{"channel":"job-7","position":"run-1:42","complete":false}\n';
/** What opens a file that reads like CONTENT, as options of a consumer. */
const RESUME = { from: POSITION, complete: false };

Deno.test.sanitizer({ ops: true, resources: true });

/** Asserts that it fails as a matter of usage that names `path` and the reason. */
async function refused(doing: Promise<unknown>, path: string, why: RegExp): Promise<void> {
  await assert.rejects(doing, (error) => {
    assert.ok(error instanceof RelayError, String(error));
    assert.equal(error.code, "usage");
    assert.ok(error.message.includes(path), error.message);
    assert.match(error.message, why);
    return true;
  });
}

/** A file at `path`, at `seq` already. */
async function reachedFile(path: string, seq = POSITION.seq): Promise<PositionFile> {
  const file = await PositionFile.open(path, CHANNEL);
  file.reached({ ...POSITION, seq }, false);
  return file;
}

/** What `due` says at a time, ms. */
function dueAt(file: PositionFile, now: number): boolean {
  Object.defineProperty(performance, "now", { value: () => now, configurable: true });
  try {
    return file.due;
  } finally {
    Reflect.deleteProperty(performance, "now"); // that of the prototype shows again
  }
}

Deno.test("a file that is not there is a reading that has not begun", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("position");
  const file = await PositionFile.open(path, CHANNEL);
  assert.deepEqual(file.resume, {});
  await file.save();
  assert.deepEqual([...Deno.readDirSync(directory.path)], [], "nothing is written for nothing");
});

Deno.test("any position is read as it was saved", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("position");
  const epoch = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
  await fc.assert(
    fc.asyncProperty(epoch, fc.maxSafeNat(), fc.boolean(), async (epoch, seq, complete) => {
      const file = await PositionFile.open(path, CHANNEL);
      file.reached({ epoch, seq }, complete);
      await file.save();
      const { resume } = await PositionFile.open(path, CHANNEL);
      assert.deepEqual(resume, { from: { epoch, seq }, complete });
      assert.deepEqual(file.resume, resume);
    }),
    { numRuns: 50 },
  );
});

Deno.test("the file is one line of JSON, and what else is in it does not matter", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("position");
  await (await reachedFile(path)).save();
  assert.equal(Deno.readTextFileSync(path), CONTENT);
  const spaced = JSON.stringify({ note: "mine", ...JSON.parse(CONTENT), complete: "yes" }, null, 2);
  const other = directory.file("other", `\n${spaced}\n\n`);
  assert.deepEqual((await PositionFile.open(other, CHANNEL)).resume, RESUME);
});

Deno.test("what is no position file is refused, and left as it is", async () => {
  using directory = temporaryDirectory();
  const texts = [
    "",
    "\n",
    "run-1:42",
    "null",
    "7",
    "[]",
    "{}",
    "{",
    "\0\0\0\0",
    CONTENT.slice(0, 40),
  ];
  const positions = ["", "live", "run-1", "run-1:-1", "run-1:9007199254740992", ":1", 42, null, {}];
  const files = positions.map((position) => JSON.stringify({ ...CHANNEL, position }));
  for (const text of [...texts, ...files, CONTENT + CONTENT]) {
    const path = directory.file("position", text);
    await refused(PositionFile.open(path, CHANNEL), path, /no position file\. Remove it to begin/);
    assert.equal(Deno.readTextFileSync(path), text);
  }
});

Deno.test("any bytes are a position file or refused", async () => {
  using directory = temporaryDirectory();
  const change = fc.tuple(fc.nat(CONTENT.length - 2), fc.nat(255));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    change.map(([at, byte]) => {
      const bytes = new TextEncoder().encode(CONTENT);
      bytes[at] = byte;
      return bytes;
    }),
  );
  await fc.assert(fc.asyncProperty(bytes, async (bytes) => {
    const path = directory.file("position", bytes);
    let file;
    try {
      file = await PositionFile.open(path, CHANNEL);
    } catch {
      return await refused(PositionFile.open(path, CHANNEL), path, /^Cannot use/);
    }
    const { from } = file.resume;
    assert.match(new TextDecoder().decode(bytes), new RegExp(`"${from?.epoch}:${from?.seq}"`));
  }));
});

Deno.test("the file of another channel is refused", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("position", CONTENT);
  for (const channel of ["job-8", "job-", "JOB-7", ""]) {
    await refused(PositionFile.open(path, { channel }), path, /it belongs to another channel$/);
  }
  for (const channel of ["7", "null", '["job-7"]']) {
    const path = directory.file("odd", `{"channel":${channel},"position":"run-1:42"}`);
    await refused(PositionFile.open(path, CHANNEL), path, /it belongs to another channel$/);
  }
  assert.deepEqual((await PositionFile.open(path, CHANNEL)).resume, RESUME);
});

Deno.test("what cannot be read is refused", async () => {
  using directory = temporaryDirectory();
  const { path } = directory;
  await refused(PositionFile.open(path, CHANNEL), path, /^Cannot read .*: it is a directory$/);
  const inside = `${directory.file("file", CONTENT)}/position`;
  await refused(PositionFile.open(inside, CHANNEL), inside, /^Cannot read /);
});

Deno.test("what cannot be written is refused, and can be tried again", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("absent/position");
  const file = await reachedFile(path);
  await refused(file.save(), path, /^Cannot write .*: no such file$/);
  await refused(file.save(), path, /^Cannot write .*: no such file$/);
  Deno.mkdirSync(directory.file("absent"));
  await file.save();
  assert.equal(Deno.readTextFileSync(path), CONTENT);
});

Deno.test("a save replaces the file as a whole: who has the old one open sees no change", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("position", CONTENT);
  const old = await Deno.open(path);
  await (await reachedFile(path, 43)).save();
  assert.equal(await new Response(old.readable).text(), CONTENT);
  assert.equal(Deno.readTextFileSync(path), CONTENT.replace("42", "43"));
  assert.deepEqual([...Deno.readDirSync(directory.path)].map(({ name }) => name), ["position"]);
});

Deno.test("a save that fails leaves nothing behind", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("position");
  const file = await reachedFile(path, 43);
  Deno.mkdirSync(path); // the draft can be written, and not take its place
  await refused(file.save(), path, /^Cannot write /);
  assert.deepEqual([...Deno.readDirSync(directory.path)].map(({ name }) => name), ["position"]);
});

Deno.test("a link where an earlier version had its draft is not followed", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("position", CONTENT);
  const target = directory.file("target", "somebody's");
  Deno.symlinkSync(target, `${path}.new`);
  await (await reachedFile(path, 43)).save();
  assert.equal(Deno.readTextFileSync(target), "somebody's");
});

Deno.test("what is reached during a save is written by the next one", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("position");
  const file = await reachedFile(path, 43);
  const saving = file.save();
  file.reached({ ...POSITION, seq: 44 }, false);
  await saving;
  await file.save();
  assert.equal((await PositionFile.open(path, CHANNEL)).resume.from!.seq, 44);
});

Deno.test("a draft left behind is in nobody's way", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("position", CONTENT);
  directory.file("position.new", "x".repeat(500));
  const file = await PositionFile.open(path, CHANNEL);
  assert.deepEqual(file.resume, RESUME);
  file.reached({ ...POSITION, seq: 43 }, true);
  await file.save();
  const { resume } = await PositionFile.open(path, CHANNEL);
  assert.deepEqual(resume, { from: { ...POSITION, seq: 43 }, complete: true });
});

Deno.test("a symbolic link is read through, and shows the new position after a save", async () => {
  using directory = temporaryDirectory();
  const link = directory.file("link");
  Deno.symlinkSync(directory.file("target", CONTENT), link);
  const file = await PositionFile.open(link, CHANNEL);
  assert.deepEqual(file.resume, RESUME);
  file.reached({ ...POSITION, seq: 43 }, false);
  await file.save();
  const { resume } = await PositionFile.open(link, CHANNEL);
  assert.deepEqual(resume, { from: { ...POSITION, seq: 43 }, complete: false });
});

Deno.test("nothing is written where nothing has changed since", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("position");
  const file = await reachedFile(path);
  await file.save();
  Deno.removeSync(path);
  await file.save();
  assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
  file.reached(POSITION, true);
  await file.save();
  assert.match(Deno.readTextFileSync(path), /"complete":true/);
});

Deno.test("a save is due half a second after the one before", async () => {
  using directory = temporaryDirectory();
  const file = await reachedFile(directory.file("position"));
  const later = performance.now() + 1_000_000;
  assert.equal(dueAt(file, 0), true);
  const before = performance.now();
  await file.save();
  assert.equal(dueAt(file, before + 500), false); // at the most 500 ms after the save
  assert.equal(dueAt(file, later), true);
});
