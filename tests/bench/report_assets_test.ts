import assert from "node:assert/strict";
import { buildReport } from "../../tools/build_report.ts";

Deno.test("what reports are made of is what its sources make: else run `deno task report`", async () => {
  const path = new URL("../../src/bench/report_assets.ts", import.meta.url);
  assert.ok(await Deno.readTextFile(path) === await buildReport());
});
