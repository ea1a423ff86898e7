/** The operator's paths, by HTTP, without the rest of the relay. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { RelayError } from "../../src/errors.ts";
import { Access } from "../../src/relay/access.ts";
import { Guard } from "../../src/relay/guard.ts";
import { DEFAULT_LIMITS } from "../../src/relay/limits.ts";
import { knownError, sendAnswer, sendError } from "../../src/relay/server/http_error.ts";
import { operatorRoutes } from "../../src/relay/server/operator_routes.ts";
import { mintToken } from "../../src/relay/token.ts";
import { channelsWith, RigProducer, rigReader } from "../helpers/relay_rig.ts";

const SECRET = "s3cret-of-the-relay";
const BEARER = { Authorization: `Bearer ${SECRET}` };

/** A server of these paths alone; anything else is 404. */
async function operator({ secrets = [SECRET], stopping = false, freeFailures = 20 } = {}) {
  const channels = channelsWith();
  const route = operatorRoutes({
    access: new Access(secrets, { guard: new Guard({ maxConnections: 100, freeFailures }) }),
    channels,
    limits: DEFAULT_LIMITS,
    connections: () => 3,
    stopping: () => stopping,
    version: "1.2.3",
    address: () => "192.0.2.1",
  });
  const server = createServer(async (request, response) => {
    try {
      const answer = await route(request, new URL(request.url!, "http://relay"));
      if (answer === undefined) throw new RelayError("bad_path");
      sendAnswer(request, response, answer);
    } catch (error) {
      sendError(request, response, knownError(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    channels,
    async ask(path: string, init: RequestInit = {}) {
      const response = await fetch(url + path, { redirect: "manual", ...init });
      const text = await response.text();
      const isJson = response.headers.get("content-type") === "application/json";
      return {
        status: response.status,
        headers: response.headers,
        text,
        json: isJson && text !== "" ? JSON.parse(text) : undefined,
      };
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

Deno.test("/health tells what the Python relay tells, and more, to everybody", async () => {
  await using relay = await operator();
  new RigProducer(relay.channels, "one").send(1);
  const { status, json, headers } = await relay.ask("/health");
  assert.equal(status, 200);
  const { timestamp, uptime_seconds, ...rest } = json;
  assert.deepEqual(rest, {
    status: "healthy",
    active_channels: 1,
    live: true,
    ready: true,
    version: "1.2.3",
    connections: 3,
    memory_bytes: relay.channels.bytes,
    memory_limit_bytes: DEFAULT_LIMITS.maxMemory,
  });
  assert.ok(!Number.isNaN(Date.parse(timestamp)));
  assert.ok(Number.isInteger(uptime_seconds) && uptime_seconds >= 0);
  assert.equal(headers.get("cache-control"), "no-store");
});

Deno.test("/health of a relay that shuts down is 503: live, not ready", async () => {
  await using relay = await operator({ stopping: true });
  const { status, json } = await relay.ask("/health");
  assert.deepEqual([status, json.status, json.live, json.ready], [503, "draining", true, false]);
});

Deno.test("/metrics is Prometheus' text and names no channel", async () => {
  await using relay = await operator();
  rigReader(relay.channels, "the-channel");
  const { status, headers, text } = await relay.ask("/metrics");
  assert.equal(status, 200);
  assert.match(headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  assert.match(text, /^streamrelay_channels\{state="waiting"\} 1$/m);
  assert.doesNotMatch(text, /the-channel/);
});

Deno.test("/channels and /channels/{id} are for holders of the secret, and tell others nothing", async () => {
  await using relay = await operator();
  new RigProducer(relay.channels, "job-7", { meta: { job: "4711" } }).send(3, "the-content");
  for (const path of ["/channels", "/channels/job-7", "/channels/none"]) {
    const { status, json, headers } = await relay.ask(path);
    assert.equal(status, 401, path);
    assert.deepEqual(json, {
      error: { code: "unauthorized", message: "credential missing or refused" },
    });
    assert.match(headers.get("www-authenticate")!, /^Bearer/);
    const wrong = await relay.ask(path, { headers: { Authorization: "Bearer guess" } });
    assert.equal(wrong.status, 401, path);
  }
  const list = await relay.ask("/channels", { headers: BEARER });
  assert.equal(list.status, 200);
  assert.equal(list.json.total, 1);
  assert.deepEqual(list.json.channels[0].meta, { job: "4711" });
  const one = await relay.ask("/channels/job-7", { headers: BEARER });
  assert.deepEqual([one.json.state, one.json.position], ["live", "job-7-run:3"]);
  assert.doesNotMatch(list.text + one.text, /the-content/);
});

Deno.test("a token, which is for one channel, is not enough to see them", async () => {
  await using relay = await operator();
  const roles = ["produce", "consume", "cancel"] as const;
  const token = await mintToken(SECRET, { channel: "job-7", roles, ttlMs: 60_000 });
  for (const path of ["/channels", "/channels/job-7", `/channels/job-7?token=${token}`]) {
    const headers = path.includes("?") ? undefined : { Authorization: `Bearer ${token}` };
    const { status, json, text } = await relay.ask(path, { headers });
    assert.deepEqual([status, json], [403, {
      error: { code: "forbidden", message: "only the relay's secret opens this, no token does" },
    }], path);
    assert.doesNotMatch(text, new RegExp(token.split(".")[2]));
  }
});

Deno.test("who guesses has to wait, and is told for how long", async () => {
  await using relay = await operator({ freeFailures: 2 });
  const headers = { Authorization: "Bearer guess" };
  for (let i = 0; i < 3; i++) await relay.ask("/channels", { headers });
  const late = await relay.ask("/channels", { headers: BEARER });
  assert.equal(late.status, 429);
  assert.match(late.headers.get("retry-after")!, /^[1-9]\d*$/);
});

Deno.test("a relay without a secret shows its channels to everybody", async () => {
  await using relay = await operator({ secrets: [] });
  assert.equal((await relay.ask("/channels")).status, 200);
});

Deno.test("a channel that is not there is 404", async () => {
  await using relay = await operator();
  const { status, json } = await relay.ask("/channels/none", { headers: BEARER });
  assert.deepEqual([status, json.error.code], [404, "no_channel"]);
});

const BAD = [
  "/channels/%3Cscript%3E",
  `/channels/${"a".repeat(129)}`,
  "/channels/a%20b",
  "/channels?limit=0",
  "/channels?limit=1001",
  "/channels?limit=-1",
  "/channels?limit=1e2",
  "/channels?limit=",
  "/channels?limit=5&limit=6",
  "/channels?state=dead",
  "/channels?state=live&state=live",
  "/channels?after=",
  "/channels?after=a%20b",
  `/channels?after=${"a".repeat(5_000)}`,
];

for (const path of BAD) {
  Deno.test(`${path.slice(0, 40)} is 400 and JSON that repeats nothing of it`, async () => {
    await using relay = await operator();
    const { status, json, text } = await relay.ask(path, { headers: BEARER });
    assert.equal(status, 400);
    assert.deepEqual(Object.keys(json.error), ["code", "message"]);
    assert.doesNotMatch(text, /script|aaaa/);
  });
}

const PATHS = [
  "/",
  "/health",
  "/metrics",
  "/channels",
  "/channels/job-7",
  "/overview-assets/overview.js",
  "/overview-assets/overview.css",
];

Deno.test("every path answers HEAD like GET without a body, and other methods 405", async () => {
  await using relay = await operator();
  new RigProducer(relay.channels, "job-7");
  for (const path of PATHS) {
    const get = await relay.ask(path, { headers: BEARER });
    assert.equal(get.status, 200, path);
    const head = await relay.ask(path, { method: "HEAD", headers: BEARER });
    assert.deepEqual([head.status, head.text], [200, ""], path);
    assert.equal(head.headers.get("content-type"), get.headers.get("content-type"));
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const { status, headers, json } = await relay.ask(path, { method, headers: BEARER });
      assert.deepEqual(
        [status, headers.get("allow")],
        [405, "GET, HEAD, OPTIONS"],
        `${method} ${path}`,
      );
      assert.equal(json.error.code, "bad_request");
    }
  }
});

Deno.test("every answer forbids to guess its type, to store it, and to tell its address on", async () => {
  await using relay = await operator();
  for (const path of [...PATHS, "/channels?limit=0"]) {
    const { headers } = await relay.ask(path);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(headers.get("referrer-policy"), "no-referrer", path);
    assert.equal(headers.get("cache-control"), "no-store", path);
  }
});

Deno.test("other paths are others', also those that look alike", async () => {
  await using relay = await operator();
  for (const path of ["/healthy", "/channels/a/b", "/metrics/", "/toString", "/overview-assets/"]) {
    assert.equal((await relay.ask(path, { headers: BEARER })).status, 404, path);
  }
});

Deno.test("the page has a strict policy, no script or style of its own, and nothing from elsewhere", async () => {
  await using relay = await operator();
  const { headers, text } = await relay.ask("/");
  const policy = headers.get("content-security-policy")!;
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.match(policy, /form-action 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:|data:/);
  assert.doesNotMatch(text, /<script(?![^>]* src=)|<style| on\w+=| style=|javascript:|https?:/);
  for (const [, path] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
    assert.equal((await relay.ask(`/${path}`)).status, 200, path);
  }
});

Deno.test("the page's script makes no markup and keeps the secret out of addresses and storage", async () => {
  await using relay = await operator();
  const { text } = await relay.ask("/overview-assets/overview.js");
  new Function(text); // it is JavaScript
  assert.doesNotMatch(
    text,
    /innerHTML|outerHTML|insertAdjacent|document\.write|eval|Storage|cookie/,
  );
  assert.doesNotMatch(text, /location|history|[?&](secret|token)=/);
});
