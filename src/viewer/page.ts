/// <reference lib="dom" />
/**
 * The page: reads a channel and shows it.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { ChannelState } from "../protocol/control.ts";
import { isToken, type Message } from "../protocol/message.ts";
import { formatPosition } from "../protocol/position.ts";
import type { Address } from "./address.ts";
import { Announcer } from "./announcer.ts";
import { askFor, type Wanted } from "./ask.ts";
import { BrowserLink, type LinkEvent } from "./browser_link.ts";
import { type Ending, endingOfError, endingOfMessage, endingOfRun } from "./ending.ts";
import { holderOf } from "./holder.ts";
import { nextTask } from "./next_task.ts";
import { Pace } from "./pace.ts";
import { PaceChart } from "./pace_chart.ts";
import type { Mood, Screen } from "./screen.ts";
import { SideMessages } from "./side_messages.ts";
import { Tail } from "./tail.ts";
import { Transcript } from "./transcript.ts";

/** Work of one frame, ms: half of what a browser has for it at 60 frames a second. */
const FRAME_MS = 8;
/** Work on messages before the browser gets its turn, ms. */
const READ_MS = 12;
/** Between two points of the chart, ms. */
const CHART_MS = 1_000;

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
  readonly #pace = new Pace(performance.now());
  readonly #chart: PaceChart;
  #link: BrowserLink | undefined;
  /** How many messages of the run there were when the connection stood. */
  #existing = 0;
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
    this.#chart = new PaceChart(screen.chart);
    screen.rawSwitch.addEventListener("click", () => this.#switchView());
    screen.copy.addEventListener("click", () => void this.#copy());
    screen.retry.addEventListener("click", () => this.#retry());
    addEventListener("online", () => this.#link?.retryNow());
    addEventListener("offline", () => this.#link?.distrust());
    addEventListener("visibilitychange", () => this.#link?.retryNow());
  }

  /** Reads the channel to its end; asks for what is missing to read it. */
  async run(address: Address): Promise<void> {
    const clock = setInterval(() => this.#tick(), CHART_MS);
    let { key, token } = address;
    for (;;) {
      const failure = await this.#read({ ...address, key, token });
      const wanted = wantedAfter(failure, key !== undefined);
      if (wanted === undefined || this.#pace.total > 0) break;
      const given = await askFor(wanted, this.#screen);
      if (wanted === "key") key = given;
      else token = given;
    }
    clearInterval(clock);
    this.#tick();
    const { mean } = this.#pace;
    this.#screen.fact("pace", mean === undefined ? "–" : `${figure(mean)} tokens/s on average`);
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
      this.#end(endingOfError(error));
      return error;
    } finally {
      stop.abort(new RelayError("cancelled"));
      this.#link = undefined;
    }
  }

  /** Takes note of what came; the ending, if that is what it was. */
  #take(event: LinkEvent): Ending | undefined {
    switch (event.kind) {
      case "messages":
        return this.#messages(event);
      case "begin":
        this.#existing = event.next;
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
      case "away":
        this.#away(event);
        return;
      case "end":
        return endingOfRun(event.status, event);
    }
  }

  /** The relay is tried again, or, where that took too long, its reader is asked to say when. */
  #away({ error, retryMs }: LinkEvent & { kind: "away" }): void {
    if (retryMs === undefined) {
      this.#screen.state(endingOfError(error).text, "bad");
      this.#offer("Try again");
    } else this.#screen.state(awayText(error), "away");
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

  #messages({ messages, position }: LinkEvent & { kind: "messages" }): Ending | undefined {
    const first = position.seq - messages.length;
    const old = messages.slice(0, Math.max(0, this.#existing - first)).filter(isToken).length;
    const all = messages.filter(isToken).length;
    const now = performance.now();
    this.#pace.count(old, now, { live: false });
    this.#pace.count(all - old, now);
    this.#screen.fact("position", `message ${position.seq}`, formatPosition(position));
    this.#addText(messages);
    for (const message of messages) {
      const ending = endingOfMessage(message, this.#gaps);
      if (ending !== undefined) return ending;
      if (!isToken(message) && message.type !== "reasoning") this.#side.add(message);
    }
  }

  /** Tokens that came together are one piece of text. */
  #addText(messages: readonly Message[]): void {
    let kind: "text" | "thought" = "text";
    let text = "";
    const flush = () => {
      if (text !== "") this.#transcript.add({ kind, text });
      text = "";
    };
    for (const message of messages) {
      const thought = message.type === "reasoning";
      if (!thought && !isToken(message)) continue;
      const { content } = message as { content?: unknown };
      if (typeof content !== "string") continue;
      if (thought !== (kind === "thought")) flush();
      kind = thought ? "thought" : "text";
      text += content;
    }
    flush();
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
      this.#drawFacts();
      this.#tail.follow();
      if (!done) this.#paint();
    });
  }

  #drawFacts(): void {
    const { total, firstTokenMs } = this.#pace;
    this.#screen.fact("tokens", total.toLocaleString("en"));
    if (firstTokenMs === undefined) return;
    this.#screen.fact("first-token", `${(firstTokenMs / 1_000).toFixed(2)} s`);
  }

  #tick(): void {
    const now = performance.now();
    this.#chart.draw(this.#pace, now);
    this.#screen.fact("pace", `${figure(this.#pace.present(now))} tokens/s`);
  }

  #switchView(): void {
    this.#transcript.raw = !this.#transcript.raw;
    this.#screen.rawSwitch.setAttribute("aria-checked", String(this.#transcript.raw));
    this.#paint();
  }

  /** Where a browser refuses, the reader can still select. */
  async #copy(): Promise<void> {
    const { copy } = this.#screen;
    try {
      await navigator.clipboard.writeText(this.#transcript.copy);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Cannot copy";
    }
    setTimeout(() => copy.textContent = "Copy", 2_000);
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
function awayText({ code }: RelayError): string {
  if (code === "limit") return "A limit of the relay is reached; trying again";
  return "The relay is away; trying to reach it again";
}

/** What would help. */
function wantedAfter(failure: unknown, hasKey: boolean): Wanted | undefined {
  if (!(failure instanceof RelayError)) return undefined;
  const { code } = failure;
  if (code === "unauthorized" || code === "forbidden") return "credential";
  return code === "integrity" || code === "usage" && hasKey ? "key" : undefined;
}

function figure(perSecond: number): string {
  return perSecond.toFixed(perSecond < 100 ? 1 : 0);
}
