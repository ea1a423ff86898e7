/**
 * A real browser: Debian's Chromium, without a window.
 *
 * @module
 */

import { type Browser, chromium, type Page } from "playwright-core";
import { CHROMIUM, CHROMIUM_REQUIREMENTS, missing } from "../set_up.ts";

/** Whether there is none, so that its tests are skipped. */
export const NO_BROWSER = missing(CHROMIUM_REQUIREMENTS).length > 0;

/** Root has no sandbox, and containers have little `/dev/shm` and no graphics. */
const FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];
/** How long anything may take, ms: far beyond what it does, for machines under load. */
const LIMIT_MS = 60_000;

/** Options of {@linkcode TestBrowser.open}. */
export interface OpenOptions {
  /** Default `light`. */
  colorScheme?: "light" | "dark";
  /** Script that runs in the page before its own. */
  before?: string;
  /** Take certificates of unknown authorities (default false). */
  anyCertificate?: boolean;
}

/** A page, and what went wrong on it. Leaving its `await using` block closes it. */
export interface TestPage extends AsyncDisposable {
  readonly page: Page;
  /** Exceptions, and errors on the console: violations of the policy among them. */
  readonly faults: string[];
  /** Addresses of all that the page has asked for. */
  readonly requests: string[];
}

/** A browser for the tests of a module. */
export interface TestBrowser {
  /** Opens `url` in a profile of its own. */
  open(url: string, options?: OpenOptions): Promise<TestPage>;
}

/** Starts a browser before the first test of the module, and ends it after the last one. */
export function sharedBrowser(): TestBrowser {
  let browser: Browser;
  if (!NO_BROWSER) {
    Deno.test.beforeAll(async () => {
      browser = await launch();
    });
    Deno.test.afterAll(async () => await browser.close());
  }
  return { open: (url, options) => openPage(browser, url, options) };
}

/** Starts a browser, which the caller closes. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
}

/** Opens `url` in a profile of its own. */
export async function openPage(
  browser: Browser,
  url: string,
  { colorScheme = "light", before, anyCertificate = false }: OpenOptions = {},
): Promise<TestPage> {
  const context = await browser.newContext({
    colorScheme,
    ignoreHTTPSErrors: anyCertificate,
    viewport: { width: 960, height: 720 },
    permissions: ["clipboard-read", "clipboard-write"],
  });
  context.setDefaultTimeout(LIMIT_MS);
  if (before !== undefined) await context.addInitScript({ content: before });
  const page = await context.newPage();
  const faults: string[] = [];
  const requests: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, faults, requests, [Symbol.asyncDispose]: () => context.close() };
}
