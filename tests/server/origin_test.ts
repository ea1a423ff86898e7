/** Which web pages may open WebSockets, and what a client's address is. */

import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { clientAddress } from "../../src/relay/server/client_address.ts";
import { Origins } from "../../src/relay/server/origin.ts";
import { runCli } from "../helpers/cli.ts";
import { exchange, HANDSHAKE, request } from "../helpers/raw_socket.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";

const PORTAL = "https://portal.example.org";
const SECRET = { RELAY_SECRET: "s3cret" };

/** The status of a handshake from a page of `origin`. */
async function handshake(port: number, origin: string | undefined, host = "relay.test") {
  const headers = { ...HANDSHAKE, Host: host, ...(origin !== undefined && { Origin: origin }) };
  return await exchange(port, request("GET /consume/job-7", headers));
}

Deno.test("only pages of the relay's own host, and those of --allow-origin, may open a WebSocket", async () => {
  // with a secret: one without answers to no name that is not its own, whatever the page
  await using relay = await startRelayProcess(["--allow-origin", PORTAL], SECRET);
  for (const origin of [undefined, "https://relay.test", "http://relay.test", PORTAL]) {
    assert.equal((await handshake(relay.port, origin)).status, 101, `${origin}`);
  }
  const strangers = [
    "https://evil.example.org",
    "https://portal.example.org.evil.example",
    "https://relay.test.evil.example",
    "http://portal.example.org",
    "https://portal.example.org:8443",
    "https://relay.test:8443",
    "null",
    "",
    "relay.test",
    "file://",
  ];
  for (const origin of strangers) {
    const { status, headers, body } = await handshake(relay.port, origin);
    assert.deepEqual([status, JSON.parse(body).error.code], [403, "forbidden"], origin);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
  }
});

Deno.test("without --allow-origin no other page may, with * every page may", async () => {
  await using closed = await startRelayProcess([], SECRET);
  assert.equal((await handshake(closed.port, PORTAL)).status, 403);
  await using open = await startRelayProcess(["--allow-origin", "*"]);
  for (const origin of [PORTAL, "null"]) {
    assert.equal((await handshake(open.port, origin)).status, 101);
  }
});

Deno.test("a port that is the scheme's own is the same host without it, another port is not", () => {
  const origins = new Origins([]);
  const cases: [string, string, boolean][] = [
    ["https://relay.test", "relay.test:443", true],
    ["http://relay.test:80", "relay.test", true],
    ["http://relay.test:8765", "relay.test:8765", true],
    ["http://relay.test:8765", "relay.test:8766", false],
    ["http://[::1]:8765", "[::1]:8765", true],
    ["http://RELAY.test", "relay.TEST", true],
    ["http://relay.test", "evil.test", false],
  ];
  for (const [origin, host, same] of cases) {
    const asked = { headers: { origin, host } } as unknown as IncomingMessage;
    assert.equal(origins.allows(asked), same, `${origin} at ${host}`);
  }
});

for (
  const origin of ["portal.example.org", "ftp://portal.example.org", `${PORTAL}/path`, "", "null"]
) {
  Deno.test(`'${origin}' is no origin to allow`, async () => {
    const { code, stderr } = await runCli(["relay", "--port", "0", "--allow-origin", origin]);
    assert.equal(code, 2);
    assert.match(stderr, /Cannot allow the origin .*https:\/\/portal\.example\.org/);
  });
}

/** What the socket says, what the header says, and what the address is with a trusted proxy. */
const FORWARDED: [string, string | undefined, string][] = [
  ["127.0.0.1", undefined, "127.0.0.1"],
  ["127.0.0.1", "192.0.2.1", "192.0.2.1"],
  ["127.0.0.1", "10.0.0.1, 192.0.2.1", "192.0.2.1"],
  ["127.0.0.1", "  192.0.2.1  ", "192.0.2.1"],
  ["127.0.0.1", "2001:db8::1", "2001:db8::1"],
  ["127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"],
  ["127.0.0.1", "192.0.2.1:4711", "192.0.2.1"],
  ["127.0.0.1", "::ffff:192.0.2.1", "192.0.2.1"],
  ["127.0.0.1", "unknown", "127.0.0.1"],
  ["127.0.0.1", "192.0.2.1, <script>", "127.0.0.1"],
  ["127.0.0.1", "", "127.0.0.1"],
  ["::ffff:127.0.0.1", undefined, "127.0.0.1"],
  ["fe80::1%eth0", undefined, "fe80::1"],
];

for (const [remoteAddress, header, address] of FORWARDED) {
  Deno.test(`a client at ${remoteAddress} with X-Forwarded-For '${header}' is at ${address}`, () => {
    const asked = {
      socket: { remoteAddress },
      headers: header === undefined ? {} : { "x-forwarded-for": header },
    } as unknown as IncomingMessage;
    assert.equal(clientAddress(asked, { trustProxy: true }), address);
    const own = remoteAddress.replace("::ffff:", "").replace("%eth0", "");
    assert.equal(clientAddress(asked, { trustProxy: false }), own);
  });
}
