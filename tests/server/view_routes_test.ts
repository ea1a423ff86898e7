/** The page's files over HTTP. */

import assert from "node:assert/strict";
import { viewAnswer } from "../../src/relay/server/view_routes.ts";

const page = viewAnswer("/view/job-7")!;

Deno.test("the page is allowed its own files and its own relay, and nothing else", () => {
  assert.equal(page.status, 200);
  assert.equal(page.headers["Content-Type"], "text/html; charset=utf-8");
  const policy = page.headers["Content-Security-Policy"].split("; ");
  assert.equal(policy[0], "default-src 'none'");
  for (const name of ["script-src", "style-src", "connect-src"]) {
    assert.ok(policy.includes(`${name} 'self'`), name);
  }
  assert.doesNotMatch(policy.join(), /unsafe|\*|https?:/);
});

Deno.test("the page has no script or style in it and loads nothing from elsewhere", () => {
  assert.doesNotMatch(page.body, /<style|style=|\son\w+=|javascript:|(src|href)="(https?:)?\/\//i);
  for (const [, text] of page.body.matchAll(/<script[^>]*>(.*?)<\/script>/gs)) {
    assert.equal(text, "");
  }
});

Deno.test("every file of the page is there, and may be kept for ever", () => {
  const names = Array.from(page.body.matchAll(/"\.\.(\/view-assets\/[^"]+)"/g), ([, name]) => name);
  assert.equal(names.length, 2);
  for (const name of names) {
    const { status, headers } = viewAnswer(name)!;
    assert.equal(status, 200);
    assert.match(headers["Content-Type"], /^text\/(css|javascript); charset=utf-8$/);
    assert.match(headers["Cache-Control"], /immutable/);
    assert.equal(viewAnswer(name, "DELETE")!.status, 405);
  }
});

Deno.test("every answer says not to sniff and not to send a referrer", () => {
  for (const path of ["/view/c", "/view/a b", "/view-assets/none.js"]) {
    const { headers } = viewAnswer(path)!;
    assert.equal(headers["X-Content-Type-Options"], "nosniff");
    assert.equal(headers["Referrer-Policy"], "no-referrer");
  }
});

const REFUSED: [method: string, path: string, status: number, code: string][] = [
  ["GET", "/view/a%2Fb", 400, "bad_channel"],
  ["GET", "/view/..", 400, "bad_channel"],
  ["GET", `/view/${"x".repeat(129)}`, 400, "bad_channel"],
  ["GET", "/view/<script>", 400, "bad_channel"],
  ["GET", "/view-assets/view.html", 404, "bad_path"],
  ["GET", "/view-assets/toString", 404, "bad_path"],
  ["GET", "/view-assets/__proto__", 404, "bad_path"],
  ["POST", "/view/canary", 405, "bad_request"],
  ["OPTIONS", "/view-assets/none.js", 404, "bad_path"],
];

for (const [method, path, status, code] of REFUSED) {
  Deno.test(`${method} ${path.slice(0, 40)} is refused with ${status}, and nothing of it is repeated`, () => {
    const answer = viewAnswer(path, method)!;
    assert.equal(answer.status, status);
    assert.equal(JSON.parse(answer.body).error.code, code);
    assert.ok(!answer.body.includes(path.split("/")[2]));
    assert.equal(answer.headers.Allow, status === 405 ? "GET, HEAD, OPTIONS" : undefined);
  });
}

Deno.test("other paths are not the page's", () => {
  for (
    const path of ["/", "/view", "/view/", "/view/c/", "/view/c/d", "/health", "/produce/view"]
  ) {
    assert.equal(viewAnswer(path), undefined, path);
  }
});
