/** A stream without a program of ours at either end: curl produces, curl consumes. */

import assert from "node:assert/strict";
import { type CliProcess, spawnProcess } from "../helpers/cli.ts";
import { type RelayProcess, startRelayProcess } from "../helpers/relay_process.ts";
import { RawSocket } from "../helpers/raw_socket.ts";
import { until } from "../helpers/within.ts";

const SECRET = "pass-phrase-of-this-test";
const AUTH = ["-H", `Authorization: Bearer ${SECRET}`];
/** curl's own exit codes. */
const PARTIAL = 18;
const RESET = 56;
const HTTP_ERROR = 22;

const relayOf = (args: string[] = []) =>
  startRelayProcess(["--resume-timeout", "0.3", ...args], { RELAY_SECRET: SECRET });

function curl(relay: RelayProcess, path: string, args: string[] = []): CliProcess {
  const url = relay.url.replace("ws", "http") + path;
  return spawnProcess("curl", ["-sSN", ...AUTH, ...args, url]);
}

/** Runs curl to its end, `input` being its stdin. */
async function run(relay: RelayProcess, path: string, args: string[] = [], input = "") {
  await using process = curl(relay, path, args);
  await process.write(input);
  await process.closeStdin();
  return await process.finished;
}

for (const upload of ["-", "."]) {
  Deno.test(`a model piped into curl -sNT${upload} is read live by curl -N`, async () => {
    await using relay = await relayOf();
    await using consumer = curl(relay, "/consume/job");
    await using producer = curl(relay, "/produce/job", ["-T", upload]);
    for (const word of ["The ", "answer ", "is "]) {
      await producer.write(word);
      await consumer.waitForStdout(new RegExp(`${word}$`));
    }
    await producer.write("42\n");
    await producer.closeStdin();
    const { code, stdout } = await producer.finished;
    assert.equal(code, 0);
    assert.deepEqual(
      { ...JSON.parse(stdout), epoch: "" },
      { channel: "job", epoch: "", next: 5, messages: 4, bytes: 17 },
    );
    assert.deepEqual(await consumer.finished, {
      code: 0,
      stdout: "The answer is 42\n",
      stderr: "",
    });
  });
}

Deno.test("curl --data-binary and -X POST produce as well, and so do files with a length", async () => {
  await using relay = await relayOf();
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "from a file\n");
  for (
    const args of [["--data-binary", `@${file}`], ["-X", "POST", "-T", file], ["-0", "-T", file]]
  ) {
    assert.equal((await run(relay, "/produce/job", ["-f", ...args])).code, 0);
    assert.equal((await run(relay, "/consume/job")).stdout, "from a file\n");
  }
  await Deno.remove(file);
});

Deno.test("curl exits non-zero where the producer's curl was killed, after all of its text", async () => {
  await using relay = await relayOf();
  for (const [version, code] of [["--http1.1", PARTIAL], ["-0", RESET]] as const) {
    await using consumer = curl(relay, "/consume/job", [version]);
    await using producer = curl(relay, "/produce/job", ["-T-"]);
    await producer.write("half a sent");
    await consumer.waitForStdout(/half a sent/);
    producer.kill("SIGKILL");
    const ending = await consumer.finished;
    assert.deepEqual([ending.code, ending.stdout], [code, "half a sent"]);
  }
});

Deno.test("curl exits non-zero where the producer said error", async () => {
  await using relay = await relayOf();
  const lines = '{"type":"token","content":"a"}\n{"type":"error","message":"out of memory"}\n';
  const ndjson = ["-T-", "-H", "Content-Type: application/x-ndjson"];
  assert.equal((await run(relay, "/produce/job", ndjson, lines)).code, 0);
  const { code, stdout } = await run(relay, "/consume/job");
  assert.deepEqual([code, stdout], [PARTIAL, "a"]);
});

Deno.test("a shell loop goes on after a cut, from what HEAD says", async () => {
  await using relay = await relayOf(["--resume-timeout", "20"]);
  await using consumer = curl(relay, "/consume/job");
  await using cut = curl(relay, "/produce/job", ["-T-", "-H", "Stream-Epoch: run-1"]);
  await cut.write("line 1\nline 2\nli");
  await consumer.waitForStdout(/li$/);
  cut.kill("SIGKILL");
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "line 1\nline 2\nline 3\n");
  const url = relay.url.replace("ws", "http") + "/produce/job";
  const script = `
    field() { curl -sSI -H "$AUTH" ${url} | tr -d '\\r' | sed -n "s/^Stream-$1: //p"; }
    until [ "$(field State)" = away ]; do sleep 0.05; done
    tail -c +$(($(field Bytes) + 1)) ${file} | curl -sSfNT- -H "$AUTH" \\
      -H "Stream-Epoch: $(field Epoch)" -H "Stream-Next: $(field Next)" ${url}`;
  await using shell = spawnProcess("bash", ["-c", script], { env: { AUTH: AUTH[1] } });
  const { code, stderr } = await shell.finished;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal((await consumer.finished).stdout, "line 1\nline 2\nline 3\n");
  await Deno.remove(file);
});

Deno.test("curl -f exits with 22 for a wrong credential and for a channel that has a producer", async () => {
  await using relay = await relayOf();
  const wrong = ["-f", "-H", "Authorization: Bearer wrong"];
  const url = relay.url.replace("ws", "http");
  await using refused = spawnProcess("curl", ["-sS", ...wrong, `${url}/consume/job`]);
  assert.equal((await refused.finished).code, HTTP_ERROR);
  await using producer = curl(relay, "/produce/job", ["-T-"]);
  await using consumer = curl(relay, "/consume/job");
  await producer.write("first");
  await consumer.waitForStdout(/first/);
  assert.equal((await run(relay, "/produce/job", ["-f", "-T-"], "second")).code, HTTP_ERROR);
});

Deno.test("a curl that is refused while it sends still reads why", async () => {
  await using relay = await relayOf();
  const big = "x".repeat(4 * 1024 * 1024);
  const url = `${relay.url.replace("ws", "http")}/produce/job`;
  await using refused = spawnProcess("curl", ["-sS", "-H", "Expect:", "-T-", url]);
  await refused.write(big);
  await refused.closeStdin();
  const { stdout } = await refused.finished;
  assert.equal(JSON.parse(stdout).error.code, "unauthorized");
});

for (const upload of [".", "-"]) {
  Deno.test(`a producer whose stream a consumer cancels stops: curl -T${upload}`, async () => {
    await using relay = await relayOf();
    await using producer = curl(relay, "/produce/job", ["-f", "-T", upload]);
    await using consumer = curl(relay, "/consume/job");
    await producer.write("x");
    await consumer.waitForStdout(/x/);
    await using canceller = await RawSocket.webSocket(relay.port, "/consume/job", {
      Authorization: AUTH[1].replace("Authorization: ", ""),
      "Sec-WebSocket-Protocol": "streamrelay.v2",
    });
    await canceller.send('{"type":"hello","role":"consume"}', '{"type":"cancel"}');
    assert.equal((await consumer.finished).code, PARTIAL);
    let ended = false;
    const finished = producer.finished.finally(() => ended = true);
    // with -T- curl looks up when its program next writes something
    if (upload === "-") await until(async () => (await producer.write("y"), ended), "curl to end");
    assert.notEqual((await finished).code, 0);
  });
}

/** What base64 makes of 48 MiB. */
const BASE64_BYTES = 64 * 1024 * 1024;

Deno.test("64 MiB through two curls arrive as they were", async () => {
  await using relay = await relayOf();
  const script = `
    set -o pipefail
    curl -sSN -H "$AUTH" $URL/consume/bulk | sha256sum > $OUT & consumer=$!
    until [ "$(curl -sSI -H "$AUTH" $URL/consume/bulk | grep -c Stream-State)" = 1 ]; do sleep 0.05; done
    head -c 48M /dev/urandom | base64 -w 75 | tee >(sha256sum > $OUT.in) | curl -sSfNT- -H "$AUTH" $URL/produce/bulk > $OUT.answer
    wait $consumer`;
  const dir = await Deno.makeTempDir();
  const env = { AUTH: AUTH[1], URL: relay.url.replace("ws", "http"), OUT: `${dir}/sum` };
  await using shell = spawnProcess("bash", ["-c", script], { env });
  assert.equal((await shell.finished).code, 0, shell.stderr());
  const sum = (name: string) => Deno.readTextFileSync(`${dir}/${name}`);
  await until(() => sum("sum.in").length > 0, "the checksum of what was sent");
  assert.equal(sum("sum"), sum("sum.in"));
  assert.equal(JSON.parse(sum("sum.answer")).bytes, BASE64_BYTES + Math.ceil(BASE64_BYTES / 75));
  await Deno.remove(dir, { recursive: true });
});
