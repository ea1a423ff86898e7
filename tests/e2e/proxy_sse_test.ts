/** A relay behind nginx and behind Caddy, as docs/operations.md sets them up: every kind of client, each way of ending. */

import assert from "node:assert/strict";
import { viewLink } from "../../src/client/view_link.ts";
import {
  generateKey,
  type Relay,
  RelayConsumer,
  type RelayOptions,
  RelayProducer,
  startRelay,
} from "../../src/mod.ts";
import { NO_BROWSER, sharedBrowser } from "../helpers/browser.ts";
import { type CliProcess, runCli, spawnProcess } from "../helpers/cli.ts";
import { eventsOf, HttpReading, readAll } from "../helpers/http_reading.ts";
import { RawSocket, request } from "../helpers/raw_socket.ts";
import { PROXIES, type ReverseProxy } from "../helpers/reverse_proxy.ts";
import { until, within } from "../helpers/within.ts";
import { CADDY, missing, PROXY_REQUIREMENTS } from "../set_up.ts";

const NO_PROXIES = missing(PROXY_REQUIREMENTS).length > 0;
const CHANNEL = "job-7";
const WORDS = ["one ", "two ", "three "];
const token = (content: string) => JSON.stringify({ type: "token", content });
const portOf = (url: string) => Number(new URL(url).port);
/** Caddy tells its sites apart by it. */
const hostOf = (url: string) => ({ Host: new URL(url).host });
/** Nothing that is sent for the sake of proxies may be what makes bytes move. */
const NO_COMMENTS = { pingIntervalMs: 600_000, deadAfterMs: 1_200_000 };
/** curl's own exit codes: a body that was cut, by HTTP/1.1 and by HTTP/2. */
const [PARTIAL, STREAM_RESET] = [18, 92];

/** Both, of one test. */
interface Rig {
  readonly relay: Relay;
  readonly proxy: ReverseProxy;
}

/** A test behind each of the proxies. The browser's own connections come and go, so leaks are looked for elsewhere. */
function behindEach(
  what: string,
  test: (rig: Rig, name: string) => Promise<void>,
  options: RelayOptions = {},
  ignore = NO_PROXIES,
): void {
  for (const [name, start] of Object.entries(PROXIES)) {
    Deno.test({
      name: `behind ${name}: ${what}`,
      ignore,
      sanitizeOps: false,
      sanitizeResources: false,
      async fn() {
        await using relay = await startRelay({ port: 0, ...NO_COMMENTS, ...options });
        await using proxy = await start(relay.port);
        await test({ relay, proxy }, name);
      },
    });
  }
}

/** Somebody who sends; each method resolves when its part is handed over. */
interface Sender extends AsyncDisposable {
  send(word: string): Promise<void>;
  end(): Promise<void>;
}

const SENDERS: Record<string, (proxy: ReverseProxy) => Promise<Sender>> = {
  "a WebSocket of version 1": async ({ http }) => {
    const socket = await webSocket(http, `/produce/${CHANNEL}`);
    return {
      send: (word) => socket.send(token(word)),
      end: () => socket.send('{"type":"done"}'),
      [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
    };
  },
  "a WebSocket of version 2": async ({ http: url }) => {
    const producer = await RelayProducer.connect({ url, channel: CHANNEL });
    return {
      send: (word) => producer.sendToken(word),
      end: () => producer.done(),
      [Symbol.asyncDispose]: () => producer[Symbol.asyncDispose](),
    };
  },
  "curl -T-": (proxy) => curlSender(proxy.http, "-T-"),
  "curl -T.": (proxy) => curlSender(proxy.http, "-T."),
  "curl -T- by TLS": (proxy) => curlSender(proxy.https, "-T-", "--cacert", proxy.authority),
};

// deno-lint-ignore require-await -- a way to send is one that is awaited, as others have to connect
async function curlSender(base: string, ...args: string[]): Promise<Sender> {
  const process = curl(base, `/produce/${CHANNEL}`, ...args);
  return {
    send: (word) => process.write(word),
    async end() {
      await process.closeStdin();
      const { code, stdout, stderr } = await process.finished;
      assert.equal(code, 0, stderr);
      assert.equal(JSON.parse(stdout).bytes, WORDS.join("").length);
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

function curl(base: string, path: string, ...args: string[]): CliProcess {
  return spawnProcess("curl", ["-sSfN", ...args, base + path]);
}

function webSocket(http: string, path: string): Promise<RawSocket> {
  return RawSocket.webSocket(portOf(http), path, hostOf(http));
}

/** Somebody who reads. */
interface Reader extends AsyncDisposable {
  /** Resolves when the word has come. */
  until(word: string): Promise<void>;
  /** Reads the rest; fails where that is no good end. */
  end(): Promise<void>;
}

/** Each kind of reader. */
async function readers({ http, https, authority }: ReverseProxy): Promise<Reader[]> {
  const path = `/consume/${CHANNEL}`;
  const url = http + path;
  return [
    ...await Promise.all(["text", "ndjson", "sse"].map((format) => httpReader(url, format))),
    curlReader(curl(http, path)),
    curlReader(curl(https, `${path}?format=sse`, "--cacert", authority)),
    await plainReader(http, path),
    resumableReader(http),
  ];
}

async function httpReader(url: string, format: string): Promise<Reader> {
  const reading = await HttpReading.open(`${url}?format=${format}`);
  return {
    until: (word) => reading.until(new RegExp(word)),
    async end() {
      const { text, whole } = await reading.rest();
      assert.ok(whole, text);
      assert.doesNotMatch(text, /^:$/m); // the comment that keeps a connection busy
    },
    [Symbol.asyncDispose]: () => reading[Symbol.asyncDispose](),
  };
}

function curlReader(process: CliProcess): Reader {
  return {
    until: async (word) => void await within(process.waitForStdout(new RegExp(word)), word),
    end: async () => assert.equal((await process.finished).code, 0, process.stderr()),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

async function plainReader(http: string, path: string): Promise<Reader> {
  const socket = await webSocket(http, path);
  return {
    async until(word) {
      while (!(await socket.message()).includes(word));
    },
    end: async () => assert.equal((await socket.messages()).close.code, 1000),
    [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
  };
}

function resumableReader(url: string): Reader {
  const stop = new AbortController();
  const tokens = new RelayConsumer({ url, channel: CHANNEL, signal: stop.signal })
    [Symbol.asyncIterator]();
  const next = () => within(tokens.next(), "a token");
  return {
    async until(word) {
      for (let text = ""; !text.includes(word);) {
        const { done, value } = await next();
        assert.ok(!done, `ended without ${word}`);
        text += value;
      }
    },
    async end() {
      while (!(await next()).done);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await tokens.return(undefined).catch(() => {}); // it was aborted
    },
  };
}

for (const [sender, open] of Object.entries(SENDERS)) {
  behindEach(
    `each token of ${sender} is with every reader before the next one is sent`,
    async ({ proxy }) => {
      await using stack = new AsyncDisposableStack();
      const sending = stack.use(await open(proxy));
      await sending.send(WORDS[0]);
      const all = (await readers(proxy)).map((reader) => stack.use(reader));
      for (const [i, word] of WORDS.entries()) {
        if (i > 0) await sending.send(word);
        await Promise.all(all.map((reader) => reader.until(word.trim())));
      }
      await sending.end();
      await Promise.all(all.map((reader) => reader.end()));
    },
  );
}

behindEach("our commands speak TLS to it", async ({ proxy }) => {
  const env = { RELAY_URL: proxy.https, CHANNEL_ID: CHANNEL, DENO_CERT: proxy.authority };
  const text = "a line of text\n".repeat(20_000);
  const [produced, consumed] = await Promise.all([
    runCli(["produce"], { env, stdin: text }),
    runCli(["consume"], { env }),
  ]);
  assert.deepEqual(produced, { code: 0, stdout: "", stderr: "" });
  assert.deepEqual([consumed.code, consumed.stderr], [0, ""]);
  assert.ok(consumed.stdout === text);
});

behindEach(
  "Last-Event-ID goes on where a reader of SSE was, and ends with 204",
  async ({ proxy }) => {
    const url = `${proxy.http}/consume/${CHANNEL}?format=sse`;
    await using producer = await RelayProducer.connect({ url: proxy.http, channel: CHANNEL });
    await producer.sendToken("one");
    await producer.sendToken("two");
    let last: string;
    {
      await using first = await HttpReading.open(url);
      await first.until(/"one"[^]*"two"[^]*\n\n/);
      last = eventsOf(first.text).find(({ data }) => data.includes("one"))!.id;
    }
    await producer.sendToken("three");
    await producer.done();
    const { text, whole } = await readAll(url, { "Last-Event-ID": last });
    assert.ok(whole);
    const events = eventsOf(text);
    const data = events.filter(({ event }) => event === "token").map(({ data }) => data);
    assert.deepEqual(data, [token("two"), token("three")]);
    const again = await fetch(url, { headers: { "Last-Event-ID": events.at(-1)!.id } });
    assert.equal(again.status, 204);
  },
);

/** Caddy of Debian: it makes a cut body a whole one, which docs/operations.md says. */
function hidesCuts(name: string): boolean {
  if (name !== "Caddy") return false;
  const { stdout } = new Deno.Command(CADDY, { args: ["version"] }).outputSync();
  return /^v?2\.6\./.test(new TextDecoder().decode(stdout));
}

behindEach("curl sees that a stream was lost, or learns it from HEAD", async ({ proxy }, name) => {
  const tls = ["--cacert", proxy.authority];
  const ways = [[proxy.http], [proxy.https, "--http2", ...tls], [proxy.https, "--http1.1", ...tls]];
  for (const [i, [base, ...args]] of ways.entries()) {
    const path = `/consume/${CHANNEL}-${i}`;
    await using producer = await webSocket(proxy.http, `/produce/${CHANNEL}-${i}`);
    await producer.send(token("half a sent"));
    await using consumer = curl(base, path, ...args);
    await consumer.waitForStdout(/half a sent/);
    producer.close();
    const { code, stdout } = await consumer.finished;
    const cut = args.includes("--http2") ? STREAM_RESET : PARTIAL;
    assert.deepEqual([code, stdout], [hidesCuts(name) ? 0 : cut, "half a sent"]);
    const head = await curl(base, path, "-I", ...args).finished;
    assert.match(head.stdout, /^stream-status: lost\r$/im);
    const events = await curl(base, `${path}?format=sse`, ...args).finished;
    assert.match(eventsOf(events.stdout).at(-1)!.data, /"ok":false,"status":"lost"/);
  }
}, { resumeTimeoutMs: 50 });

behindEach(
  "the curl of a producer that is killed is a producer that is lost",
  async ({ proxy }) => {
    for (const args of [[proxy.http], [proxy.https, "--cacert", proxy.authority]]) {
      const [base, ...rest] = args;
      await using producer = curl(base, `/produce/${CHANNEL}`, "-T-", ...rest);
      await producer.write("half");
      await using consumer = await HttpReading.open(`${proxy.http}/consume/${CHANNEL}?format=sse`);
      await consumer.until(/half/);
      producer.kill("SIGKILL");
      await consumer.until(/"status":"lost"/);
    }
  },
  { resumeTimeoutMs: 50 },
);

behindEach("Expect: 100-continue is answered before there is a body", async ({ proxy }) => {
  await using socket = await RawSocket.connect(portOf(proxy.http));
  const headers = { "Transfer-Encoding": "chunked", Expect: "100-continue" };
  await socket.write(request(`PUT /produce/${CHANNEL}`, { ...hostOf(proxy.http), ...headers }));
  assert.equal((await socket.response()).status, 100);
  await socket.write("5\r\nhello\r\n");
  await using reading = await HttpReading.open(`${proxy.http}/consume/${CHANNEL}`);
  await reading.until(/hello/);
  await socket.write("0\r\n\r\n");
  let answer = await socket.response();
  // a proxy may answer for itself and pass on what the relay answers too (RFC 9110 §10.1.1)
  while (answer.status === 100) answer = await socket.response();
  assert.equal(answer.status, 200);
  assert.equal((await reading.rest()).whole, true);
});

const ONE_EACH = { trustProxy: true, maxConnectionsPerAddress: 1 };

behindEach(
  "with --trust-proxy each client has its own limits, whatever it says of itself",
  async ({ proxy }) => {
    const path = `/consume/${CHANNEL}`;
    const from = (address: string, ...args: string[]) =>
      curl(
        proxy.http,
        path,
        "--interface",
        address,
        "-w",
        "%{stderr}status %{http_code}\n",
        ...args,
      );
    await using producer = await RelayProducer.connect({ url: proxy.http, channel: CHANNEL });
    await producer.sendToken("hello");
    await using first = from("127.0.0.2");
    await first.waitForStdout(/hello/);
    for (const forged of ["127.0.0.9", "127.0.0.9, 127.0.0.10"]) {
      const { stderr } = await from("127.0.0.2", "-H", `X-Forwarded-For: ${forged}`).finished;
      assert.match(stderr, /status 429$/m);
    }
    await using other = from("127.0.0.3");
    await other.waitForStdout(/hello/);
    await producer.done();
    assert.equal((await first.finished).code, 0);
    assert.equal((await other.finished).code, 0);
  },
  ONE_EACH,
);

behindEach(
  "too many wrong credentials of one client do not shut out another",
  async ({ proxy }) => {
    const status = async (address: string, secret: string) => {
      const args = ["-I", "--interface", address, "-H", `Authorization: Bearer ${secret}`];
      const process = curl(proxy.http, `/consume/${CHANNEL}`, ...args, "-w", "%{http_code}");
      return (await process.finished).stdout.slice(-3);
    };
    await until(
      async () => await status("127.0.0.2", "wrong") === "429",
      "the client to be refused",
    );
    assert.equal(await status("127.0.0.3", "s3cret"), "200");
  },
  { trustProxy: true, secret: "s3cret" },
);

const browser = sharedBrowser();

behindEach(
  "the page decrypts a stream by TLS, token by token, and after a reload",
  async ({ proxy }) => {
    const key = generateKey();
    const options = { url: proxy.http, channel: CHANNEL, encryptionKey: key };
    await using producer = await RelayProducer.connect(options);
    const link = viewLink(proxy.https, CHANNEL, { key });
    await using view = await browser.open(link, { anyCertificate: true });
    const text = view.page.locator("#rendered");
    for (const word of WORDS) {
      await producer.sendToken(word);
      await text.filter({ hasText: word.trim() }).waitFor();
    }
    await view.page.reload();
    await text.filter({ hasText: WORDS.at(-1)!.trim() }).waitFor();
    await producer.done();
    await view.page.locator("#state", { hasText: "Done" }).waitFor();
    assert.equal((await text.innerText()).trim(), WORDS.join("").trim());
    assert.deepEqual(view.faults, []);
  },
  {},
  NO_PROXIES || NO_BROWSER,
);
