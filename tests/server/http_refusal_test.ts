/** HTTP requests that are wrong, hostile or not allowed: a status, a JSON error, nothing leaked, and a relay that goes on. */

import assert from "node:assert/strict";
import { HttpReading } from "../helpers/http_reading.ts";
import {
  exchange,
  HANDSHAKE,
  type RawResponse,
  RawSocket,
  request,
} from "../helpers/raw_socket.ts";
import { channelsBecome, nothingLeaks, openFiles, servesOthers } from "../helpers/relay_state.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { until } from "../helpers/within.ts";

const SECRET = "pass-phrase-of-this-test";
const ORIGIN = "https://portal.example.org";
const HOST = { Host: "relay.test" };
const AUTH = { ...HOST, Authorization: `Bearer ${SECRET}` };
const ONE = { ...AUTH, "Content-Length": "1" };
const CHUNKED = { ...AUTH, "Transfer-Encoding": "chunked" };

interface Case {
  name: string;
  text: string;
  status: number;
  code?: string;
  headers?: Record<string, string | RegExp>;
}

const raw = (line: string, headers: string[], body = "") =>
  `${line}\r\n${headers.map((header) => `${header}\r\n`).join("")}\r\n${body}`;
const authorization = `Authorization: Bearer ${SECRET}`;

const CASES: Case[] = [
  {
    name: "a body with both kinds of length is 400",
    text: request("PUT /produce/c", { ...CHUNKED, "Content-Length": "3" }, "0\r\n\r\n"),
    status: 400,
    code: "bad_request",
  },
  ...["+1", "-1", "0x1", "1 1", "1, 2", "", "99999999999999999999999"].map((length) => ({
    name: `Content-Length: ${length} is 400`,
    text: request("PUT /produce/c", { ...AUTH, "Content-Length": length }, "x"),
    status: 400,
    code: "bad_request",
  })),
  {
    name: "two lengths are 400",
    text: raw("PUT /produce/c HTTP/1.1", [
      "Host: x",
      authorization,
      "Content-Length: 1",
      "Content-Length: 2",
    ], "xy"),
    status: 400,
    code: "bad_request",
  },
  ...["gzip, chunked", "chunked, identity", "xchunked", "chunked, chunked", "identity"].map((
    coding,
  ) => ({
    name: `Transfer-Encoding: ${coding} is 400`,
    text: request("PUT /produce/c", { ...AUTH, "Transfer-Encoding": coding }, "0\r\n\r\n"),
    status: 400,
    code: "bad_request",
  })),
  {
    name: "Transfer-Encoding in HTTP/1.0 is 400",
    text: raw(
      "PUT /produce/c HTTP/1.0",
      [authorization, "Transfer-Encoding: chunked"],
      "0\r\n\r\n",
    ),
    status: 400,
    code: "bad_request",
  },
  ...["zz\r\nx", "-1\r\nx", "ffffffffffffffffffff\r\nx", "1\nx", "1\r\nxy"].map((body) => ({
    name: `a chunk ${JSON.stringify(body)} is 400`,
    text: request("PUT /produce/c", CHUNKED, `${body}\r\n0\r\n\r\n`),
    status: 400,
    code: "bad_request",
  })),
  {
    name: "a header with a space before its colon is 400",
    text: raw("GET /consume/c HTTP/1.1", ["Host: x", `Authorization : Bearer ${SECRET}`]),
    status: 400,
    code: "bad_request",
  },
  {
    name: "a header over two lines is 400",
    text: raw("GET /consume/c HTTP/1.1", ["Host: x", "X: a\r\n b", authorization]),
    status: 400,
    code: "bad_request",
  },
  {
    name: "HTTP/1.1 without a Host is 400",
    text: request("GET /consume/c", {}),
    status: 400,
    code: "bad_request",
  },
  {
    name: "two Hosts are 400",
    text: raw("GET /consume/c HTTP/1.1", ["Host: x", "Host: y", authorization]),
    status: 400,
    code: "bad_request",
  },
  ...["Last-Event-ID: a:1", "Content-Type: text/plain", "Authorization: Bearer x"].map((
    header,
  ) => ({
    name: `${header.split(":")[0]} twice is 400`,
    text: raw("GET /consume/c HTTP/1.1", ["Host: x", header, header]),
    status: 400,
    code: "bad_request",
  })),
  ...["Stream-Epoch: a", "Stream-Next: 1"].map((header) => ({
    name: `${header.split(":")[0]} twice is 400`,
    text: raw("PUT /produce/c HTTP/1.1", [
      "Host: x",
      authorization,
      "Stream-Epoch: b",
      header,
      header,
      "Content-Length: 0",
    ]),
    status: 400,
    code: "bad_request",
  })),
  ...[
    "from=x",
    "from=a:1&from=a:1",
    "from=",
    "from=a:-1",
    "from=a:99999999999999999",
    `from=${"a".repeat(3000)}:1`,
    "format=xml",
    "format=",
    "restart=1",
    "token=a&token=b",
  ].map((query) => ({
    name: `?${query.slice(0, 40)} is 400`,
    text: request(`GET /consume/c?${query}`, AUTH),
    status: 400,
    code: "bad_request",
  })),
  ...["x", "a:1:2", "é:1", `${"a".repeat(3000)}:1`, "a:1\u0001"].map((id) => ({
    name: `Last-Event-ID: ${id.slice(0, 20)} is 400`,
    text: request("GET /consume/c", { ...AUTH, "Last-Event-ID": id }),
    status: 400,
    code: "bad_request",
  })),
  ...["/consume/", "/consume", "/consume/a/b", "/produce", "/nope", "/consumer/x"].map((path) => ({
    name: `GET ${path} is 404`,
    text: request(`GET ${path}`, AUTH),
    status: 404,
    code: "bad_path",
  })),
  ...["%2e%2e%2fx", "a%20b", "%3Cscript%3E", "x".repeat(129), "%00", "é"].map((id) => ({
    name: `the channel id ${id.slice(0, 20)} is 400`,
    text: request(`GET /consume/${id}`, AUTH),
    status: 400,
  })),
  ...["GET", "HEAD", "DELETE", "PATCH", "TRACE"].flatMap((method) => [
    ...(method === "GET" || method === "HEAD" ? [] : [{
      name: `${method} of a consumer's path is 405`,
      text: request(`${method} /consume/c`, AUTH),
      status: 405,
      headers: { allow: "GET, HEAD, OPTIONS" },
    }, {
      name: `${method} of a producer's path is 405`,
      text: request(`${method} /produce/c`, AUTH),
      status: 405,
      headers: { allow: "PUT, POST, HEAD, OPTIONS" },
    }, {
      name: `${method} of /health is 405`,
      text: request(`${method} /health`, AUTH),
      status: 405,
    }]),
    {
      name: `${method} of nothing is 404`,
      text: request(`${method} /nope`, { ...AUTH, Connection: "close" }),
      status: 404,
    },
  ]),
  {
    name: "PUT of a consumer's path is 405",
    text: request("PUT /consume/c", ONE, "x"),
    status: 405,
  },
  ...["/nope", "/health/", "/channels/a/b", "/view-assets/nope", "/view/", "/*", "/consume"].map(
    (path) => ({
      name: `OPTIONS of ${path}, which is not there, is 404`,
      text: request(`OPTIONS ${path}`, { ...HOST, Connection: "close" }),
      status: 404,
      code: "bad_path",
    }),
  ),
  {
    name: "a preflight of a path that is not there is 404",
    text: request("OPTIONS /nope", {
      ...HOST,
      Origin: ORIGIN,
      "Access-Control-Request-Method": "GET",
    }),
    status: 404,
    code: "bad_path",
  },
  ...["/", "/health", "/metrics", "/channels", "/channels/c", "/view/c", "*"].map((path) => ({
    name: `OPTIONS ${path} is what is allowed`,
    text: request(`OPTIONS ${path}`, HOST),
    status: 204,
    headers: { allow: "GET, HEAD, OPTIONS" },
  })),
  ...["HTTP/2.0", "HTTP/0.9"].flatMap((version) => [
    {
      name: `GET /health ${version} is 505`,
      text: raw(`GET /health ${version}`, ["Host: x"]),
      status: 505,
      code: "bad_request",
      headers: { connection: "close" },
    },
    {
      name: `a body by ${version} is 505`,
      text: raw(`PUT /produce/c ${version}`, ["Host: x", authorization, "Content-Length: 1"], "x"),
      status: 505,
      code: "bad_request",
    },
    {
      name: `a WebSocket by ${version} is 505`,
      text: request("GET /consume/c", HANDSHAKE).replace("HTTP/1.1", version),
      status: 505,
      code: "bad_request",
    },
  ]),
  {
    name: "a request line without a version is 505",
    text: "GET /health\r\n\r\n",
    status: 505,
    code: "bad_request",
  },
  ...["HTTP/1.2", "HTTP/3.0", "HTTP/1.1x", "HTP/1.1"].map((version) => ({
    name: `GET /health ${version} is 400`,
    text: raw(`GET /health ${version}`, ["Host: x"]),
    status: 400,
    code: "bad_request",
  })),
  {
    name: "an unknown method is 400",
    text: request("DANCE /consume/c", AUTH),
    status: 400,
    code: "bad_request",
  },
  { name: "CONNECT is 400", text: request("CONNECT a:1", AUTH), status: 400, code: "bad_request" },
  {
    name: "an expectation other than 100-continue is 417",
    text: request("PUT /produce/c", { ...ONE, Expect: "dance" }),
    status: 417,
    code: "bad_request",
  },
  ...["consume", "produce"].flatMap((role) => {
    const line = role === "consume" ? "GET /consume/c" : "PUT /produce/c";
    return [
      {
        name: `no credential is 401 (${role})`,
        text: request(line, { ...HOST, "Content-Length": "0" }),
        status: 401,
        code: "unauthorized",
        headers: { "www-authenticate": /^Bearer/ },
      },
      {
        name: `a wrong credential is 401 (${role})`,
        text: request(line, { ...HOST, Authorization: "Bearer wrong", "Content-Length": "0" }),
        status: 401,
        code: "unauthorized",
      },
      {
        name: `a page of another origin is 403, with the right secret too (${role})`,
        text: request(line, { ...AUTH, Origin: "https://evil.example.org", "Content-Length": "0" }),
        status: 403,
        code: "forbidden",
      },
    ];
  }),
  {
    name: "a preflight of a page that is allowed says what it may do",
    text: request("OPTIONS /consume/c", {
      ...HOST,
      Origin: ORIGIN,
      "Access-Control-Request-Method": "GET",
    }),
    status: 204,
    headers: {
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-headers": /Authorization.*Last-Event-ID/,
      "access-control-allow-methods": "GET, HEAD, OPTIONS",
      vary: "Origin",
    },
  },
  {
    name: "a preflight of another page is 403",
    text: request("OPTIONS /produce/c", {
      ...HOST,
      Origin: "https://evil.example.org",
      "Access-Control-Request-Method": "PUT",
    }),
    status: 403,
    code: "forbidden",
  },
  {
    name: "OPTIONS without a page is what is allowed",
    text: request("OPTIONS /produce/c", HOST),
    status: 204,
    headers: { allow: "PUT, POST, HEAD, OPTIONS" },
  },
];

let relay: Awaited<ReturnType<typeof startRelayProcess>>;
let check: () => Promise<void>;
Deno.test.beforeAll(async () => {
  const args = ["--retain", "0", "--resume-timeout", "0.2", "--allow-origin", ORIGIN];
  relay = await startRelayProcess(args, { RELAY_SECRET: SECRET });
  check = nothingLeaks(relay, { Authorization: `Bearer ${SECRET}` });
});
Deno.test.afterAll(async () => await relay[Symbol.asyncDispose]());

/** What every answer has, whatever it says. */
function checkAnswer({ status, headers, body }: RawResponse, { code }: Case): void {
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.match(headers.get("cache-control")!, /no-store/);
  assert.doesNotMatch(body + [...headers.values()].join(), new RegExp(SECRET));
  if (status < 400) return;
  if (status === 404 && body === "") return; // HEAD
  assert.equal(headers.get("content-type"), "application/json");
  const { error } = JSON.parse(body);
  assert.equal(typeof error.message, "string");
  if (code !== undefined) assert.equal(error.code, code);
}

for (const one of CASES) {
  Deno.test(one.name, async () => {
    await using socket = await RawSocket.connect(relay.port);
    await socket.write(one.text);
    const answer = await socket.response();
    assert.equal(answer.status, one.status, answer.body);
    checkAnswer(answer, one);
    for (const [name, value] of Object.entries(one.headers ?? {})) {
      if (typeof value === "string") assert.equal(answer.headers.get(name), value);
      else assert.match(answer.headers.get(name) ?? "", value);
    }
  });
}

Deno.test("none of that left anything behind, or a word of the secret in the log", async () => {
  await check();
  assert.doesNotMatch(relay.stderr(), new RegExp(SECRET));
});

Deno.test("a page that is allowed reads the stream and its headers", async () => {
  const headers = { ...AUTH, Origin: ORIGIN };
  const { headers: of } = await exchange(relay.port, request("HEAD /consume/c", headers));
  assert.equal(of.get("access-control-allow-origin"), ORIGIN);
  assert.match(of.get("access-control-expose-headers")!, /Stream-Next/);
  assert.equal(of.get("access-control-allow-credentials"), undefined);
});

Deno.test("what follows a refused body on its connection is not taken for a request", async () => {
  await using socket = await RawSocket.connect(relay.port);
  const smuggled = request("GET /health", HOST);
  const length = { "Content-Length": String(smuggled.length + 10_000) };
  await socket.write(request("PUT /produce/c", { ...HOST, ...length }, smuggled));
  assert.equal((await socket.response()).status, 401);
  await socket.write(smuggled);
  assert.equal(new TextDecoder().decode(await socket.rest()), "");
});

Deno.test("a connection on which requests gather behind a stream is cut", async () => {
  await using socket = await RawSocket.connect(relay.port);
  await socket.write(request("GET /consume/c", AUTH));
  await socket.response();
  await socket.write(request("GET /health", HOST).repeat(100)).catch(() => {}); // it may be cut by then
  assert.equal(new TextDecoder().decode(await socket.rest()), "");
});

Deno.test("a body whose chunks break ends its stream, not the relay", async () => {
  const reader = await HttpReading.open(`${relay.url}/consume/b`, {
    Authorization: AUTH.Authorization,
  });
  await using socket = await RawSocket.connect(relay.port);
  await socket.write(request("PUT /produce/b", CHUNKED, "2\r\nok\r\n"));
  await reader.until(/ok/);
  await socket.write("zz\r\n");
  assert.equal((await socket.response()).status, 400);
  assert.deepEqual(await reader.rest(), { text: "ok", whole: false });
  await reader[Symbol.asyncDispose]();
  await channelsBecome(relay.port, 0);
});

Deno.test("5,000 idle readers of events are served, and leave nothing behind", async () => {
  const before = openFiles(relay.pid);
  const accept = { ...AUTH, Accept: "text/event-stream" };
  const text = request("GET /consume/idle", accept);
  const readers: RawSocket[] = [];
  for (let i = 0; i < 5_000; i += 100) {
    readers.push(
      ...await Promise.all(Array.from({ length: 100 }, async (_, k) => {
        const socket = await RawSocket.connect(relay.port);
        // --max-consumers is for each channel
        await socket.write(text.replace("idle", `idle-${Math.floor((i + k) / 500)}`));
        assert.equal((await socket.response()).status, 200);
        return socket;
      })),
    );
  }
  await servesOthers(relay.port, { Authorization: AUTH.Authorization });
  for (const reader of readers) reader.close();
  await until(() => openFiles(relay.pid) <= before, "all sockets to be closed");
  await channelsBecome(relay.port, 0);
});
