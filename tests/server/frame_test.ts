/** Frames that break RFC 6455, and control frames that do not. */

import assert from "node:assert/strict";
import { type ErrorCode, ERRORS } from "../../src/errors.ts";
import { OPCODE } from "../../src/protocol/frame.ts";
import { clientClose, clientFrame, concat, fragments } from "../helpers/client_frames.ts";
import { RawSocket } from "../helpers/raw_socket.ts";
import { openFiles, residentBytes, servesOthers } from "../helpers/relay_state.ts";
import { sharedRelay } from "../helpers/shared_relay.ts";
import { until } from "../helpers/within.ts";

const MiB = 1024 * 1024;
const MAX_MESSAGE_BYTES = 1 * MiB;
const relay = sharedRelay(["--max-message-bytes", "1MiB"]);

const TOKEN = '{"type":"token","content":"Hi"}';
const NO_UTF8 = Uint8Array.of(0xff, 0xfe);

/** What a client sends, and the error it gets for it. */
const FAULTS: Record<string, [ErrorCode, Uint8Array]> = {
  "a frame that is not masked": ["bad_frame", clientFrame(TOKEN, { mask: null })],
  "a frame with reserved bits": ["bad_frame", clientFrame(TOKEN, { rsv: 4 })],
  "a frame of an unknown opcode": ["bad_frame", clientFrame(TOKEN, { opcode: 3 })],
  "a control frame of an unknown opcode": ["bad_frame", clientFrame("", { opcode: 0xb })],
  "a length that is not in its shortest form": [
    "bad_frame",
    clientFrame(TOKEN, { lengthForm: 9 }),
  ],
  "a continuation of nothing": ["bad_frame", clientFrame(TOKEN, { opcode: 0 })],
  "a message within another": [
    "bad_frame",
    concat(clientFrame("{", { fin: false }), clientFrame(TOKEN)),
  ],
  "a ping in fragments": ["bad_frame", clientFrame("", { opcode: OPCODE.ping, fin: false })],
  "a ping of 126 bytes": [
    "bad_frame",
    clientFrame("x".repeat(126), { opcode: OPCODE.ping }),
  ],
  "a close frame of one byte": ["bad_frame", clientFrame("x", { opcode: OPCODE.close })],
  "a close code that none may send": ["bad_frame", clientClose(1006)],
  "a message too big, from its header alone": [
    "too_big",
    clientFrame("", { announced: MAX_MESSAGE_BYTES + 1 }),
  ],
  "a message of 2^63 bytes, from its header alone": [
    "too_big",
    clientFrame("", { announced: 2n ** 63n }),
  ],
  "fragments too big together, from the last header": [
    "too_big",
    concat(
      clientFrame("x".repeat(MAX_MESSAGE_BYTES), { fin: false }),
      clientFrame("", { opcode: 0, announced: 1 }),
    ),
  ],
  "text that is not UTF-8": ["bad_text", clientFrame(NO_UTF8)],
  "text in fragments that is not UTF-8": ["bad_text", concat(...fragments(["a", NO_UTF8, "b"]))],
  "a close reason that is not UTF-8": ["bad_text", clientClose(1000, NO_UTF8)],
  "a binary message": ["bad_data", clientFrame(TOKEN, { opcode: OPCODE.binary })],
  "a binary message in fragments": ["bad_data", concat(...fragments(["a", "b"], OPCODE.binary))],
};

for (const [what, [code, bytes]] of Object.entries(FAULTS)) {
  const { close, text } = ERRORS[code];
  for (const role of ["produce", "consume"]) {
    Deno.test(`${what} is closed ${close} (${role})`, async () => {
      await using socket = await RawSocket.webSocket(relay.port, `/${role}/${crypto.randomUUID()}`);
      await socket.write(bytes);
      assert.deepEqual(await socket.closed(), { code: close, reason: text });
      await relay.nothingLeaks();
    });
  }

  Deno.test(`what came before ${what} reaches the consumers, who are told of the loss`, async () => {
    const id = crypto.randomUUID();
    await using consumer = await RawSocket.webSocket(relay.port, `/consume/${id}`);
    await using producer = await RawSocket.webSocket(relay.port, `/produce/${id}`);
    await producer.write(concat(clientFrame(TOKEN), clientFrame("{}"), bytes));
    assert.equal((await producer.closed()).code, close);
    const { texts: [first, second, last, ...more], close: end } = await consumer.messages();
    assert.deepEqual([first, second, more], [TOKEN, "{}", []]);
    assert.equal(JSON.parse(last).code, "lost");
    assert.equal(end.code, 1000);
  });
}

Deno.test("a message as big as allowed is carried", async () => {
  const id = crypto.randomUUID();
  const text = "x".repeat(MAX_MESSAGE_BYTES);
  await using consumer = await RawSocket.webSocket(relay.port, `/consume/${id}`);
  await using producer = await RawSocket.webSocket(relay.port, `/produce/${id}`);
  await producer.send(text);
  assert.equal(await consumer.message(), text);
});

for (const role of ["produce", "consume"]) {
  const connect = () => RawSocket.webSocket(relay.port, `/${role}/${crypto.randomUUID()}`);

  Deno.test(`a ping is answered with its own payload (${role})`, async () => {
    await using socket = await connect();
    for (const payload of ["", "x", "\xff\0".repeat(31), "y".repeat(125)]) {
      await socket.write(clientFrame(payload, { opcode: OPCODE.ping }));
      const pong = await socket.frame();
      assert.equal(pong?.opcode, OPCODE.pong);
      assert.equal(new TextDecoder().decode(pong.payload), payload);
    }
  });

  Deno.test(`a pong nobody asked for is ignored (${role})`, async () => {
    await using socket = await connect();
    await socket.write(clientFrame("unasked", { opcode: OPCODE.pong }));
    await socket.write(clientFrame("asked", { opcode: OPCODE.ping }));
    assert.equal(new TextDecoder().decode((await socket.frame())?.payload), "asked");
  });

  for (const [code, answer] of [[1000, 1000], [1001, 1001], [3000, 3000], [4999, 4999]]) {
    Deno.test(`a close frame with ${code} is answered with ${answer} (${role})`, async () => {
      await using socket = await connect();
      await socket.sendClose(code);
      assert.equal((await socket.closed()).code, answer);
      await relay.nothingLeaks();
    });
  }

  Deno.test(`a close frame without a code is answered with 1000 (${role})`, async () => {
    await using socket = await connect();
    await socket.write(clientFrame("", { opcode: OPCODE.close }));
    assert.equal((await socket.closed()).code, 1000);
    await relay.nothingLeaks();
  });

  Deno.test(`a client that cuts the connection within a frame leaves nothing (${role})`, async () => {
    await using socket = await connect();
    await socket.write(clientFrame("x".repeat(100_000), { fin: false }));
    await socket.write(clientFrame(TOKEN, { opcode: 0 }).subarray(0, 9));
    socket.close();
    await relay.nothingLeaks();
  });

  Deno.test(`half a million pings whose pongs nobody reads cost no memory (${role})`, async () => {
    await using socket = await connect();
    const ping = clientFrame("x".repeat(125), { opcode: OPCODE.ping });
    const batch = concat(...Array.from({ length: 10_000 }, () => ping));
    const before = residentBytes(relay.pid);
    for (let i = 0; i < 50; i++) await socket.write(batch);
    await servesOthers(relay.port);
    const grown = residentBytes(relay.pid) - before;
    assert.ok(grown < 40 * MiB, `grown by ${grown} bytes for ${50 * batch.length} bytes of pings`);
    await socket.sendClose();
    for (let frame = await socket.frame(); frame?.opcode !== OPCODE.close;) {
      assert.equal(frame?.opcode, OPCODE.pong);
      frame = await socket.frame();
    }
    assert.ok(socket.bytesRead < 50 * batch.length / 2, "most pings went unanswered");
    socket.close();
    await relay.nothingLeaks();
  });
}

Deno.test("a client that keeps its connection after the goodbyes is cut", async () => {
  const before = openFiles(relay.pid);
  await using socket = await RawSocket.webSocket(relay.port, "/nope");
  assert.equal((await socket.messages()).close.code, 4000);
  assert.ok(await socket.ended());
  // our own direction stays open and silent
  await until(() => openFiles(relay.pid) <= before, "the relay to cut the connection");
});
