/** A bug of the page. */

import assert from "node:assert/strict";
import { sharedBrowser } from "../helpers/browser.ts";
import { until } from "../helpers/within.ts";
import { pageTest, startStage, stateIs } from "./stage.ts";

const browser = sharedBrowser();

/** Lets the page fail where it hears that its relay is there. */
const BUG = `globalThis.requestAnimationFrame = () => { throw new TypeError("a bug"); };`;

pageTest("a bug of the page is said to its reader, and told to the browser's console", async () => {
  await using stage = await startStage();
  await using view = await browser.open(stage.page("job-7"), { before: BUG });
  await stateIs(view.page, "This page failed: reload it");
  await until(() => view.faults.length > 0, "the report of the bug");
  assert.match(view.faults.join(), /a bug/);
});
