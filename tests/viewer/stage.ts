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

/** The text as it is rendered, once what has come by now is drawn: the page says how it stands before it draws. */
export async function rendered(page: Page): Promise<string> {
  await page.evaluate("new Promise(requestAnimationFrame)");
  return (await page.locator("#rendered").innerText()).trim();
}

/** The text as it came: switches to the view that shows it, and waits until all of it is drawn, which may take frames. */
export async function raw(page: Page): Promise<string> {
  await page.getByRole("switch", { name: "Raw" }).click();
  return String(
    await page.evaluate(`new Promise((resolve) => {
      let before = -1;
      // the page, which asked first, has drawn when a frame comes here, and each frame draws more while there is more
      const look = () => {
        const { textContent } = document.getElementById("raw");
        if (textContent.length === before) return resolve(textContent);
        before = textContent.length;
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    })`),
  );
}
