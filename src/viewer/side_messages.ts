/// <reference lib="dom" />
/**
 * What comes beside the text: how far the job is, what it logs, what happens.
 *
 * @module
 */

import { type Message, type OtherMessage, type Progress, progressOf } from "../protocol/message.ts";

/** Lines that are kept; the oldest go first. */
const MAX_LINES = 1_000;
/** Characters of one line. */
const MAX_LINE = 2_000;

/** The elements of {@linkcode SideMessages}. */
export interface SideElements {
  /** Hidden until there is progress. */
  readonly progress: HTMLElement;
  readonly bar: HTMLProgressElement;
  readonly step: HTMLElement;
  /** Hidden until there is a line. */
  readonly log: HTMLElement;
  readonly count: HTMLElement;
  readonly lines: HTMLElement;
}

/** Shows messages that are no tokens. Nothing is drawn before {@linkcode render}. */
export class SideMessages {
  readonly #elements: SideElements;
  #waiting: string[] = [];
  #total = 0;
  #progress: Progress | undefined;

  constructor(elements: SideElements) {
    this.#elements = elements;
  }

  /** Takes a message of any other type than token, done or error. */
  add(message: Message): void {
    const progress = progressOf(message);
    if (progress !== undefined) {
      this.#progress = progress;
      return;
    }
    this.#total++;
    this.#waiting.push(lineOf(message).slice(0, MAX_LINE));
    if (this.#waiting.length > 2 * MAX_LINES) this.#waiting = this.#waiting.slice(-MAX_LINES);
  }

  /** Draws what came since. */
  render(): void {
    if (this.#progress !== undefined) this.#drawProgress(this.#progress);
    this.#progress = undefined;
    if (this.#waiting.length === 0) return;
    const { log, count, lines } = this.#elements;
    lines.append(...this.#waiting.slice(-MAX_LINES).map(item));
    this.#waiting = [];
    while (lines.childElementCount > MAX_LINES) lines.firstElementChild!.remove();
    count.textContent = String(this.#total);
    log.hidden = false;
    lines.scrollTop = lines.scrollHeight;
  }

  #drawProgress({ percent, step }: Progress): void {
    const { progress, bar, step: label } = this.#elements;
    if (percent === undefined) bar.removeAttribute("value");
    else bar.value = percent;
    label.textContent = [percent === undefined ? "" : `${Math.round(percent)} %`, step].filter(
      Boolean,
    )
      .join(" · ");
    progress.hidden = false;
  }
}

function lineOf(message: Message): string {
  const { type, content, name, data, ...rest } = message as OtherMessage;
  if (type === "log") return String(content);
  if (type !== "event") return `${type}: ${JSON.stringify({ content, name, data, ...rest })}`;
  return data === undefined ? `event ${name}` : `event ${name}: ${JSON.stringify(data)}`;
}

function item(text: string): HTMLElement {
  const line = document.createElement("li");
  line.textContent = text;
  return line;
}
