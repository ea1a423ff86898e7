/// <reference lib="dom" />
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { reportPage } from "../../src/bench/report.ts";
import type { BenchResult } from "../../src/bench/result.ts";
import {
  LOAD_SETTINGS,
  makeLoadResult,
  makeMaxResult,
  makeTtftResult,
} from "../helpers/bench_results.ts";
import { launch, NO_BROWSER, type OpenOptions, sharedBrowser } from "../helpers/browser.ts";
import { resultFiles } from "../helpers/result_files.ts";

const browser = sharedBrowser();
const EVIL = `</script><img src=x onerror="broken = 1"><script>broken = 1</script><!--`;

const RESULTS: [results: BenchResult[], charts: number][] = [
  [[makeTtftResult()], 5],
  [[makeLoadResult()], 6],
  [[makeMaxResult()], 3],
  [growing(), 3 + 3 * 6],
];

function growing(): BenchResult[] {
  return [1, 10, 100].map((channels) =>
    makeLoadResult({ settings: { ...LOAD_SETTINGS, channels } })
  );
}

/** Opens the report of `results` from a file, as one who was sent it does. */
async function withReport(
  results: BenchResult[],
  look: (page: Page) => Promise<void>,
  options: OpenOptions = {},
): Promise<void> {
  await using files = await resultFiles();
  const path = `${files.directory}/report.html`;
  await Deno.writeTextFile(path, reportPage(results));
  await using view = await browser.open(`file://${path}`, options);
  await look(view.page);
  assert.deepEqual(view.faults, []);
  assert.deepEqual(view.requests, [`file://${path}`]);
}

/** How many different colours each chart has. */
function coloursOf(page: Page): Promise<number[]> {
  return page.locator(".chart canvas").evaluateAll((all) =>
    all.map((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const { data } = (canvas as HTMLCanvasElement).getContext("2d")!.getImageData(
        0,
        0,
        width,
        height,
      );
      return new Set(new Uint32Array(data.buffer)).size;
    })
  );
}

for (const [results, charts] of RESULTS) {
  const name = results.length === 1 ? results[0].kind : "loads that grow";
  for (const colorScheme of ["light", "dark"] as const) {
    Deno.test({
      name:
        `the report of ${name} opens from a file, ${colorScheme}, with all charts, and asks for nothing`,
      ignore: NO_BROWSER,
      fn: () =>
        withReport(results, async (page) => {
          await page.locator(".chart canvas").nth(charts - 1).waitFor();
          const colours = await coloursOf(page);
          assert.equal(colours.length, charts);
          assert.ok(colours.every((number) => number > 10), `colours: ${colours}`);
        }, { colorScheme }),
    });
  }
}

Deno.test({
  name: "text that looks like HTML stays text, in the page and in its data",
  ignore: NO_BROWSER,
  fn: () =>
    withReport(
      [makeTtftResult({
        command: EVIL,
        notes: [EVIL],
        model: { prefillMs: 0, tokens: 600, replay: EVIL, encrypted: false },
      })],
      async (page) => {
        await page.locator(".chart canvas").nth(4).waitFor();
        assert.equal(await page.evaluate(() => "broken" in globalThis), false);
        assert.equal(await page.locator(".note").textContent(), EVIL);
        assert.equal(await page.locator("code").textContent(), EVIL);
      },
    ),
});

Deno.test({
  name: "the policy of a report lets nothing out and no other script run",
  ignore: NO_BROWSER,
  async fn() {
    await using files = await resultFiles();
    const path = `${files.directory}/report.html`;
    await Deno.writeTextFile(path, reportPage([makeMaxResult()]));
    await using view = await browser.open(`file://${path}`);
    const refused = await view.page.evaluate(async () => {
      const violations: string[] = [];
      document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
        violations.push(effectiveDirective);
      });
      const failed = await fetch("http://127.0.0.1:9/").then(() => false, () => true);
      const script = document.createElement("script");
      script.textContent = "broken = 1";
      document.body.append(script);
      const image = new Image();
      const settled = new Promise((resolve) => image.onerror = resolve);
      image.src = "http://127.0.0.1:9/x.png";
      await settled;
      return { failed, violations: violations.sort(), broken: "broken" in globalThis };
    });
    assert.deepEqual(refused, {
      failed: true,
      violations: ["connect-src", "img-src", "script-src-elem"],
      broken: false,
    });
  },
});

Deno.test({
  name: "a report fits a phone, and its charts grow with the window",
  ignore: NO_BROWSER,
  fn: () =>
    withReport([makeTtftResult()], async (page) => {
      const widths = () =>
        page.evaluate(() => ({
          page: document.documentElement.scrollWidth - innerWidth,
          chart: document.querySelector("canvas")!.clientWidth,
        }));
      const charted = (least: number, most: number) =>
        page.waitForFunction(([least, most]) => {
          const { clientWidth } = document.querySelector("canvas")!;
          return clientWidth >= least && clientWidth <= most;
        }, [least, most] as const);
      await page.setViewportSize({ width: 360, height: 720 });
      await charted(200, 360);
      assert.equal((await widths()).page, 0);
      await page.setViewportSize({ width: 1200, height: 720 });
      await charted(900, 1200);
      assert.equal((await widths()).page, 0);
    }),
});

Deno.test({
  name: "a chart tells what it shows in words, and under the pointer in figures",
  ignore: NO_BROWSER,
  fn: () =>
    withReport([makeTtftResult()], async (page) => {
      const chart = page.getByRole("img", { name: /^Tokens that the reader has, over time\./ });
      assert.match(
        await chart.getAttribute("aria-label") ?? "",
        /Streaming shows the first token after 421 ms .* in batch mode all 600 come at once, after 15\.4 s\./,
      );
      await chart.locator(".u-over").hover();
      await chart.locator(".u-legend").filter({ hasText: /streaming\s*\d+/ }).waitFor();
    }),
});

Deno.test({
  name: "a dark page is printed in dark ink on white",
  ignore: NO_BROWSER,
  fn: () =>
    withReport([makeTtftResult()], async (page) => {
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const dark = await ground();
      await page.emulateMedia({ media: "print", colorScheme: "dark" });
      assert.equal(await ground(), "rgb(255, 255, 255)");
      assert.notEqual(dark, "rgb(255, 255, 255)");
    }, { colorScheme: "dark" }),
});

Deno.test({
  name: "without JavaScript the figures are there",
  ignore: NO_BROWSER,
  async fn() {
    await using files = await resultFiles();
    const path = `${files.directory}/report.html`;
    await Deno.writeTextFile(path, reportPage([makeLoadResult()]));
    const plain = await launch();
    try {
      const page = await plain.newPage({ javaScriptEnabled: false });
      await page.goto(`file://${path}`);
      const row = page.getByRole("row", { name: /^due → received: what a reader sees 0\.261 ms/ });
      assert.equal(await row.count(), 1);
    } finally {
      await plain.close();
    }
  },
});
