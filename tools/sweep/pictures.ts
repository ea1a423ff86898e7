/**
 * Pictures of a report, as a browser shows it.
 *
 * @module
 */

import { launch, openPage } from "../../tests/helpers/browser.ts";

/** Pixels across: two charts stand beside each other. */
const WIDTH = 1100;

/** Makes a picture of the charts of each number that a report has a section for; returns the paths. */
export async function growthPictures(report: string, folder: string): Promise<string[]> {
  await using view = await opened(report);
  const sections = await view.page.locator("[data-growth]").all();
  const paths: string[] = [];
  for (const section of sections) {
    const path = `${folder}/${await section.getAttribute("data-growth")}.png`;
    await section.locator(".charts").screenshot({ path });
    paths.push(path);
  }
  return paths;
}

/** Makes a picture of the top of a report, `height` pixels of it. */
export async function topPicture(report: string, path: string, height: number): Promise<void> {
  await using view = await opened(report);
  await view.page.setViewportSize({ width: WIDTH, height });
  await view.page.screenshot({ path });
}

async function opened(report: string) {
  const browser = await launch();
  try {
    const { page } = await openPage(browser, `file://${await Deno.realPath(report)}`);
    await page.setViewportSize({ width: WIDTH, height: 900 });
    await page.locator(".chart canvas").first().waitFor();
    return { page, [Symbol.asyncDispose]: () => browser.close() };
  } catch (error) {
    await browser.close();
    throw error;
  }
}
