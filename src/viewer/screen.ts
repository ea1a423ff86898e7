/// <reference lib="dom" />
/**
 * The parts of the page, by their ids in `view.html`.
 *
 * @module
 */

/** What the state is coloured by. */
export type Mood = "busy" | "live" | "away" | "good" | "bad";

const byId = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;

/** The page's elements. */
export class Screen {
  readonly channel: HTMLElement = byId("channel");
  readonly rendered: HTMLElement = byId("rendered");
  readonly raw: HTMLElement = byId("raw");
  readonly rawSwitch: HTMLButtonElement = byId("raw-switch");
  readonly copy: HTMLButtonElement = byId("copy");
  readonly follow: HTMLButtonElement = byId("follow");
  readonly announcer: HTMLElement = byId("announcer");
  readonly chart: HTMLElement = byId("chart");
  readonly ask: HTMLFormElement = byId("ask");
  readonly askLabel: HTMLElement = byId("ask-label");
  readonly askInput: HTMLInputElement = byId("ask-input");
  readonly retry: HTMLButtonElement = byId("retry");
  readonly side = {
    progress: byId("progress"),
    bar: byId<HTMLProgressElement>("progress-bar"),
    step: byId("progress-step"),
    log: byId("log"),
    count: byId("log-count"),
    lines: byId("log-lines"),
  };

  readonly #state: HTMLElement = byId("state");
  readonly #facts = {
    position: byId("position"),
    tokens: byId("tokens"),
    "first-token": byId("first-token"),
    pace: byId("pace"),
  };

  /** Says how it stands; screen readers read it out when it changes. */
  state(text: string, mood: Mood): void {
    if (this.#state.textContent !== text) this.#state.textContent = text;
    this.#state.dataset.mood = mood;
    document.title = `${this.channel.textContent}: ${text}`;
  }

  /** Sets a figure. */
  fact(name: "position" | "tokens" | "first-token" | "pace", text: string, title = ""): void {
    const element = this.#facts[name];
    if (element.textContent !== text) element.textContent = text;
    element.title = title;
  }
}
