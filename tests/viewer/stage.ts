/**
 * What the tests of the page have in common: a relay, a proxy that listens in, a producer, a page.
 *
 * @module
 */

import type { Page } from "playwright-core";
import {
  type ProducerOptions,
  type Relay,
  type RelayOptions,
  RelayProducer,
  startRelay,
} from "../../src/mod.ts";
import { NO_BROWSER } from "../helpers/browser.ts";
import { Recorder } from "../helpers/recorder.ts";

/** A relay that clients reach through a {@linkcode Recorder}. */
export interface Stage extends AsyncDisposable {
  readonly relay: Relay;
  readonly recorder: Recorder;
  /** Address of a channel's page; `after` is its query and fragment. */
  page(channel: string, after?: string): string;
  /** A producer on a channel. */
  produce(channel: string, options?: ProducerOptions): Promise<RelayProducer>;
}

/** Starts both. */
export async function startStage(options: RelayOptions = {}): Promise<Stage> {
  const relay = await startRelay({ port: 0, ...options });
  const recorder = await Recorder.start(relay.port);
  const url = recorder.url;
  return {
    relay,
    recorder,
    page: (channel, after = "") => `${url.replace("ws:", "http:")}/view/${channel}${after}`,
    produce: (channel, options) => RelayProducer.connect({ url, channel, ...options }),
    async [Symbol.asyncDispose]() {
      await recorder[Symbol.asyncDispose]();
      await relay.stop();
    },
  };
}

/** A test that needs a browser. The browser's own connections come and go during tests, so leaks are looked for elsewhere. */
export function pageTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, ignore: NO_BROWSER, sanitizeOps: false, sanitizeResources: false });
}

/** Waits until the rendered text has `text`. */
export async function shows(page: Page, text: string | RegExp): Promise<void> {
  await page.locator("#rendered").filter({ hasText: text }).waitFor();
}

/** Waits until the state is `text`. */
export async function stateIs(page: Page, text: string | RegExp): Promise<void> {
  await page.locator("#state").filter({ hasText: text }).waitFor();
}

/** The text as it is rendered. */
export async function rendered(page: Page): Promise<string> {
  return (await page.locator("#rendered").innerText()).trim();
}

/** The text as it came: switches to the view that shows it, and waits until all of it is there. */
export async function raw(page: Page): Promise<string> {
  await page.getByRole("switch", { name: "Raw" }).click();
  await page.locator("#raw").waitFor();
  // a frame without more text than the one before: the page draws on in each frame until it has all
  return String(
    await page.evaluate(`new Promise((resolve) => {
      const { length } = document.getElementById("raw").textContent;
      const look = (before) => requestAnimationFrame(() => requestAnimationFrame(() => {
        const text = document.getElementById("raw").textContent;
        text.length === before && before > 0 ? resolve(text) : look(text.length);
      }));
      look(length);
    })`),
  );
}
