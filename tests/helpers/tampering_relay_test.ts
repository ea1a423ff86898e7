/** What passes the relay as it is, and what each attack makes of a stream, between scripted relays and clients. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { clientFrame } from "./client_frames.ts";
import { startFaultProxy } from "./fault_proxy.ts";
import { HANDSHAKE, RawSocket, request } from "./raw_socket.ts";
import {
  dropMessage,
  type RelayEvent,
  spliceOlder,
  startTamperingRelay,
  type Tamper,
  type TamperedStream,
  type TamperingRelay,
  TAMPERS,
  V1_TAMPERS,
} from "./tampering_relay.ts";
import { until, within } from "./within.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const V2 = "streamrelay.v2";
const MiB = 1024 * 1024;

/** A relay that does with each connection what its script says. */
interface ScriptedRelay extends AsyncDisposable {
  readonly target: { hostname: string; port: number };
}

type Script = (socket: WebSocket, request: IncomingMessage) => void;

async function scriptedRelay(script: Script, speaks: string[] = [V2]): Promise<ScriptedRelay> {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    handleProtocols: (offered) => speaks.find((protocol) => offered.has(protocol)) ?? false,
    verifyClient: ({ req }, answer) => answer(!req.url!.startsWith("/forbidden"), 418),
  });
  await new Promise((resolve) => server.once("listening", resolve));
  server.on("connection", script);
  return {
    target: { hostname: "127.0.0.1", port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What came of a connection: texts as they are, other messages as bytes, the close. */
type Heard = string | Uint8Array | { code: number; reason: string };

/** A WebSocket and what it hears. */
class Ear {
  readonly heard: Heard[] = [];
  readonly closed: Promise<void>;

  constructor(readonly socket: WebSocket) {
    socket.on("message", (data: Buffer, binary: boolean) => {
      this.heard.push(binary ? new Uint8Array(data) : data.toString());
    });
    socket.on("error", () => {}); // `close` follows
    this.closed = new Promise((resolve) =>
      socket.on("close", (code: number, reason: Buffer) => {
        this.heard.push({ code, reason: reason.toString() });
        resolve();
      })
    );
  }

  /** Opens a connection; resolves at once. */
  static to({ url }: TamperingRelay, path: string, protocols = [V2], headers = {}): Ear {
    return new Ear(new WebSocket(`${url}${path}`, protocols, { headers }));
  }

  async hasHeard(count: number): Promise<Heard[]> {
    await until(() => this.heard.length >= count, () => `${count} messages: ${this.heard}`);
    return this.heard;
  }

  async whole(): Promise<Heard[]> {
    await within(this.closed, "the close");
    return this.heard;
  }
}

/** A binary message of version 2. */
function dataFrame(seq: number, lines: string[]): Uint8Array {
  const text = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  const frame = Buffer.alloc(8 + text.length);
  frame.writeBigUInt64BE(BigInt(seq));
  text.copy(frame, 8);
  return new Uint8Array(frame);
}

/** An envelope that stands for a letter. */
function seal(letter: string): string {
  return JSON.stringify({ type: "enc", d: Buffer.from(letter.repeat(40)).toString("base64") });
}

/** The letter of an envelope; of altered ones the places of the alteration too, `!` for what is none. */
function unseal(line: string): string {
  const { type, d } = JSON.parse(line);
  if (type !== "enc") return "!";
  const bytes = Buffer.from(d, "base64");
  const letter = String.fromCharCode(bytes[20]);
  const flipped = Array.from(bytes.keys()).filter((i) => bytes[i] !== letter.charCodeAt(0));
  return letter + flipped.map((i) => `^${i}${letter}${bytes[i] ^ letter.charCodeAt(0)}`).join("");
}

const RUN = { epoch: "E2", letters: "abcde" };
const OLDER = { epoch: "E1", letters: "ABCDE" };
const FOREIGN = { epoch: "F1", letters: "vwxyz" };

/** Plays a run in frames of so many messages, as version 2 does. */
function playV2(socket: WebSocket, { epoch, letters }: typeof RUN, sizes: number[]): void {
  const lines = Array.from(letters, seal);
  const say = (control: unknown) => socket.send(JSON.stringify(control));
  say({ type: "welcome", state: "ended" });
  say({ type: "begin", epoch, from: 0, next: lines.length });
  let seq = 0;
  for (const size of sizes) {
    socket.send(dataFrame(seq, lines.slice(seq, seq + size)));
    seq += size;
  }
  say({ type: "end", next: lines.length, status: "done" });
  socket.close(1000, "done");
}

function playV1(socket: WebSocket, { letters }: typeof RUN): void {
  for (const letter of letters) socket.send(seal(letter));
  socket.close(1000, "done");
}

/** What a consumer of version 2 heard, in words. */
function transcript(heard: Heard[]): string {
  return heard.flatMap((each) => {
    if (each instanceof Uint8Array) {
      const seq = Number(new DataView(each.buffer).getBigUint64(0));
      const lines = new TextDecoder().decode(each.subarray(8)).trimEnd().split("\n");
      return lines.map((line, i) => `${seq + i}${unseal(line)}`);
    }
    if (typeof each !== "string") return `close ${each.code}`;
    const { type, epoch, from, to, next, status } = JSON.parse(each);
    const words = [type, epoch, from, to, next, status].filter((word) => word !== undefined);
    return words.join(" ");
  }).join(", ");
}

/** A relay that plays another channel, and of this one an older run and then the run, over and over. */
function threeRuns(play: (socket: WebSocket, run: typeof RUN) => void): Promise<ScriptedRelay> {
  let played = 0;
  return scriptedRelay((socket, { url }) =>
    play(socket, url === "/consume/job-8" ? FOREIGN : played++ === 0 ? OLDER : RUN)
  );
}

/** Reads both other runs without, and then the run under attack. */
async function readAttacked(relay: TamperingRelay, tamper: Tamper, protocols: string[]) {
  await Ear.to(relay, "/consume/job-8", protocols).whole();
  await Ear.to(relay, "/consume/job-7", protocols).whole();
  assert.equal(relay.altered, 0);
  relay.tamper = tamper;
  const heard = await Ear.to(relay, "/consume/job-7", protocols).whole();
  assert.ok(relay.altered > 0);
  return heard;
}

const BEGIN = "welcome, begin E2 0 5, ";
const END = ", end 5 done, close 1000";

/** What is left of the run when each attack was made on its message 2. */
const ATTACKED: Record<string, string> = {
  "drops message k": "welcome, begin E2 0 4, 0a, 1b, 2d, 3e, end 4 done, close 1000",
  "drops message k and leaves a hole": `${BEGIN}0a, 1b, 3d, 4e${END}`,
  "repeats message k": "welcome, begin E2 0 6, 0a, 1b, 2c, 3c, 4d, 5e, end 6 done, close 1000",
  "repeats message k under its number": `${BEGIN}0a, 1b, 2c, 2c, 3d, 4e${END}`,
  "swaps messages k and k + 1": `${BEGIN}0a, 1b, 2d, 3c, 4e${END}`,
  "swaps messages k and k + 1 with their numbers": `${BEGIN}0a, 1b, 3d, 2c, 4e${END}`,
  "replaces message k by the one before": `${BEGIN}0a, 1b, 2b, 3d, 4e${END}`,
  "replaces message k by that of an older run": `${BEGIN}0a, 1b, 2C, 3d, 4e${END}`,
  "replaces message k by that of another channel": `${BEGIN}0a, 1b, 2x, 3d, 4e${END}`,
  "injects plaintext before message k":
    "welcome, begin E2 0 6, 0a, 1b, 2!, 3c, 4d, 5e, end 6 done, close 1000",
  "replaces message k by plaintext": `${BEGIN}0a, 1b, 2!, 3d, 4e${END}`,
  "flips a bit of message k's nonce": `${BEGIN}0a, 1b, 2c^0c1, 3d, 4e${END}`,
  "flips a bit of message k's ciphertext": `${BEGIN}0a, 1b, 2c^12c1, 3d, 4e${END}`,
  "flips a bit of message k's tag": `${BEGIN}0a, 1b, 2c^39c1, 3d, 4e${END}`,
  "invents a gap at message k": `${BEGIN}0a, 1b, gap 2 3, 3d, 4e${END}`,
  "truncates the stream before its last message": `${BEGIN}0a, 1b, 2c, 3d, end 4 done, close 1000`,
  "claims the end at message k": `${BEGIN}0a, 1b, end 2 done, close 1000`,
  "closes without an end at message k": `${BEGIN}0a, 1b, close 1000`,
  "announces another epoch": `welcome, begin zzzzzzzzz-AAAAAAAAAAAA 0 5, 0a, 1b, 2c, 3d, 4e${END}`,
  "restarts with an older run at message k":
    `${BEGIN}0a, 1b, restart E1 0 5, 0A, 1B, 2C, 3D, 4E${END}`,
  "goes on with an older run at message k": `${BEGIN}0a, 1b, 2C, 3D, 4E${END}`,
  "plays another channel": `welcome, begin F1 0 5, 0v, 1w, 2x, 3y, 4z${END}`,
};

const V1_ATTACKED: Record<string, string> = {
  "drops message k": "abde",
  "repeats message k": "abccde",
  "swaps messages k and k + 1": "abdce",
  "replaces message k by the one before": "abbde",
  "replaces message k by that of an older run": "abCde",
  "replaces message k by that of another channel": "abxde",
  "injects plaintext before message k": "ab!cde",
  "replaces message k by plaintext": "ab!de",
  "flips a bit of message k's nonce": "abc^0c1de",
  "flips a bit of message k's ciphertext": "abc^12c1de",
  "flips a bit of message k's tag": "abc^39c1de",
  "truncates the stream before its last message": "abcd",
  "claims the end at message k": "ab",
  "invents a gap at message k": "[gap 0 3]de",
  "restarts with an older run at message k": "abABCDE",
  "goes on with an older run at message k": "abCDE",
  "plays another channel": "vwxyz",
};

Deno.test("every attack is checked here", () => {
  assert.deepEqual(Object.keys(ATTACKED).sort(), Object.keys(TAMPERS).sort());
  assert.deepEqual(Object.keys(V1_ATTACKED).sort(), Object.keys(V1_TAMPERS).sort());
});

for (const [name, expected] of Object.entries(ATTACKED)) {
  Deno.test(`version 2: ${name}`, async () => {
    for (const sizes of [[5], [1, 1, 1, 1, 1], [3, 2], [2, 1, 2]]) {
      await using real = await threeRuns((socket, run) => playV2(socket, run, sizes));
      await using relay = await startTamperingRelay(real);
      const heard = await readAttacked(relay, TAMPERS[name](2), [V2]);
      assert.equal(transcript(heard), expected, `in frames of ${sizes}`);
      // what was read is kept as it was before the attack
      assert.equal(relay.captured("job-7").map(unseal).join(""), RUN.letters);
    }
  });
}

for (const [name, expected] of Object.entries(V1_ATTACKED)) {
  Deno.test(`version 1: ${name}`, async () => {
    await using real = await threeRuns(playV1);
    await using relay = await startTamperingRelay(real);
    const heard = await readAttacked(relay, V1_TAMPERS[name](2), []);
    assert.deepEqual(heard.pop(), { code: 1000, reason: "done" });
    const words = heard.map((text) => {
      assert.ok(typeof text === "string");
      const { type, from, to } = JSON.parse(text);
      return type === "gap" ? `[gap ${from} ${to}]` : unseal(text);
    });
    assert.equal(words.join(""), expected);
  });
}

Deno.test("an attack begins anew with each connection, and ends with the next that is none", async () => {
  await using real = await scriptedRelay((socket) => playV2(socket, RUN, [2, 3]));
  await using relay = await startTamperingRelay({ ...real, tamper: TAMPERS["drops message k"](2) });
  for (let i = 0; i < 2; i++) {
    const heard = await Ear.to(relay, "/consume/job-7").whole();
    assert.equal(transcript(heard), ATTACKED["drops message k"]);
  }
  relay.tamper = undefined;
  const heard = await Ear.to(relay, "/consume/job-7").whole();
  assert.equal(transcript(heard), `${BEGIN}0a, 1b, 2c, 3d, 4e${END}`);
});

Deno.test("version 1: after a gap messages are counted from its end", async () => {
  await using real = await scriptedRelay((socket) => {
    socket.send('{"type":"gap","from":0,"to":2}');
    playV1(socket, { ...RUN, letters: "cde" });
  });
  await using relay = await startTamperingRelay({ ...real, tamper: dropMessage(3) });
  const [gap, ...texts] = await Ear.to(relay, "/consume/job-7", []).whole();
  assert.equal(gap, '{"type":"gap","from":0,"to":2}');
  assert.deepEqual(texts.slice(0, -1), ["c", "e"].map(seal));
});

/** A stream without any run. */
const STREAM: TamperedStream = {
  channel: "job-7",
  version: 2,
  run: () => assert.fail(),
  older: () => ({ ...RUN, channel: "job-7", lines: Array.from(OLDER.letters, seal) }),
  foreign: () => ({ ...RUN, channel: "job-8", lines: Array.from(FOREIGN.letters, seal) }),
};

for (const name of Object.keys(TAMPERS)) {
  Deno.test(`nothing is said after a close: ${name}`, () => {
    const change = TAMPERS[name](1)({
      ...STREAM,
      run: () => ({ ...RUN, channel: "job-7", lines: Array.from(RUN.letters, seal) }),
    });
    const events = Array.from(RUN.letters, (letter, seq): RelayEvent => {
      return { kind: "data", seq, lines: [seal(letter)] };
    });
    const said = events.flatMap(change);
    const close = said.findIndex(({ kind }) => kind === "close");
    assert.ok(close < 0 || close === said.length - 1);
  });
}

Deno.test("a restart is announced with another epoch, too", () => {
  const control = { type: "restart", epoch: "E2", from: 0, next: 5 };
  const changed = TAMPERS["announces another epoch"](2)(STREAM)({ kind: "control", control });
  assert.deepEqual(changed, [
    { kind: "control", control: { ...control, epoch: "zzzzzzzzz-AAAAAAAAAAAA" } },
  ]);
});

Deno.test("a run that was not captured from its first message is not played", () => {
  const lines = Array.from(OLDER.letters, seal);
  delete lines[0];
  const older = () => ({ ...OLDER, channel: "job-7", lines });
  const change = TAMPERS["restarts with an older run at message k"](2)({ ...STREAM, older });
  const event: RelayEvent = { kind: "data", seq: 2, lines: [seal("c")] };
  assert.throws(() => change(event), /the run has holes/);
});

Deno.test("a consumer that begins after message k is told of an end where it begins", async () => {
  await using real = await scriptedRelay((socket) => {
    socket.send('{"type":"begin","epoch":"E2","from":3,"next":5}');
    socket.send(dataFrame(3, [seal("d"), seal("e")]));
  });
  await using relay = await startTamperingRelay({
    ...real,
    tamper: TAMPERS["claims the end at message k"](1),
  });
  const heard = await Ear.to(relay, "/consume/job-7").whole();
  assert.equal(transcript(heard), "begin E2 3 5, end 3 done, close 1000");
});

/** Messages that are hard to pass as they are. */
const ODDITIES: (string | Uint8Array)[] = [
  "",
  "{",
  "null",
  "[]",
  ' { "type" : "welcome" } ',
  '{"type":"begin"}',
  "\ufeff日本語 👩‍🚀",
  new Uint8Array(0),
  Uint8Array.of(1, 2, 3),
  new Uint8Array(8),
  dataFrame(7, ["no newline"]).slice(0, -1),
  dataFrame(7, ["", '{"a": 1}']),
  dataFrame(2 ** 40, ["x"]),
  Uint8Array.of(...dataFrame(9, []), 0xff, 0x0a),
  new Uint8Array(MiB).fill(7),
];
/** Attacks whose message does not come. */
const IDLE: Record<string, Tamper | undefined> = {
  "no attack": undefined,
  "an attack on a message that does not come": dropMessage(2 ** 50),
};

for (const [what, tamper] of Object.entries(IDLE)) {
  for (const path of ["/consume/job-7", "/produce/job-7", "/health"]) {
    for (const protocols of [[], [V2]]) {
      const how = `${path}, ${protocols[0] ?? "version 1"}, ${what}`;
      Deno.test(`messages pass both ways as they are: ${how}`, async () => {
        const peers: Ear[] = [];
        await using real = await scriptedRelay((socket) => void peers.push(new Ear(socket)));
        await using relay = await startTamperingRelay({ ...real, tamper });
        const client = Ear.to(relay, path, protocols);
        await until(() => peers.length > 0 && isOpen(client), "the connection");
        for (const message of ODDITIES) {
          peers[0].socket.send(message);
          client.socket.send(message);
        }
        assert.deepEqual(await client.hasHeard(ODDITIES.length), ODDITIES);
        assert.deepEqual(await peers[0].hasHeard(ODDITIES.length), ODDITIES);
        assert.equal(relay.altered, 0);
      });
    }
  }
}

/** How a connection may end, and what the other side hears. */
const ENDS: Record<string, [(socket: WebSocket) => void, { code: number; reason: string }]> = {
  "with a code and a reason": [(socket) => socket.close(4009, "日本"), {
    code: 4009,
    reason: "日本",
  }],
  "with a code": [(socket) => socket.close(1000), { code: 1000, reason: "" }],
  "without a code": [(socket) => socket.close(), { code: 1005, reason: "" }],
  "without a close frame": [(socket) => socket.terminate(), { code: 1006, reason: "" }],
};

for (const path of ["/consume/job-7", "/produce/job-7"]) {
  for (const [how, [end, heard]] of Object.entries(ENDS)) {
    Deno.test(`a relay's and a client's close pass: ${how}, ${path}`, async () => {
      const peers: Ear[] = [];
      await using real = await scriptedRelay((socket) => void peers.push(new Ear(socket)));
      await using relay = await startTamperingRelay(real);
      const clients = [Ear.to(relay, path), Ear.to(relay, path)];
      await until(() => peers.length === 2 && clients.every(isOpen), "the connections");
      end(peers[0].socket);
      const answered = await Promise.race(clients.map((client) => client.whole()));
      assert.deepEqual(answered, [heard]);
      const [other] = clients.filter(isOpen);
      end(other.socket);
      assert.deepEqual(await peers[1].whole(), [heard]);
    });
  }
}

function isOpen({ socket }: Ear): boolean {
  return socket.readyState === WebSocket.OPEN;
}

Deno.test("path, query and headers pass", async () => {
  const requests: IncomingMessage[] = [];
  await using real = await scriptedRelay((socket, request) => {
    requests.push(request);
    socket.close(1000);
  });
  await using relay = await startTamperingRelay(real);
  const headers = { Authorization: "Bearer s3cret", "X-Other": "1" };
  await Ear.to(relay, "/consume/job-7?secret=a%20b", [V2], headers).whole();
  const [{ url, headers: passed }] = requests;
  assert.equal(url, "/consume/job-7?secret=a%20b");
  assert.deepEqual([passed.authorization, passed["x-other"]], ["Bearer s3cret", "1"]);
  assert.equal(passed.host, `127.0.0.1:${real.target.port}`);
});

/** Subprotocols that the client offers, that the relay speaks, and the one that is agreed on. */
const AGREEMENTS: [string, string[], string | undefined][] = [
  [V2, [V2], V2],
  [`other, ${V2}`, [V2], V2],
  [V2, [], undefined],
  ["", [V2], undefined],
];

for (const [offered, spoken, agreed] of AGREEMENTS) {
  Deno.test(`offered '${offered}' to a relay that speaks '${spoken}', ${agreed} is agreed on`, async () => {
    const protocols: string[] = [];
    await using real = await scriptedRelay(
      (socket) => void protocols.push(socket.protocol),
      spoken,
    );
    await using relay = await startTamperingRelay(real);
    await using client = await RawSocket.connect(relay.port);
    const offer: Record<string, string> = offered === ""
      ? {}
      : { "Sec-WebSocket-Protocol": offered };
    await client.write(request("GET /consume/job-7", { ...HANDSHAKE, ...offer }));
    const { status, headers } = await client.response();
    assert.deepEqual([status, headers.get("sec-websocket-protocol")], [101, agreed]);
    assert.deepEqual(protocols, [agreed ?? ""]);
  });
}

Deno.test("a stream that was to be version 2 and is version 1 is attacked as version 1", async () => {
  await using real = await scriptedRelay((socket) => playV1(socket, RUN), []);
  await using relay = await startTamperingRelay({ ...real, tamper: dropMessage(2) });
  await using client = await RawSocket.webSocket(relay.port, "/consume/job-7", {
    "Sec-WebSocket-Protocol": V2,
  });
  assert.equal((await client.messages()).texts.map(unseal).join(""), "abde");
});

Deno.test("a refused handshake passes, and one that nobody answers is cut", async () => {
  await using real = await scriptedRelay(() => {});
  await using relay = await startTamperingRelay(real);
  await using refused = await RawSocket.connect(relay.port);
  await refused.write(request("GET /forbidden", HANDSHAKE));
  assert.equal((await refused.response()).status, 418);
  await real[Symbol.asyncDispose]();
  await using unanswered = await RawSocket.connect(relay.port);
  await unanswered.write(request("GET /consume/job-7", HANDSHAKE));
  assert.ok(await unanswered.ended());
});

Deno.test("what is no handshake is refused", async () => {
  const peers: Ear[] = [];
  await using real = await scriptedRelay((socket) => void peers.push(new Ear(socket)));
  await using relay = await startTamperingRelay(real);
  for (
    const { headers, status } of [
      { headers: { Host: "relay.test" }, status: 426 },
      { headers: { ...HANDSHAKE, "Sec-WebSocket-Key": "short" }, status: 400 },
    ]
  ) {
    await using client = await RawSocket.connect(relay.port);
    await client.write(request("GET /consume/job-7", headers));
    assert.equal((await client.response()).status, status);
  }
  for (const peer of peers) assert.deepEqual(await peer.whole(), [{ code: 1006, reason: "" }]);
});

Deno.test("what several consumers read of a run is captured once, each message in its place", async () => {
  const parts = [dataFrame(1, [seal("b"), seal("c")]), dataFrame(0, [seal("a"), seal("b")])];
  await using real = await scriptedRelay((socket) => {
    socket.send('{"type":"begin","epoch":"E2","from":0,"next":3}');
    socket.send(parts.shift()!);
    socket.close(1000);
  });
  await using relay = await startTamperingRelay(real);
  assert.deepEqual(relay.captured("job-7"), []);
  await Ear.to(relay, "/consume/job-7").whole();
  assert.equal(relay.captured("job-7").map(unseal).join(""), "bc");
  await Ear.to(relay, "/consume/job-7").whole();
  assert.equal(relay.captured("job-7").map(unseal).join(""), "abc");
});

Deno.test("an attack that lacks what it needs cuts the connection, and fails the test", async () => {
  await using real = await scriptedRelay((socket) => playV2(socket, RUN, [5]));
  const relay = await startTamperingRelay({ ...real, tamper: spliceOlder(2) });
  const heard = await Ear.to(relay, "/consume/job-7").whole();
  assert.deepEqual(heard.at(-1), { code: 1006, reason: "" });
  await assert.rejects(relay[Symbol.asyncDispose](), /there is no other run of job-7/);
});

Deno.test("producers are not attacked", async () => {
  await using real = await scriptedRelay((socket) => socket.send(dataFrame(2, [seal("c")])));
  await using relay = await startTamperingRelay({ ...real, tamper: dropMessage(2) });
  assert.deepEqual(await Ear.to(relay, "/produce/job-7").hasHeard(1), [dataFrame(2, [seal("c")])]);
});

Deno.test("a consumer that does not read stalls the real relay", async () => {
  let taken = 0;
  const total = 128;
  await using real = await scriptedRelay((socket) => {
    for (let i = 0; i < total; i++) socket.send(new Uint8Array(MiB), () => taken++);
  });
  await using relay = await startTamperingRelay(real);
  await using client = await RawSocket.webSocket(relay.port, "/consume/job-7");
  await stalls(() => taken);
  assert.ok(taken < total / 2, `${taken} MiB were taken`);
  for (let i = 0; i < total; i++) assert.equal((await client.frame())?.payload.length, MiB);
});

/** Resolves when a number that has changed has not done so for half a second. */
async function stalls(value: () => number): Promise<void> {
  let last = 0;
  let unchanged = 0;
  await until(() => {
    unchanged = value() > 0 && value() === last ? unchanged + 1 : 0;
    last = value();
    return unchanged >= 25;
  }, "the sender to stall");
}

Deno.test("a consumer that leaves while it stalls the real relay is gone there too", async () => {
  const peers: Ear[] = [];
  let taken = 0;
  await using real = await scriptedRelay((socket) => {
    peers.push(new Ear(socket));
    for (let i = 0; i < 64; i++) socket.send(new Uint8Array(MiB), () => taken++);
  });
  await using relay = await startTamperingRelay(real);
  await using client = await RawSocket.webSocket(relay.port, "/consume/job-7");
  await stalls(() => taken);
  client.close();
  assert.deepEqual(await peers[0].whole(), [{ code: 1006, reason: "" }]);
});

Deno.test("a client that breaks the rules of WebSockets is closed, and so is its connection to the real relay", async () => {
  const peers: Ear[] = [];
  await using real = await scriptedRelay((socket) => void peers.push(new Ear(socket)));
  await using relay = await startTamperingRelay(real);
  await using client = await RawSocket.webSocket(relay.port, "/consume/job-7");
  await client.write(clientFrame("not masked", { mask: null }));
  assert.equal((await client.closed()).code, 1002);
  assert.deepEqual(await peers[0].whole(), [{ code: 1006, reason: "" }]);
});

Deno.test("a client that is cut off before it is answered hurts nobody", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await using relay = await startTamperingRelay({ target: { hostname: "127.0.0.1", port } });
  await using proxy = await startFaultProxy({
    target: { hostname: "127.0.0.1", port: relay.port },
  });
  await using client = await RawSocket.connect(proxy.port);
  await client.write(request("GET /consume/job-7", HANDSHAKE));
  using real = await within(listener.accept(), "the connection");
  proxy.cut();
  assert.ok(await client.ended());
  await real.write(new TextEncoder().encode("HTTP/1.1 418 Refused\r\nContent-Length: 0\r\n\r\n"));
  await readToEnd(real);
});

async function readToEnd(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1024);
  while (await within(connection.read(buffer), "the end") !== null);
}

Deno.test("a relay that ends cuts what has not got so far as to be open", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const relay = await startTamperingRelay({ target: { hostname: "127.0.0.1", port } });
  await using idle = await RawSocket.connect(relay.port);
  await using unanswered = await RawSocket.connect(relay.port);
  await unanswered.write(request("GET /consume/job-7", HANDSHAKE));
  using real = await within(listener.accept(), "the connection");
  await relay[Symbol.asyncDispose]();
  assert.ok(await idle.ended());
  assert.ok(await unanswered.ended());
  await readToEnd(real);
});

Deno.test("a relay that ends cuts what is open", async () => {
  const peers: Ear[] = [];
  await using real = await scriptedRelay((socket) => void peers.push(new Ear(socket)));
  const relay = await startTamperingRelay(real);
  const clients = [Ear.to(relay, "/consume/job-7"), Ear.to(relay, "/produce/job-7")];
  await until(() => clients.every(isOpen), "the connections");
  await relay[Symbol.asyncDispose]();
  for (const ear of [...clients, ...peers]) {
    assert.deepEqual(await ear.whole(), [{ code: 1006, reason: "" }]);
  }
});
