/// <reference lib="dom" />
/**
 * The page: reads a channel and shows it.
 *
 * @module
 */

import type { StreamEvent } from "../client/stream_event.ts";
import { RelayError } from "../errors.ts";
import type { ChannelState } from "../protocol/control.ts";
import { isToken } from "../protocol/message.ts";
import type { Address } from "./address.ts";
import { Announcer } from "./announcer.ts";
import { askFor, type Wanted } from "./ask.ts";
import { BrowserLink } from "./browser_link.ts";
import { copyOnClick } from "./copy_button.ts";
import { type Ending, endingOfError, endingOfMessage, endingOfRun } from "./ending.ts";
import { entriesOf } from "./entries.ts";
import { Figures } from "./figures.ts";
import { holderOf } from "./holder.ts";
import { nextTask } from "./next_task.ts";
import type { Mood, Screen } from "./screen.ts";
import { SideMessages } from "./side_messages.ts";
import { Tail } from "./tail.ts";
import { Transcript } from "./transcript.ts";

/** Work of one frame, ms: half of what a browser has for it at 60 frames a second. */
const FRAME_MS = 8;
/** Work on messages before the browser gets its turn, ms. */
const READ_MS = 12;

const STATES: Record<ChannelState, [text: string, mood: Mood]> = {
  waiting: ["Waiting for the producer", "busy"],
  live: ["Live", "live"],
  away: ["The producer is away and may come back", "away"],
  ended: ["Reading what is there", "busy"],
};

/** One channel on one page, from the start of the page to its end. */
export class Page {
  readonly #screen: Screen;
  readonly #transcript: Transcript;
  readonly #side: SideMessages;
  readonly #tail: Tail;
  readonly #figures: Figures;
  #link: BrowserLink | undefined;
  /** As the relay last said. */
  #producer: ChannelState = "waiting";
  #gaps = false;
  #frame = false;

  constructor(screen: Screen) {
    this.#screen = screen;
    const announcer = new Announcer(screen.announcer);
    const { rendered, raw } = screen;
    this.#transcript = new Transcript({ rendered, raw, onFinished: (text) => announcer.say(text) });
    this.#side = new SideMessages(screen.side);
    this.#tail = new Tail(screen.follow);
    this.#figures = new Figures(screen);
    screen.rawSwitch.addEventListener("click", () => this.#switchView());
    copyOnClick(screen.copy, () => this.#transcript.copy);
    screen.retry.addEventListener("click", () => this.#retry());
    addEventListener("online", () => this.#link?.retryNow());
    addEventListener("offline", () => this.#link?.distrust());
    addEventListener("visibilitychange", () => this.#link?.retryNow());
  }

  /** Reads the channel to its end; asks for what is missing to read it. */
  async run(address: Address): Promise<void> {
    let { key, token } = address;
    for (;;) {
      const failure = await this.#read({ ...address, key, token });
      const wanted = wantedAfter(failure, key !== undefined);
      if (wanted === undefined || this.#figures.tokens > 0) break;
      const given = await askFor(wanted, this.#screen);
      if (wanted === "key") key = given;
      else token = given;
    }
    this.#figures.stop();
  }

  /** Reads until the end; resolves with why it failed, if it did. */
  async #read({ channel, url, key, token }: Address): Promise<unknown> {
    const stop = new AbortController();
    const holder = token === undefined ? undefined : holderOf(channel);
    const link = new BrowserLink({ channel, url, key, token, holder, signal: stop.signal });
    this.#link = link;
    this.#screen.state("Connecting", "busy");
    try {
      if (key !== undefined) checkBrowser();
      let begun = performance.now();
      for await (const event of link.events()) {
        const ending = this.#take(event);
        this.#paint();
        if (ending !== undefined) return this.#end(ending);
        if (performance.now() - begun > READ_MS) {
          await nextTask();
          begun = performance.now();
        }
      }
    } catch (error) {
      if (!(error instanceof RelayError)) reportError(error); // a bug: its reader is not told more than that there is one
      this.#end(endingOfError(error));
      return error;
    } finally {
      stop.abort(new RelayError("cancelled"));
      this.#link = undefined;
    }
  }

  /** Takes note of what came; the ending, if that is what it was. */
  #take(event: StreamEvent): Ending | undefined {
    switch (event.kind) {
      case "messages":
        return this.#messages(event);
      case "begin":
        if (event.restart) this.#note("The producer was started anew: its new run follows");
        // that a run begins is how those who waited learn of its producer
        if (this.#producer !== "ended") this.#screen.state(...STATES.live);
        return;
      case "gap":
        this.#gaps = true;
        this.#note(`Messages ${event.from} to ${event.to - 1} are no longer retained by the relay`);
        return;
      case "producer":
        this.#screen.retry.hidden = true; // the relay is there
        this.#producer = event.state;
        this.#screen.state(...STATES[event.state]);
        return;
      case "relay":
        this.#away(event.error);
        return;
      case "end":
        return endingOfRun(event.status, event);
      case "text":
      case "cancelling":
        return; // nobody asks for these here
    }
  }

  /** The relay is tried again, or, where that took too long, its reader is asked to say when. */
  #away(error: RelayError | undefined): void {
    if (!this.#link?.resting) return this.#screen.state(awayText(error), "away");
    this.#screen.state(endingOfError(error).text, "bad");
    this.#offer("Try again");
  }

  /** What is there stays where the channel is still read: a page that is reloaded comes from the relay, too. */
  #retry(): void {
    if (this.#link === undefined) return location.reload();
    this.#screen.retry.hidden = true;
    this.#screen.state("Connecting", "busy");
    this.#link.retryNow();
  }

  #offer(what: "Reload" | "Try again"): void {
    this.#screen.retry.textContent = what;
    this.#screen.retry.hidden = false;
  }

  #messages({ messages, position }: StreamEvent & { kind: "messages" }): Ending | undefined {
    const { existing } = this.#link!;
    this.#figures.count(messages, { position: position!, existing }); // relays that have pages have positions
    for (const entry of entriesOf(messages)) this.#transcript.add(entry);
    for (const message of messages) {
      const ending = endingOfMessage(message, this.#gaps);
      if (ending !== undefined) return ending;
      if (!isToken(message) && message.type !== "reasoning") this.#side.add(message);
    }
  }

  #note(text: string): void {
    this.#transcript.add({ kind: "note", text });
  }

  #end({ good, text }: Ending): void {
    this.#transcript.end();
    this.#screen.state(text, good ? "good" : "bad");
    if (!good) this.#offer("Reload");
    this.#paint();
  }

  /** Draws what is new, once for each frame, and goes on in the next one where that is too much. */
  #paint(): void {
    if (this.#frame) return;
    this.#frame = true;
    requestAnimationFrame(() => {
      this.#frame = false;
      const done = this.#transcript.render(performance.now() + FRAME_MS);
      this.#side.render();
      this.#figures.draw();
      this.#tail.follow();
      if (!done) this.#paint();
    });
  }

  #switchView(): void {
    this.#transcript.raw = !this.#transcript.raw;
    this.#screen.rawSwitch.setAttribute("aria-checked", String(this.#transcript.raw));
    this.#paint();
  }
}

/** @throws {RelayError} `usage` where this browser, or this page, cannot decrypt. */
function checkBrowser(): void {
  if (!isSecureContext) {
    throw new RelayError("usage", "Browsers decrypt only on https pages, and on localhost");
  }
  if (typeof Uint8Array.fromBase64 !== "function") {
    throw new RelayError("usage", "This browser is too old to decrypt: it has no base64");
  }
}

/** Why nothing comes for the moment. */
function awayText(error: RelayError | undefined): string {
  if (error?.code === "limit") return "A limit of the relay is reached; trying again";
  return "The relay is away; trying to reach it again";
}

/** What would help. */
function wantedAfter(failure: unknown, hasKey: boolean): Wanted | undefined {
  if (!(failure instanceof RelayError)) return undefined;
  const { code } = failure;
  if (code === "unauthorized" || code === "forbidden") return "credential";
  return code === "integrity" || code === "usage" && hasKey ? "key" : undefined;
}
