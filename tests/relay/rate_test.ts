import assert from "node:assert/strict";
import fc from "fast-check";
import { Rate } from "../../src/relay/rate.ts";

Deno.test("whoever waits as told sends no more than the rate and one second's worth", () => {
  const sends = fc.array(fc.record({ messages: fc.nat(50), bytes: fc.nat(5_000) }), {
    maxLength: 50,
  });
  const rates = fc.record({
    messages: fc.integer({ min: 1, max: 100 }),
    bytes: fc.integer({ min: 1, max: 10_000 }),
  });
  fc.assert(fc.property(sends, rates, (list, options) => {
    const rate = new Rate(options, 0);
    let now = 0;
    let [messages, bytes] = [0, 0];
    for (const send of list) {
      rate.spend(send.messages, send.bytes, now);
      messages += send.messages;
      bytes += send.bytes;
      now += rate.waitMs(now);
      const seconds = now / 1000 + 1;
      assert.ok(messages <= options.messages * seconds + 1e-6);
      assert.ok(bytes <= options.bytes * seconds + 1e-6);
    }
  }));
});

Deno.test("who is slower never waits, and saves up no more than a second", () => {
  const rate = new Rate({ messages: 10, bytes: Infinity }, 0);
  for (let now = 0; now < 100_000; now += 100) {
    rate.spend(1, 1_000_000, now);
    assert.equal(rate.waitMs(now), 0);
  }
  rate.spend(11, 0, 200_000);
  assert.equal(rate.waitMs(200_000), 100);
});

Deno.test("without a rate there is none to keep to", () => {
  assert.equal(Rate.limits({ messages: Infinity, bytes: Infinity }), false);
  assert.equal(Rate.limits({ messages: 1, bytes: Infinity }), true);
  assert.equal(Rate.limits({ messages: Infinity, bytes: 1 }), true);
});
