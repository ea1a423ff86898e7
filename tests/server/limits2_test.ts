/** The bounds on users and addresses. */

import assert from "node:assert/strict";
import { startRelay } from "../../src/mod.ts";
import { mintToken } from "../../src/relay/token.ts";
import { clientFrame } from "../helpers/client_frames.ts";
import { exchange, HANDSHAKE, RawSocket, request } from "../helpers/raw_socket.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { ResumableClient } from "../helpers/resumable_client.ts";
import { until } from "../helpers/within.ts";

const SECRET = "a secret of more than thirty-two bytes";
const TOKEN = '{"type":"token","content":"Hi"}';
const DONE = '{"type":"done","usage":{}}';

function produceAs(sub: string | undefined, channel: string): Promise<string> {
  return mintToken(SECRET, { channel, roles: ["produce"], ttlMs: 600_000, sub });
}

/** A resumable producer of a user, welcome or not. */
async function producer(port: number, { sub, channel, epoch = "run-1" }: {
  sub?: string;
  channel: string;
  epoch?: string;
}): Promise<ResumableClient> {
  const credential = await produceAs(sub, channel);
  return await ResumableClient.produce(port, channel, { epoch, credential });
}

const FULL = { code: 4010, reason: "ada has 1 stream already: retry in 5 s" };

Deno.test("one stream more than --max-streams-per-user is closed 4010, until one has ended", async () => {
  await using relay = await startRelayProcess(["--max-streams-per-user", "1"], {
    RELAY_SECRET: SECRET,
  });
  await using first = await producer(relay.port, { sub: "ada", channel: "first" });
  await first.expect("welcome");
  await using second = await producer(relay.port, { sub: "ada", channel: "second" });
  assert.deepEqual(await second.socket.closed(), FULL);
  for (const sub of ["bob", undefined]) {
    await using other = await producer(relay.port, { sub, channel: `of-${sub}` });
    await other.expect("welcome");
  }
  await first.send({ type: "end", next: 0, status: "done" });
  await first.acknowledgedEnd(0);
  await first.socket.sendClose();
  await first.expect("close");
  await using third = await producer(relay.port, { sub: "ada", channel: "third" });
  await third.expect("welcome");
});

Deno.test("a plain producer's stream counts as long as its connection", async () => {
  await using relay = await startRelay({ port: 0, secret: SECRET, maxStreamsPerUser: 1 });
  const connect = async (channel: string) => {
    const headers = { Authorization: `Bearer ${await produceAs("ada", channel)}` };
    return await RawSocket.webSocket(relay.port, `/produce/${channel}`, headers);
  };
  await using first = await connect("first");
  await using second = await connect("second");
  assert.deepEqual(await second.closed(), FULL);
  first.close(); // not even a goodbye
  await until(async () => {
    await using third = await connect("third");
    await third.write(clientFrame("", { opcode: 9 }));
    return (await third.frame())?.opcode === 10;
  }, "room for another stream");
});

Deno.test("the stream of a producer that crashed counts until --lease-ttl, and its own resume is let in", async () => {
  await using relay = await startRelay({
    port: 0,
    secret: SECRET,
    maxStreamsPerUser: 1,
    leaseTtlMs: 2_000,
    pingIntervalMs: 500,
  });
  {
    await using crashed = await producer(relay.port, { sub: "ada", channel: "first" });
    await crashed.expect("welcome");
  }
  {
    await using resumed = await producer(relay.port, { sub: "ada", channel: "first" });
    await resumed.expect("welcome");
    // it is there for longer than a lease: the relay's pings renew it
    for (let pings = 0; pings < 6; pings++) assert.equal((await resumed.socket.frame())?.opcode, 9);
    await using second = await producer(relay.port, { sub: "ada", channel: "second" });
    assert.deepEqual(await second.socket.closed(), FULL);
  }
  await until(async () => {
    await using third = await producer(relay.port, { sub: "ada", channel: "third" });
    return (await third.next()).type === "welcome";
  }, "the lease to expire");
});

Deno.test("one connection more than --max-connections-per-address is answered 429, until one ends", async () => {
  await using relay = await startRelayProcess(["--max-connections-per-address", "2"]);
  const connect = () => RawSocket.webSocket(relay.port, "/consume/job-7");
  await using first = await connect();
  await using _second = await connect();
  const refused = await exchange(relay.port, request("GET /consume/job-7", HANDSHAKE));
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "5"]);
  assert.deepEqual(JSON.parse(refused.body).error, {
    code: "limit",
    message: "your address has 2 connections already: retry in 5 s",
  });
  first.close();
  await until(async () => {
    const { status } = await exchange(relay.port, request("GET /consume/job-7", HANDSHAKE));
    return status === 101;
  }, "room for another connection");
});

Deno.test("with --trust-proxy the address is the last that X-Forwarded-For names, without it is not asked", async () => {
  for (const trustProxy of [true, false]) {
    await using relay = await startRelay({ port: 0, maxConnectionsPerAddress: 1, trustProxy });
    const connect = async (forwarded: string) => {
      const headers = { ...HANDSHAKE, "X-Forwarded-For": forwarded };
      const socket = await RawSocket.connect(relay.port);
      await socket.write(request("GET /consume/job-7", headers));
      return { socket, status: (await socket.response()).status };
    };
    const sockets = [];
    const statuses = [];
    for (const forwarded of ["192.0.2.1", "192.0.2.1, 192.0.2.2", "192.0.2.3, 192.0.2.1"]) {
      const { socket, status } = await connect(forwarded);
      sockets.push(socket);
      statuses.push(status);
    }
    for (const socket of sockets) socket.close();
    assert.deepEqual(statuses, trustProxy ? [101, 101, 429] : [101, 429, 429]);
  }
});

Deno.test("after twenty wrong secrets an address is not listened to for a while, and told for how long", async () => {
  await using relay = await startRelay({ port: 0, secret: SECRET });
  await using before = await RawSocket.webSocket(relay.port, "/consume/job-7", {
    Authorization: `Bearer ${SECRET}`,
  });
  const attempt = async (secret: string) => {
    await using socket = await RawSocket.webSocket(relay.port, "/produce/job-7");
    await socket.send(JSON.stringify({ type: "auth", secret }));
    return await socket.closed();
  };
  for (let n = 0; n <= 20; n++) assert.equal((await attempt(`guess ${n}`)).code, 4003);
  assert.deepEqual(await attempt(SECRET), {
    code: 4010,
    reason: "too many failed credentials from your address: retry in 1 s",
  });
  // who is in stays, and others who know the secret get in once the time is over
  await until(async () => {
    await using socket = await RawSocket.webSocket(relay.port, "/produce/job-7");
    await socket.send(JSON.stringify({ type: "auth", secret: SECRET }), TOKEN, DONE);
    await socket.write(clientFrame("", { opcode: 9 }));
    return (await socket.frame())?.opcode === 10;
  }, "the time to be over");
  assert.deepEqual((await before.messages()).texts, [TOKEN, DONE]);
});
