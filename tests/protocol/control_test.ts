import assert from "node:assert/strict";
import fc from "fast-check";
import { RelayError } from "../../src/errors.ts";
import { parseClientControl } from "../../src/protocol/client_control.ts";
import { MAX_CONTROL_MESSAGE_BYTES } from "../../src/protocol/control.ts";
import { parseToConsumer, parseToProducer } from "../../src/protocol/relay_control.ts";

/** What reads one direction of the protocol. */
type Parser = (text: string) => object;
type Fields = Record<string, unknown>;

const PARSERS: Parser[] = [parseClientControl, parseToProducer, parseToConsumer];

const seq = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));
const epoch = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const run = fc.tuple(seq, seq).map(([a, b]) => ({ first: Math.min(a, b), next: Math.max(a, b) }));
const reason = fc.string({ unit: fc.constantFrom(..."aZ0 .:%ü€漢🙂"), maxLength: 40 });
const ending = {
  type: fc.constant("end"),
  next: seq,
  exit_code: fc.nat(255),
  signal: fc.constantFrom("SIGTERM", "SIGUSR1", "SIG34"),
};

function record(fields: Record<string, fc.Arbitrary<unknown>>, optional: string[] = []) {
  const requiredKeys = Object.keys(fields).filter((name) => !optional.includes(name));
  return fc.record(fields, { requiredKeys, noNullPrototype: true }) as fc.Arbitrary<Fields>;
}

const oneOf = (...values: string[]) => fc.constantFrom(...values);
const cancel = record({ type: oneOf("cancel"), reason }, ["reason"]);

/** Every message there is, beside the parser of who receives it. */
const message: fc.Arbitrary<[Parser, Fields]> = fc.oneof(
  fc.tuple(
    fc.constant(parseClientControl),
    fc.oneof(
      fc.tuple(
        record({ type: oneOf("hello"), role: oneOf("produce"), epoch, credential: fc.string() }, [
          "credential",
        ]),
        run,
      ).map(([fields, run]) => ({ ...fields, ...run })),
      record({
        type: oneOf("hello"),
        role: oneOf("consume"),
        position: fc.string(),
        restart: fc.boolean(),
        credential: fc.string(),
      }, ["position", "credential"]),
      record({ ...ending, status: oneOf("done", "error", "cancelled") }, ["exit_code", "signal"]),
      cancel,
    ),
  ),
  fc.tuple(
    fc.constant(parseToProducer),
    fc.oneof(
      record({ type: oneOf("welcome"), epoch, next: seq, window: seq }),
      record({ type: oneOf("ack"), next: seq, end: fc.constant(true) }, ["end"]),
      cancel,
    ),
  ),
  fc.tuple(
    fc.constant(parseToConsumer),
    fc.oneof(
      record({ type: oneOf("welcome"), state: oneOf("waiting", "live", "away", "ended") }),
      record({ type: oneOf("begin", "restart"), epoch, from: seq, next: seq }),
      record({ type: oneOf("gap"), from: seq, to: seq }),
      record({ type: oneOf("producer"), state: oneOf("live", "away") }),
      record({ type: oneOf("cancelling"), reached: fc.boolean(), reason }, ["reason"]),
      record({
        ...ending,
        status: oneOf("done", "error", "cancelled", "closed", "lost", "expired"),
      }, ["exit_code", "signal"]),
    ),
  ),
);

/** An example of each message with required fields. */
const HELLO = { type: "hello", role: "produce", epoch: "run-1", first: 2, next: 5 };
const END = { type: "end", next: 5, status: "done" };
const EXAMPLES: [Parser, Fields][] = [
  [parseClientControl, HELLO],
  [parseClientControl, END],
  [parseToProducer, { type: "welcome", epoch: "run-1", next: 5, window: 65536 }],
  [parseToProducer, { type: "ack", next: 5 }],
  [parseToConsumer, { type: "begin", epoch: "run-1", from: 2, next: 5 }],
  [parseToConsumer, { type: "restart", epoch: "run-1", from: 0, next: 5 }],
  [parseToConsumer, { type: "gap", from: 2, to: 5 }],
  [parseToConsumer, END],
];

const NO_SEQ = ["-1", "0.5", "9007199254740992", "1e300", "1e999", '"5"', "null", "true", "[5]"];
const NO_EPOCH = [
  '""',
  '"run 1"',
  '"run:1"',
  '"run\\n"',
  '"é"',
  `"${"x".repeat(65)}"`,
  "7",
  "null",
];

/** What is left of a message on the wire: fields that are `undefined` are not. */
function wire(message: object): Fields {
  return JSON.parse(JSON.stringify(message));
}

function read(parse: Parser, fields: Fields): Fields {
  return wire(parse(JSON.stringify(fields)));
}

/** Asserts that `text` is refused with words that a peer may be given and that fit into a close frame. */
function refused(parse: Parser, text: string, why: RegExp): void {
  assert.throws(() => parse(text), (error) => {
    assert.ok(error instanceof RelayError, String(error));
    assert.equal(error.code, "protocol", text);
    assert.match(error.message, why, text);
    assert.equal(error.peerText, error.message);
    assert.ok(new TextEncoder().encode(error.peerText).length <= 123);
    return true;
  }, text);
}

/** `fields` with `name` written as `json`, or left out. */
function altered(fields: Fields, name: string, json?: string): string {
  const { [name]: _, ...others } = fields;
  const text = JSON.stringify(others);
  return json === undefined ? text : `${text.slice(0, -1)},"${name}":${json}}`;
}

Deno.test("every message is read as it was written", () => {
  fc.assert(
    fc.property(message, ([parse, fields]) => assert.deepEqual(read(parse, fields), fields)),
    { numRuns: 1000 },
  );
});

Deno.test("fields that are not known are ignored", () => {
  const name = fc.string().map((name) => `x${name}`);
  fc.assert(fc.property(message, fc.dictionary(name, fc.jsonValue()), ([parse, fields], more) => {
    assert.deepEqual(read(parse, { ...more, ...fields }), fields);
    assert.deepEqual(read(parse, { ...fields, ...more }), fields);
  }));
  const polluting = altered(HELLO, "__proto__", '{"credential":"x"}');
  assert.deepEqual(wire(parseClientControl(polluting)), HELLO);
});

Deno.test("what is not a JSON object is refused", () => {
  const texts = ["", " ", "{", "hello", "{type:'cancel'}", '{"type":"cancel"}{}', "\ufeff{}"];
  for (const parse of PARSERS) {
    for (const text of texts) refused(parse, text, /^control message is not JSON$/);
    for (const text of ["null", "7", "true", '"cancel"']) refused(parse, text, /is no object$/);
    for (const text of ["[]", '["cancel"]']) refused(parse, text, /^unknown type/);
    refused(parse, "[".repeat(MAX_CONTROL_MESSAGE_BYTES), /is not JSON$/);
  }
});

Deno.test("a type that is unknown, missing or no text is refused", () => {
  const types = ['"dance"', '""', '"HELLO"', '"toString"', '"__proto__"', "null", "1", "{}"];
  for (const parse of PARSERS) {
    for (const type of [undefined, ...types, '["cancel"]']) {
      refused(parse, altered({ ...HELLO, ...END }, "type", type), /^unknown type/);
    }
  }
});

Deno.test("a message is refused by those whom it is not for", () => {
  refused(parseClientControl, JSON.stringify(EXAMPLES[2][1]), /^unknown type/);
  refused(parseToProducer, JSON.stringify(END), /^unknown type/);
  refused(parseToConsumer, JSON.stringify(HELLO), /^unknown type/);
  refused(parseToConsumer, '{"type":"cancel"}', /^unknown type/);
});

Deno.test("a number that is missing, or no whole number from 0 to 2^53-1, is refused by its name", () => {
  for (const [parse, fields] of EXAMPLES) {
    assert.deepEqual(read(parse, fields), fields);
    for (const name of Object.keys(fields).filter((name) => typeof fields[name] === "number")) {
      const why = new RegExp(`^${fields.type}: ${name} is no whole number from 0 on$`);
      for (const json of [undefined, ...NO_SEQ]) refused(parse, altered(fields, name, json), why);
    }
  }
});

Deno.test("a number may be spelt in any way JSON has", () => {
  for (const json of ["1000", "1e3", "1000.0", "10000E-1"]) {
    assert.deepEqual(wire(parseToProducer(`{"type":"ack","next":${json}}`)).next, 1000);
  }
});

Deno.test("a bad epoch is refused", () => {
  for (const [parse, fields] of EXAMPLES.filter(([, { epoch }]) => epoch !== undefined)) {
    for (const json of [undefined, ...NO_EPOCH]) {
      refused(parse, altered(fields, "epoch", json), /: epoch is not 1 to 64 characters/);
    }
  }
});

Deno.test("a producer's hello is refused where it begins beyond its end", () => {
  refused(parseClientControl, altered(HELLO, "first", "6"), /first is beyond next/);
  assert.equal(wire(parseClientControl(altered(HELLO, "first", "5"))).first, 5);
});

Deno.test("a hello is refused without a role that is known", () => {
  for (const json of [undefined, "null", '"Produce"', '"relay"', "1", '["consume"]']) {
    refused(parseClientControl, altered(HELLO, "role", json), /role is not produce, consume or/);
  }
});

Deno.test("who only wants to cancel says so", () => {
  const hello = { type: "hello", role: "cancel", position: "live" };
  assert.deepEqual(read(parseClientControl, hello), { ...hello, restart: false });
});

Deno.test("the nonce of a holder is 16 to 64 characters of base64url", () => {
  const consume = { type: "hello", role: "consume" };
  for (const holder of ["x".repeat(16), "-_09azAZ".repeat(8)]) {
    const json = JSON.stringify(holder);
    for (const hello of [HELLO, consume]) {
      assert.equal(wire(parseClientControl(altered(hello, "holder", json))).holder, holder);
    }
  }
  for (
    const json of [
      "null",
      "7",
      '""',
      `"${"x".repeat(15)}"`,
      `"${"x".repeat(65)}"`,
      '"sixteen letters."',
    ]
  ) {
    for (const hello of [HELLO, consume]) {
      refused(parseClientControl, altered(hello, "holder", json), /holder is not 16 to 64/);
    }
  }
});

Deno.test("a consumer's hello needs nothing but its role; position and credential are text", () => {
  const hello = { type: "hello", role: "consume" };
  assert.deepEqual(read(parseClientControl, hello), { ...hello, restart: false });
  for (const json of ["null", "7", "{}", '["live"]', "false"]) {
    refused(parseClientControl, altered(hello, "position", json), /position is no text/);
    refused(parseClientControl, altered(hello, "credential", json), /credential is no text/);
    refused(parseClientControl, altered(HELLO, "credential", json), /credential is no text/);
  }
});

Deno.test("only true is true", () => {
  const hello = { type: "hello", role: "consume" };
  for (const json of ['"true"', "1", "{}", "null", "false"]) {
    assert.equal(wire(parseClientControl(altered(hello, "restart", json))).restart, false);
    assert.equal("end" in parseToProducer(`{"type":"ack","next":1,"end":${json}}`), false);
    const cancelling = parseToConsumer(`{"type":"cancelling","reached":${json}}`);
    assert.equal(wire(cancelling).reached, false);
  }
});

Deno.test("a status or state that is not known is refused", () => {
  for (const json of [undefined, "null", "1", '"Done"', '"toString"', '["done"]']) {
    refused(parseClientControl, altered(END, "status", json), /^end: status is not done, error/);
    refused(parseToConsumer, altered(END, "status", json), /./);
    refused(parseToConsumer, altered({ type: "welcome" }, "state", json), /./);
  }
  // only a relay says these
  for (const status of ["closed", "lost", "expired"]) {
    refused(parseClientControl, JSON.stringify({ ...END, status }), /^end: status is not/);
  }
});

Deno.test("an exit code or a signal that makes no sense is left out", () => {
  for (const parse of [parseClientControl, parseToConsumer]) {
    for (const json of ["-1", "256", "1.5", '"1"', "null", "1e999"]) {
      assert.deepEqual(wire(parse(altered(END, "exit_code", json))), END);
    }
    for (const json of ['"TERM"', '"SIG"', '"SIGterm"', '"SIG\\u001b[2J"', '"SIGTERM\\n"', "15"]) {
      assert.deepEqual(wire(parse(altered(END, "signal", json))), END);
    }
    assert.deepEqual(wire(parse(altered(END, "exit_code", "0"))), { ...END, exit_code: 0 });
  }
});

Deno.test("nothing of a reason works on a terminal, and it is short", () => {
  const reasonOf = (reason: unknown) =>
    PARSERS.map((parse) =>
      wire(parse(JSON.stringify({
        type: parse === parseToConsumer ? "cancelling" : "cancel",
        reason,
      }))).reason
    );
  for (const none of [null, 7, {}, ["x"]]) {
    assert.deepEqual(reasonOf(none), [undefined, undefined, undefined]);
  }
  const trick = "no\x1b[2J\r\n\x00\x9b\u202espace left: 100 %";
  assert.deepEqual(new Set(reasonOf(trick)), new Set(["no[2Jspace left: 100 %"]));
  assert.deepEqual(new Set(reasonOf("x".repeat(5000))), new Set(["x".repeat(200)]));
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 50 }), (text) => {
    for (const reason of reasonOf(text)) {
      assert.doesNotMatch(String(reason), /[\p{C}\p{Zl}\p{Zp}]/u);
    }
  }));
});

Deno.test("a client's message of more than 8 KiB is refused, whatever is in it", () => {
  const sized = (size: number) => {
    const text = JSON.stringify({ type: "cancel", x: "" });
    return text.replace('""', `"${"x".repeat(size - text.length)}"`);
  };
  const [most, more] = [0, 1].map((over) => sized(MAX_CONTROL_MESSAGE_BYTES + over));
  assert.equal(most.length, 8192);
  assert.deepEqual(wire(parseClientControl(most)), { type: "cancel" });
  refused(parseClientControl, more, /^control message is too long$/);
  refused(parseClientControl, "x".repeat(9000), /^control message is too long$/);
  assert.deepEqual(wire(parseToProducer(more)), { type: "cancel" }); // who chose the relay trusts it so far
});

/** Anything with the names and some of the values that are looked at. */
const nearlyMessage = fc.record(
  Object.fromEntries(
    ["role", "epoch", "first", "next", "from", "to", "window", "position", "restart", "credential"]
      .concat("status", "state", "reached", "reason", "exit_code", "signal", "end")
      .map((
        name,
      ) => [name, fc.oneof(seq, epoch, oneOf("done", "live", "consume"), fc.jsonValue())]),
  ),
  { requiredKeys: [], noNullPrototype: true },
);

Deno.test("whatever comes is read or refused as a protocol error", () => {
  const types = oneOf("hello", "end", "cancel", "welcome", "ack", "begin", "gap", "cancelling");
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc.tuple(types, nearlyMessage).map(([type, fields]) => JSON.stringify({ ...fields, type })),
    fc.tuple(message, fc.nat()).map(([[, fields], cut]) => {
      const text = JSON.stringify(fields);
      return text.slice(0, cut % text.length);
    }),
  );
  fc.assert(
    fc.property(text, fc.constantFrom(...PARSERS), (text, parse) => {
      let message;
      try {
        message = parse(text);
      } catch (error) {
        assert.ok(error instanceof RelayError && error.code === "protocol", String(error));
        return;
      }
      // what was read is a message of the same kind
      assert.deepEqual(read(parse, wire(message)), wire(message));
    }),
    { numRuns: 3000 },
  );
});
