/** TLS: a relay with a certificate of an authority of one's own. */

import assert from "node:assert/strict";
import { type CliResult, runCli, spawnCli } from "../helpers/cli.ts";
import { type RelayProcess, startRelayProcess } from "../helpers/relay_process.ts";
import { RawSocket, request } from "../helpers/raw_socket.ts";
import { runShell, type TemporaryDirectory, temporaryDirectory } from "./shell.ts";

let files: TemporaryDirectory;
let relay: RelayProcess;
Deno.test.beforeAll(async () => {
  files = temporaryDirectory();
  await makeCertificates(files);
  relay = await startRelayProcess(tlsFiles("cert", "key"));
});
Deno.test.afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

/** An authority, a certificate of it for 127.0.0.1, and one for another host; each with its key. */
async function makeCertificates({ path }: TemporaryDirectory): Promise<void> {
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
  const signed = "-CA ca.pem -CAkey ca.key -addext basicConstraints=CA:FALSE";
  const { code, stderr } = await runShell(`set -e; cd ${path}
    openssl req -x509 ${newKey} -keyout ca.key -out ca.pem -subj /CN=test-ca \
      -addext keyUsage=critical,keyCertSign
    openssl req -x509 ${newKey} ${signed} -keyout key.pem -out cert.pem -subj /CN=relay \
      -addext subjectAltName=IP:127.0.0.1
    openssl req -x509 ${newKey} ${signed} -keyout other-key.pem -out other-cert.pem \
      -subj /CN=elsewhere -addext subjectAltName=DNS:elsewhere.test`);
  assert.equal(code, 0, stderr);
}

function tlsFiles(cert: string, key: string): string[] {
  return ["--tls-cert", files.file(`${cert}.pem`), "--tls-key", files.file(`${key}.pem`)];
}

/** A command against a relay, which trusts the authority unless `trusted` names another file of certificates. */
function run(args: string[], url: string, stdin = "", trusted = "ca.pem"): Promise<CliResult> {
  const env = { RELAY_URL: url, CHANNEL_ID: "job-7", DENO_CERT: files.file(trusted) };
  return runCli(args, { env, stdin });
}

for (const scheme of ["wss", "https"]) {
  Deno.test(`a stream goes through by TLS, the authority being that of DENO_CERT (${scheme} URL)`, async () => {
    await using own = await startRelayProcess(tlsFiles("cert", "key"));
    assert.match(own.url, /^wss:/);
    const url = own.url.replace("wss", scheme);
    const text = "a line of text\n".repeat(50_000);
    const [produced, consumed, health] = await Promise.all([
      run(["produce"], url, text),
      run(["consume"], url),
      run(["health"], url),
    ]);
    assert.deepEqual(produced, { code: 0, stdout: "", stderr: "" });
    assert.deepEqual([consumed.code, consumed.stderr], [0, ""]);
    assert.ok(consumed.stdout === text);
    assert.match(health.stdout, /^healthy: \d active channels? at wss:/);
  });
}

Deno.test("a consumer that comes late gets everything by TLS too", async () => {
  const channel = crypto.randomUUID();
  for (const text of ["a word", "a line of text\n".repeat(50_000)]) {
    await using own = await startRelayProcess(tlsFiles("cert", "key"));
    assert.equal((await run(["produce", channel], own.url, text)).code, 0);
    const { code, stdout, stderr } = await run(["consume", channel, "--timeout", "15"], own.url);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(stdout === text);
  }
});

Deno.test("goodbyes and refusals are told by TLS too", async () => {
  const secret = ["--secret", "s3cret"];
  await using own = await startRelayProcess([...tlsFiles("cert", "key"), ...secret]);
  const { code, stderr } = await run(["consume", "--secret", "wrong"], own.url);
  assert.deepEqual([code, /refused/.test(stderr)], [3, true], stderr);
});

/** Reasons not to trust a relay, and what is said of them. */
async function assertDistrusted(url: string, trusted: string, reason: RegExp): Promise<void> {
  for (const command of ["consume", "health", "produce"]) {
    const args = command === "produce" ? [command, "--give-up", "0"] : [command];
    const { code, stdout, stderr } = await run(args, url, "", trusted);
    assert.deepEqual([code, stdout], [4, ""], stderr);
    const lines = stderr.trimEnd().split("\n");
    assert.equal(lines.length, 1, stderr);
    assert.match(lines[0], /^streamrelay: .*Cannot reach the relay at wss:/);
    assert.match(lines[0], reason);
  }
}

Deno.test("a certificate of an unknown authority is refused in one clear line that says what to set", async () => {
  await assertDistrusted(relay.url, "other-cert.pem", /DENO_CERT/);
});

Deno.test("a DENO_CERT that is not there trusts nobody, and is no crash", async () => {
  await assertDistrusted(relay.url, "missing.pem", /DENO_CERT/);
});

Deno.test("a certificate for another host is refused in one clear line", async () => {
  await using other = await startRelayProcess(tlsFiles("other-cert", "other-key"));
  await assertDistrusted(other.url, "ca.pem", /certificate|[Nn]ame|altname/i);
});

Deno.test("ws:// to a relay that speaks TLS, and wss:// to one that does not, are told apart", async () => {
  const plain = await run(["consume"], relay.url.replace("wss", "ws"));
  assert.equal(plain.code, 4);
  assert.match(plain.stderr, /^streamrelay: .*wss:\/\/ instead of ws:\/\/\?\n$/);
  await using other = await startRelayProcess();
  const secure = await run(["consume"], other.url.replace("ws", "wss"));
  assert.equal(secure.code, 4);
  assert.match(secure.stderr, /^streamrelay: .*ws:\/\/ instead of wss:\/\/\?\n$/);
});

Deno.test("what is no TLS is cut, and the relay goes on serving others", async () => {
  await using talking = await RawSocket.connect(relay.port);
  await talking.write(request("GET /health", { Host: "relay.test" }));
  await using garbage = await RawSocket.connect(relay.port);
  await garbage.write(crypto.getRandomValues(new Uint8Array(1000)));
  await using silent = await RawSocket.connect(relay.port);
  for (const socket of [talking, garbage]) await socket.rest(); // a TLS alert or nothing
  assert.match((await run(["health"], relay.url)).stdout, /^healthy/);
  // a handshake that never begins is cut like one that is too slow
  assert.deepEqual(await silent.rest(), new Uint8Array(0));
});

/** Files that a relay cannot speak TLS with, and what is said of them. */
const BAD_FILES: Record<string, [() => string[], RegExp]> = {
  "a certificate without a key": [() => tlsFiles("cert", "key").slice(0, 2), /together/],
  "a key without a certificate": [() => tlsFiles("cert", "key").slice(2), /together/],
  "a certificate that is not there": [() => tlsFiles("missing", "key"), /no such file/],
  "a key that is not there": [() => tlsFiles("cert", "missing"), /no such file/],
  "a file that is no PEM": [
    () => {
      files.file("text.pem", "hello");
      return tlsFiles("text", "key");
    },
    /not PEM/,
  ],
  "a PEM file with nonsense in it": [
    () => {
      files.file(
        "nonsense.pem",
        "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n",
      );
      return tlsFiles("nonsense", "key");
    },
    /./,
  ],
  "a certificate for a key": [() => tlsFiles("cert", "cert"), /the private key cannot be read/],
  "the key of another certificate": [
    () => tlsFiles("cert", "other-key"),
    /not that of the certificate/,
  ],
};

for (const [what, [args, reason]] of Object.entries(BAD_FILES)) {
  Deno.test(`${what} is exit 2 and one clear line`, async () => {
    await using process = spawnCli(["relay", "--port", "0", "--log-level", "error", ...args()], {
      timeoutMs: 15_000,
    });
    const { code, stdout, stderr } = await process.finished;
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, /^streamrelay: .*\n$/);
    assert.match(stderr, reason);
  });
}
