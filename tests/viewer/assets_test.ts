import assert from "node:assert/strict";
import { buildViewer } from "../../tools/build_viewer.ts";

Deno.test("the page that is served is what its sources make: else run `deno task viewer`", async () => {
  const path = new URL("../../src/viewer/assets.ts", import.meta.url);
  assert.ok(await Deno.readTextFile(path) === await buildViewer());
});
