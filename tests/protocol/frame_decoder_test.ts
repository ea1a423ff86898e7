import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RelayError } from "../../src/errors.ts";
import { OPCODE } from "../../src/protocol/frame.ts";
import { FrameDecoder } from "../../src/protocol/frame_decoder.ts";
import {
  bytesOf,
  clientClose,
  clientFrame,
  concat,
  decode,
  type Decoded,
  fragments,
  RecordingSink,
  slicesAt,
  slicings,
} from "../helpers/client_frames.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const hexOf = (text: string) => bytesOf(text).toHex();
const { continuation, text, binary, ping, pong, close } = OPCODE;

/** A message that comes before each fault: it has to be delivered. */
const GOOD = clientFrame("good");

/** Asserts that `bytes`, however they are cut, are decoded to `events`. */
function decodesTo(bytes: Uint8Array, ...events: Decoded[]): void {
  for (const slices of slicings(bytes)) {
    const outcome = decode(slices);
    assert.equal(outcome.fault, undefined);
    assert.deepEqual(outcome.events, events);
  }
}

/** Asserts that `bytes`, however they are cut, are refused with `fault` after the messages before them. */
function refuses(bytes: Uint8Array, fault: string, ...before: Decoded[]): void {
  for (const slices of slicings(concat(GOOD, bytes, clientFrame("never")))) {
    const outcome = decode(slices);
    assert.equal(outcome.fault, fault);
    assert.deepEqual(outcome.events, [["text", "good"], ...before]);
  }
}

// RFC 6455 §5.7
const VECTORS: { name: string; bytes: Uint8Array; event: Decoded }[] = [
  {
    name: "a single-frame masked text message",
    bytes: hex("81 85 37 fa 21 3d 7f 9f 4d 51 58"),
    event: ["text", "Hello"],
  },
  {
    name: "a masked pong",
    bytes: hex("8a 85 37 fa 21 3d 7f 9f 4d 51 58"),
    event: ["pong", hexOf("Hello")],
  },
];
for (const { name, bytes, event } of VECTORS) {
  Deno.test(`${name} of RFC 6455 §5.7 is decoded whole, byte by byte and cut at every place`, () => {
    decodesTo(bytes, event);
    decodesTo(concat(bytes, bytes), event, event);
  });
}

Deno.test("the unmasked examples of RFC 6455 §5.7 are a server's and refused from a client", () => {
  const examples = [
    hex("81 05 48 65 6c 6c 6f"),
    hex("01 03 48 65 6c 80 02 6c 6f"),
    hex("89 05 48 65 6c 6c 6f"),
    concat(hex("82 7e 0100"), new Uint8Array(256)),
    concat(hex("82 7f 0000000000010000"), new Uint8Array(65536)),
  ];
  for (const example of examples) {
    const outcome = decode(slicesAt(example, []));
    assert.equal(outcome.fault, "bad_frame");
    assert.deepEqual(outcome.events, []);
  }
  for (const example of examples.slice(0, 3)) refuses(example, "bad_frame");
});

Deno.test("the other examples of RFC 6455 §5.7 are decoded once they are masked", () => {
  decodesTo(concat(...fragments(["Hel", "lo"])), ["text", "Hello"]);
  decodesTo(clientFrame("Hello", { opcode: ping }), ["ping", hexOf("Hello")]);
  const data = new Uint8Array(256).map((_, i) => i);
  decodesTo(clientFrame(data, { opcode: binary }), ["binary", data.toHex()]);
});

for (const length of [0, 1, 2, 3, 4, 5, 24, 125, 126, 127, 65535, 65536]) {
  Deno.test(`payloads of ${length} bytes are decoded for every place in a slice and every mask`, () => {
    const ascii = "a~".repeat(length).slice(0, length);
    const wide = "漢ß\u{1f600}";
    const cjk = length < 9 ? ascii : wide + ascii.slice(bytesOf(wide).length);
    const noise = new Uint8Array(length).map((_, i) => i * 31 + (i >> 8));
    const masks = [new Uint8Array(4), Uint8Array.of(0x80, 1, 0xff, 0x7f), bytesOf("mask")];
    for (let lead = 0; lead < 5; lead++) {
      for (const mask of masks) {
        const bytes = concat(
          clientFrame("x".repeat(lead), { mask }),
          clientFrame(ascii, { mask }),
          clientFrame(noise, { mask, opcode: binary }),
          clientFrame(cjk, { mask }),
        );
        const outcome = decode(slicesAt(bytes, [lead * 7]));
        assert.equal(outcome.fault, undefined);
        assert.deepEqual(outcome.events, [
          ["text", "x".repeat(lead)],
          ["text", ascii],
          ["binary", noise.toHex()],
          ["text", cjk],
        ]);
      }
    }
  });
}

Deno.test("a message at each change of its length form is decoded, cut at every place around its header", () => {
  for (const length of [125, 126, 65535, 65536]) {
    const message = "é".repeat(length >> 1) + "-".repeat(length & 1);
    const bytes = concat(GOOD, clientFrame(message), GOOD);
    for (let cut = 1; cut < GOOD.length + 20; cut++) {
      const outcome = decode(slicesAt(bytes, [cut, cut + 1, bytes.length - cut]));
      const events = [["text", "good"], ["text", message], ["text", "good"]];
      assert.deepEqual(outcome.events, events);
    }
  }
});

Deno.test("messages of every kind are told in the order of the wire", () => {
  const bytes = concat(
    clientFrame("one"),
    clientFrame("p1", { opcode: ping }),
    clientFrame("two"),
    clientFrame("three"),
    clientFrame(Uint8Array.of(0xff, 0), { opcode: binary }),
    clientFrame("", { opcode: pong }),
    clientFrame(""),
    clientClose(1000, "bye ✓"),
  );
  decodesTo(
    bytes,
    ["text", "one"],
    ["ping", hexOf("p1")],
    ["text", "two"],
    ["text", "three"],
    ["binary", "ff00"],
    ["pong", ""],
    ["text", ""],
    ["goodbye", 1000, "bye ✓"],
  );
});

Deno.test("messages that lie in one slice come in one call", () => {
  const messages = Array.from({ length: 2000 }, (_, i) => `message ${i} `.repeat(i % 40));
  const [slice] = slicesAt(concat(...messages.map((message) => clientFrame(message))), []);
  const outcome = decode([slice]);
  assert.deepEqual(outcome.counts, [2000]);
  assert.deepEqual(outcome.events, messages.map((message) => ["text", message]));
});

Deno.test("a batch of all length forms and scripts is byte for byte what its records are", () => {
  const messages = ["", "ö", "漢字".repeat(30), "x".repeat(70_000), "", "ß".repeat(200), "end"];
  const frames = messages.map((message) => clientFrame(message));
  for (const order of [frames, frames.toReversed()]) {
    for (let lead = 0; lead < 4; lead++) {
      const slice = new Uint8Array(lead + concat(...order).length).subarray(lead);
      slice.set(concat(...order));
      assert.deepEqual(decode([slice]).counts, [messages.length]); // the sink compares the bytes
    }
  }
});

Deno.test("a control frame ends a batch and the rest of the slice is another", () => {
  const frame = clientFrame("token");
  const bytes = concat(frame, frame, clientFrame("", { opcode: ping }), frame, frame, frame);
  assert.deepEqual(decode([bytes]).counts, [2, 3]);
});

Deno.test("a message begun in one slice and ended in the next costs the batch after it nothing", () => {
  const frame = clientFrame("0123456789");
  const bytes = concat(frame, frame, frame, frame, frame);
  for (let cut = 1; cut < frame.length; cut++) {
    assert.deepEqual(decode(slicesAt(bytes, [frame.length + cut])).counts, [1, 1, 3]);
  }
});

Deno.test("fragments with control frames between them are one message", () => {
  const [first, second, third, last] = fragments(["Zürich ", "漢", "", "字!"]);
  decodesTo(
    concat(
      clientFrame("before"),
      first,
      clientFrame("a", { opcode: ping }),
      second,
      third,
      clientFrame("b", { opcode: pong }),
      clientFrame("c", { opcode: ping }),
      last,
      clientFrame("after"),
    ),
    ["text", "before"],
    ["ping", hexOf("a")],
    ["pong", hexOf("b")],
    ["ping", hexOf("c")],
    ["text", "Zürich 漢字!"],
    ["text", "after"],
  );
});

Deno.test("a binary message in fragments is one message and need not be UTF-8", () => {
  const parts = [Uint8Array.of(0xff), Uint8Array.of(), Uint8Array.of(0xc0, 0x80)];
  decodesTo(concat(...fragments(parts, binary)), ["binary", "ffc080"]);
});

Deno.test("a character that is split across fragments is whole again", () => {
  const bytes = bytesOf("é漢\u{1f600}");
  const parts = Array.from(bytes, (byte) => Uint8Array.of(byte));
  decodesTo(concat(...fragments(parts)), ["text", "é漢\u{1f600}"]);
});

Deno.test("a byte order mark is content", () => {
  decodesTo(clientFrame("\ufeffx\ufeff"), ["text", "\ufeffx\ufeff"]);
  decodesTo(concat(...fragments(["\ufeffx", "y"])), ["text", "\ufeffxy"]);
});

Deno.test("a close frame without a code is told as 1005", () => {
  decodesTo(clientFrame("", { opcode: close }), ["goodbye", 1005, ""]);
});

Deno.test("a close frame is told with its code and reason", () => {
  for (const code of [1000, 1001, 1003, 1007, 1014, 3000, 4001, 4999]) {
    decodesTo(clientClose(code), ["goodbye", code, ""]);
  }
  decodesTo(clientClose(4001, "é".repeat(61)), ["goodbye", 4001, "é".repeat(61)]);
});

Deno.test("a close code that must not be sent is a fault", () => {
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535]) {
    refuses(clientClose(code), "bad_frame");
  }
});

Deno.test("a close frame with half a code is a fault", () => {
  for (let byte = 0; byte < 256; byte++) {
    refuses(clientFrame(Uint8Array.of(byte), { opcode: close }), "bad_frame");
  }
});

Deno.test("a close reason that is not UTF-8 is a fault of its own", () => {
  refuses(clientClose(1000, Uint8Array.of(0x61, 0xff)), "bad_text");
});

Deno.test("nothing is told after a close frame, in the same slice or a later one", () => {
  const bytes = concat(clientClose(1000), clientFrame("x"), clientFrame("", { opcode: ping }));
  decodesTo(concat(bytes, bytes, clientFrame("unmasked", { mask: null })), ["goodbye", 1000, ""]);
  decodesTo(concat(clientClose(1000), hex("81 7f ff")), ["goodbye", 1000, ""]);
});

Deno.test("nothing is told after a fault in a frame", () => {
  for (const bad of [clientFrame(Uint8Array.of(0xff)), clientFrame("", { rsv: 4 })]) {
    const sink = new RecordingSink();
    const decoder = new FrameDecoder(sink);
    assert.throws(() => decoder.feed(bad.slice()), RelayError);
    for (const frame of [clientFrame("x"), clientClose(1000)]) decoder.feed(frame);
    assert.deepEqual(sink.events, []);
  }
});

Deno.test("a frame without a mask is a fault", () => {
  for (const opcode of [text, binary, ping, pong, close]) {
    refuses(clientFrame("", { mask: null, opcode }), "bad_frame");
    refuses(clientFrame("Hello", { mask: null, opcode }), "bad_frame");
  }
});

Deno.test("each of the reserved bits is a fault", () => {
  for (const rsv of [1, 2, 4, 7]) {
    for (const opcode of [text, binary, ping, pong, close]) {
      refuses(clientFrame("", { rsv, opcode }), "bad_frame");
    }
    refuses(concat(fragments(["a", "b"])[0], clientFrame("b", { rsv, opcode: 0 })), "bad_frame");
  }
});

Deno.test("each of the reserved opcodes is a fault", () => {
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    refuses(clientFrame("x", { opcode }), "bad_frame");
  }
});

Deno.test("a control frame in fragments is a fault", () => {
  for (const opcode of [ping, pong, close]) {
    refuses(clientFrame("", { opcode, fin: false }), "bad_frame");
  }
});

Deno.test("a control frame of 125 bytes is taken and one of 126 is a fault", () => {
  decodesTo(clientFrame("p".repeat(125), { opcode: ping }), ["ping", hexOf("p".repeat(125))]);
  for (const opcode of [ping, pong, close]) {
    refuses(clientFrame("p".repeat(126), { opcode }), "bad_frame");
  }
});

Deno.test("a control frame that is too long is refused from its header alone", () => {
  const header = clientFrame("", { opcode: ping, announced: 126 }).subarray(0, 4);
  assert.equal(decode([header.slice()]).fault, "bad_frame");
});

Deno.test("a continuation of nothing is a fault", () => {
  for (const fin of [true, false]) {
    refuses(clientFrame("x", { opcode: continuation, fin }), "bad_frame");
  }
  const done = concat(...fragments(["a", "b"]));
  refuses(concat(done, clientFrame("c", { opcode: continuation })), "bad_frame", ["text", "ab"]);
});

Deno.test("a new message inside a fragmented one is a fault", () => {
  for (const begun of [text, binary]) {
    const [first] = fragments(["a", "b"], begun);
    for (const opcode of [text, binary]) {
      for (const fin of [true, false]) {
        refuses(concat(first, clientFrame("x", { opcode, fin })), "bad_frame");
      }
    }
  }
});

const BAD_UTF8 = {
  "a stray byte": "61 ff 62",
  "a stray continuation": "80",
  "an overlong form": "c0 af",
  "a surrogate": "ed a0 80",
  "a code point beyond U+10FFFF": "f4 90 80 80",
  "a character cut short": "61 e6 bc",
};
for (const [name, bytes] of Object.entries(BAD_UTF8)) {
  Deno.test(`text with ${name} is refused, in one frame and in fragments`, () => {
    const payload = hex(bytes);
    refuses(clientFrame(payload), "bad_text");
    refuses(clientFrame(concat(payload, bytesOf("x".repeat(200)))), "bad_text");
    refuses(clientFrame(concat(bytesOf("x".repeat(200)), payload)), "bad_text");
    for (let cut = 0; cut <= payload.length; cut++) {
      const parts = [payload.subarray(0, cut), payload.subarray(cut)];
      refuses(concat(...fragments(parts)), "bad_text");
    }
  });
}

Deno.test("two halves of a character in two messages are no character", () => {
  const [lead, ...tail] = bytesOf("é");
  refuses(concat(clientFrame(Uint8Array.of(lead)), clientFrame(Uint8Array.from(tail))), "bad_text");
});

Deno.test("a length that is not in its shortest form is a fault", () => {
  for (const length of [0, 5, 125]) {
    refuses(clientFrame("x".repeat(length), { lengthForm: 3 }), "bad_frame");
    refuses(clientFrame("x".repeat(length), { lengthForm: 9 }), "bad_frame");
  }
  const long = clientFrame("x".repeat(65535), { lengthForm: 9 });
  assert.equal(decode(slicesAt(long, [])).fault, "bad_frame");
});

Deno.test("a message as large as the limit is taken", () => {
  for (const message of ["x".repeat(1000), "é".repeat(500)]) {
    const whole = concat(GOOD, clientFrame(message));
    assert.deepEqual(decode([whole], 1000).events[1], ["text", message]);
    const half = message.slice(message.length / 2);
    const parts = concat(GOOD, ...fragments([half, half, ""]));
    assert.deepEqual(decode([parts], 1000).events[1], ["text", message]);
  }
});

Deno.test("a message one byte over the limit is refused from its header alone", () => {
  const lengths = [[9, 10], [125, 126], [999, 1000], [65535, 65536], [10_000_000, 10_000_001]];
  for (const [limit, announced] of lengths) {
    for (const opcode of [text, binary]) {
      const frame = concat(GOOD, clientFrame("", { opcode, announced }));
      const header = frame.subarray(0, frame.length - 4); // not even the mask is there
      for (const slices of slicings(header)) {
        const outcome = decode(slices, limit);
        assert.equal(outcome.fault, "too_big");
        assert.deepEqual(outcome.events, [["text", "good"]]);
      }
    }
  }
});

Deno.test("a length beyond what a number holds is too big, not small", () => {
  for (const announced of [2n ** 32n, 2n ** 32n + 5n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    assert.equal(decode(slicesAt(clientFrame("hello", { announced }), [])).fault, "too_big");
  }
});

Deno.test("fragments that are too big together are refused at the header that makes them so", () => {
  const [first, , third] = fragments(["x".repeat(600), "", "x".repeat(401)]);
  const tooLong = third.subarray(0, 4);
  const bytes = concat(GOOD, first, clientFrame("", { opcode: ping }), tooLong);
  for (const slices of slicings(bytes)) {
    const outcome = decode(slices, 1000);
    assert.equal(outcome.fault, "too_big");
    assert.deepEqual(outcome.events, [["text", "good"], ["ping", ""]]);
  }
});

Deno.test("the sum of fragments begins anew with each message", () => {
  const message = concat(...fragments(["x".repeat(400), "y".repeat(400)]));
  const outcome = decode([concat(message, message, message)], 1000);
  assert.equal(outcome.fault, undefined);
  assert.equal(outcome.events.length, 3);
});

Deno.test("the limit may change between two messages", () => {
  const sink = new RecordingSink();
  const decoder = new FrameDecoder(sink, 10);
  decoder.feed(clientFrame("0123456789"));
  decoder.maxMessageBytes = 20;
  decoder.feed(clientFrame("01234567890123456789"));
  assert.equal(sink.events.length, 2);
  assert.throws(() => decoder.feed(clientFrame("0".repeat(21))), { code: "too_big" });
});

Deno.test("messages before a fault in the same slice are delivered in one call", () => {
  const faults = [
    clientFrame("x", { mask: null }),
    clientFrame(Uint8Array.of(0xff)),
    clientFrame("", { announced: 2n ** 40n }),
    clientFrame("", { opcode: 3 }),
    clientClose(999),
  ];
  for (const fault of faults) {
    const outcome = decode([concat(clientFrame("a"), clientFrame("é"), clientFrame("c"), fault)]);
    assert.ok(outcome.fault !== undefined);
    assert.deepEqual(outcome.counts, [3]);
    assert.deepEqual(outcome.events, [["text", "a"], ["text", "é"], ["text", "c"]]);
  }
});

Deno.test("a fault is told without a word of the content", () => {
  const faults = [
    clientFrame("secret", { announced: 2n ** 40n }),
    clientFrame(concat(bytesOf("secret"), Uint8Array.of(0xff))),
    clientFrame("secret", { opcode: 3, mask: new Uint8Array(4) }),
    clientFrame("secret", { mask: null }),
    clientClose(999, "secret"),
    clientClose(1000, concat(bytesOf("secret"), Uint8Array.of(0xff))),
  ];
  for (const fault of faults) {
    assert.throws(() => new FrameDecoder(new RecordingSink()).feed(fault), (error: RelayError) => {
      assert.doesNotMatch(`${Deno.inspect(error)} ${Deno.inspect(error.cause)}`, /secret/);
      return error instanceof RelayError;
    });
  }
});

Deno.test("single mode hands on each message by itself and may be left at any of them", () => {
  const bytes = concat(...["one", "two", "three", "four", "five"].map((word) => clientFrame(word)));
  for (const leave of [1, 2, 3]) {
    const sink = new RecordingSink();
    const decoder = new FrameDecoder(sink);
    decoder.single = true;
    const texts = sink.texts.bind(sink);
    sink.texts = (records, count, last) => {
      texts(records, count, last);
      decoder.single = sink.counts.length < leave;
    };
    decoder.feed(bytes.slice());
    assert.deepEqual(sink.counts, [...new Array(leave).fill(1), 5 - leave]);
    assert.deepEqual(sink.events.map(([, word]) => word), ["one", "two", "three", "four", "five"]);
  }
});

Deno.test("single mode hands on a message before the next one is looked at", () => {
  const sink = new RecordingSink();
  const decoder = new FrameDecoder(sink, 10);
  decoder.single = true;
  sink.texts = () => decoder.maxMessageBytes = 1000;
  decoder.feed(concat(clientFrame("auth"), clientFrame("x".repeat(1000))));
  assert.equal(decoder.maxMessageBytes, 1000);
});

Deno.test("an error of the sink passes through and no message is told twice", () => {
  const told: number[] = [];
  const sink = new RecordingSink();
  const decoder = new FrameDecoder(sink);
  sink.texts = (_records, count) => told.push(count);
  sink.binary = () => {
    throw new RelayError("bad_data");
  };
  const frames = concat(clientFrame("a"), clientFrame("b"), clientFrame("", { opcode: binary }));
  assert.throws(() => decoder.feed(concat(frames, clientFrame("c"))), { code: "bad_data" });
  decoder.feed(clientFrame("d"));
  assert.deepEqual(told, [2]);
});

Deno.test("what is buffered is what has arrived, whatever length is announced", () => {
  const frame = clientFrame(new Uint8Array(500), { announced: 10_000_000 });
  for (const step of [1, 7, 500]) {
    const decoder = new FrameDecoder(new RecordingSink(), 10_000_000);
    for (let at = 0; at < frame.length; at += step) {
      decoder.feed(frame.slice(at, at + step));
      assert.equal(decoder.bufferedBytes, Math.min(at + step, frame.length));
    }
  }
});

Deno.test("two hundred announced messages of 10 MiB take no memory to speak of", () => {
  const before = Deno.memoryUsage().external;
  const decoders = Array.from({ length: 200 }, () => new FrameDecoder(new RecordingSink()));
  const frame = clientFrame("", { announced: 10 * 1024 * 1024 });
  for (const decoder of decoders) decoder.feed(concat(frame, Uint8Array.of(1, 2, 3)));
  assert.ok(Deno.memoryUsage().external - before < 100 * 1024 * 1024);
  assert.ok(decoders.every(({ bufferedBytes }) => bufferedBytes === 17));
});

Deno.test("nothing is buffered once a message is complete", () => {
  const sink = new RecordingSink();
  const decoder = new FrameDecoder(sink);
  const [first, second] = fragments(["abc", "de"]);
  decoder.feed(first.slice());
  assert.equal(decoder.bufferedBytes, 3);
  decoder.feed(second.slice(0, 3));
  assert.equal(decoder.bufferedBytes, 6);
  decoder.feed(second.slice(3));
  assert.equal(decoder.bufferedBytes, 0);
  assert.deepEqual(sink.events, [["text", "abcde"]]);
});

Deno.test("endless empty fragments do not grow the memory", () => {
  const decoder = new FrameDecoder(new RecordingSink());
  decoder.feed(clientFrame("x", { fin: false }));
  const empty = clientFrame("", { opcode: continuation, fin: false });
  const many = concat(...new Array(1000).fill(empty));
  const chunk = new Uint8Array(many.length);
  const flood = () => {
    for (let i = 0; i < 500; i++) {
      chunk.set(many);
      decoder.feed(chunk);
    }
  };
  flood(); // compiled and warm, so that only what is kept can grow
  const before = Deno.memoryUsage().heapUsed;
  flood();
  const grown = Deno.memoryUsage().heapUsed - before;
  assert.equal(decoder.bufferedBytes, 1);
  assert.ok(grown < 40_000_000, `grew by ${grown} bytes in 500,000 fragments`);
});

Deno.test("slices may be Node's buffers in one pool, and are the caller's again once they were fed", () => {
  const bytes = concat(...fragments(["ab", "cd"]), clientFrame("ef"));
  for (let step = 1; step <= bytes.length; step++) {
    const pool = Buffer.alloc(step + 3);
    const sink = new RecordingSink();
    const decoder = new FrameDecoder(sink);
    for (let at = 0; at < bytes.length; at += step) {
      const part = bytes.subarray(at, at + step);
      pool.set(part, 3);
      decoder.feed(pool.subarray(3, 3 + part.length));
    }
    assert.deepEqual(sink.events, [["text", "abcd"], ["text", "ef"]]);
  }
});

Deno.test("an empty slice changes nothing", () => {
  const sink = new RecordingSink();
  const decoder = new FrameDecoder(sink);
  for (const slice of slicesAt(clientFrame("hello"), [1, 3, 6])) {
    decoder.feed(new Uint8Array(0));
    decoder.feed(slice);
    decoder.feed(new Uint8Array(0));
  }
  assert.deepEqual(sink.events, [["text", "hello"]]);
});

for (
  const [what, first] of [
    ["reserved bits", 0xc1],
    ["an unknown opcode", 0x83],
    ["an unknown control opcode", 0x8b],
    ["a continuation of nothing", 0x80],
  ] as const
) {
  Deno.test(`${what} are refused from the first two bytes, before any payload is kept`, () => {
    const decoder = new FrameDecoder(new RecordingSink());
    const header = Uint8Array.of(first, 0x80 | 127, 0);
    assert.throws(() => decoder.feed(header), { code: "bad_frame" });
    assert.equal(decoder.bufferedBytes, 0);
  });
}

Deno.test("a decoder that is held hands on nothing more, however it is fed, and all of it once it is released", () => {
  const bytes = concat(
    clientFrame("first"),
    clientFrame("second"),
    clientFrame("", { opcode: ping }),
    ...fragments(["thi", "rd"]),
    clientFrame("fourth"),
    clientClose(1000),
  );
  const whole = decode([bytes.slice()]).events;
  for (const slices of slicings(bytes)) {
    const sink = new RecordingSink();
    const decoder: FrameDecoder = new FrameDecoder({
      texts(records, count, last) {
        sink.texts(records, count, last);
        decoder.hold();
      },
      binary: (payload) => sink.binary(payload),
      ping: (...args) => sink.ping(...args),
      pong: (...args) => sink.pong(...args),
      goodbye: (...args) => sink.goodbye(...args),
    });
    decoder.single = true;
    for (const slice of slices) decoder.feed(slice.slice());
    assert.deepEqual(sink.events, whole.slice(0, 1));
    for (let messages = 2; messages <= 4; messages++) {
      decoder.release();
      assert.equal(sink.events.filter(([kind]) => kind === "text").length, messages);
    }
    decoder.release();
    assert.deepEqual(sink.events, whole);
  }
});

Deno.test("limits that change while a decoder is held are those of what follows", () => {
  const sink = new RecordingSink();
  const decoder = new FrameDecoder(sink, 10);
  decoder.single = true;
  decoder.hold();
  decoder.feed(clientFrame("x".repeat(20)));
  decoder.maxMessageBytes = 20;
  decoder.release();
  assert.deepEqual(sink.events, [["text", "x".repeat(20)]]);
  decoder.hold();
  decoder.feed(clientFrame("x".repeat(21)));
  assert.throws(() => decoder.release(), { code: "too_big" });
});
