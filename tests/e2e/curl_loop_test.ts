/** The loop of docs/hpc.md, with which a node that has only curl survives cuts, restarts and cancels. */

import assert from "node:assert/strict";
import { RelayConsumer } from "../../src/mod.ts";
import { spawnProcess } from "../helpers/cli.ts";
import { startFaultProxy } from "../helpers/fault_proxy.ts";
import { HttpReading } from "../helpers/http_reading.ts";
import { startRelayProcess } from "../helpers/relay_process.ts";
import { within } from "../helpers/within.ts";
import { temporaryDirectory } from "./shell.ts";

const DOCUMENT = Deno.readTextFileSync(new URL("../../docs/hpc.md", import.meta.url));
const SCRIPT = /^### With curl alone\n[^]*?^```bash\n([^]*?)^```$/m.exec(DOCUMENT)![1];

/** Runs the loop; the model writes the files that are put into `home` under the names 1, 2, …, up to `last`. */
function loop(home: string, url: string) {
  const model = `your_model() {
    i=1
    until [ -e last ] && [ ! -e $i ]; do
      if [ -e $i ]; then cat $i; i=$((i + 1)); else sleep 0.05; fi
    done
  }`;
  const env = { RELAY: url.replace("ws", "http"), CHANNEL_ID: "job-9", RELAY_TOKEN: "t" };
  return spawnProcess("bash", ["-c", `cd ${home}\n${model}\n${SCRIPT}`], { env });
}

/** Writes what the model is to say next, whole or not at all. */
function say(home: string, name: string, text = ""): void {
  Deno.writeTextFileSync(`${home}/.${name}`, text);
  Deno.renameSync(`${home}/.${name}`, `${home}/${name}`);
}

Deno.test("a loop around curl sends each word once, however often it is cut", async () => {
  using home = temporaryDirectory();
  await using relay = await startRelayProcess();
  const target = { hostname: "127.0.0.1", port: relay.port };
  await using way = await startFaultProxy({ target });
  await using process = loop(home.path, way.url);
  say(home.path, "1", "one\nhalf a ");
  await using reader = await reading(relay.url);
  await reader.until(/half a $/);
  for (const i of [2, 3, 4]) {
    way.cut();
    say(home.path, String(i), `line\nwörd ${i} `);
    await reader.until(new RegExp(`wörd ${i} $`));
  }
  say(home.path, "last");
  const { code, stdout } = await process.finished;
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).channel, "job-9");
  const { text, whole } = await reader.rest();
  assert.deepEqual([text, whole], ["one\nhalf a line\nwörd 2 line\nwörd 3 line\nwörd 4 ", true]);
});

/** Reads the channel as text. */
function reading(url: string): Promise<HttpReading> {
  return HttpReading.open(`${url}/consume/job-9`);
}

Deno.test("a relay that is restarted gets all of it, as a new run", async () => {
  using home = temporaryDirectory();
  await using first = await startRelayProcess();
  await using second = await startRelayProcess();
  await using way = await startFaultProxy({ target: { hostname: "127.0.0.1", port: first.port } });
  await using process = loop(home.path, way.url);
  say(home.path, "1", "one ");
  await using reader = await reading(first.url);
  await reader.until(/one $/);
  await first.stop("SIGKILL");
  say(home.path, "2", "two");
  way.retarget(second.port);
  say(home.path, "last");
  assert.equal((await process.finished).code, 0);
  const consumer = new RelayConsumer({ url: second.url, channel: "job-9" });
  assert.equal(await within(consumer.collect(), "the stream"), "one two");
});

Deno.test("a cancel ends the loop and the model, though the model is silent", async () => {
  using home = temporaryDirectory();
  await using relay = await startRelayProcess();
  await using process = loop(home.path, relay.url);
  say(home.path, "1", "one ");
  const consumer = new RelayConsumer({ url: relay.url, channel: "job-9" });
  const tokens = consumer[Symbol.asyncIterator]();
  await within(tokens.next(), "a token");
  assert.equal(consumer.cancel(), true);
  await assert.rejects(within(tokens.next(), "the end"), { code: "cancelled" });
  assert.notEqual((await process.finished).code, 0); // the model was killed
});
