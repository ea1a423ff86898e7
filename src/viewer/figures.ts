/// <reference lib="dom" />
/**
 * The figures of the page: how much has come, and how fast.
 *
 * @module
 */

import { isToken, type Message } from "../protocol/message.ts";
import { formatPosition, type Position } from "../protocol/position.ts";
import { Pace } from "./pace.ts";
import { PaceChart } from "./pace_chart.ts";
import type { Screen } from "./screen.ts";

/** Between two points of the chart, ms. */
const CHART_MS = 1_000;

/** Where messages stand in their run. */
export interface CountOptions {
  /** The message after them. */
  readonly position: Position;
  /** How many there were when they were asked for: what is older says nothing about the producer's pace. */
  readonly existing: number;
}

/** Counts what comes and shows it, the pace once a second from its making until {@linkcode stop}. */
export class Figures {
  readonly #screen: Screen;
  readonly #pace = new Pace(performance.now());
  readonly #chart: PaceChart;
  readonly #clock: ReturnType<typeof setInterval>;

  constructor(screen: Screen) {
    this.#screen = screen;
    this.#chart = new PaceChart(screen.chart);
    this.#clock = setInterval(() => this.#tick(), CHART_MS);
  }

  /** Tokens that have come. */
  get tokens(): number {
    return this.#pace.total;
  }

  /** Messages have come. */
  count(messages: readonly Message[], { position, existing }: CountOptions): void {
    const first = position.seq - messages.length;
    const old = messages.slice(0, Math.max(0, existing - first)).filter(isToken).length;
    const all = messages.filter(isToken).length;
    const now = performance.now();
    this.#pace.count(old, now, { live: false });
    this.#pace.count(all - old, now);
    this.#screen.fact("position", `message ${position.seq}`, formatPosition(position));
  }

  /** Shows the counts. */
  draw(): void {
    const { total, firstTokenMs } = this.#pace;
    this.#screen.fact("tokens", total.toLocaleString("en"));
    if (firstTokenMs === undefined) return;
    this.#screen.fact("first-token", `${(firstTokenMs / 1_000).toFixed(2)} s`);
  }

  /** Nothing follows: the pace is that of all. */
  stop(): void {
    clearInterval(this.#clock);
    this.#tick();
    const { mean } = this.#pace;
    this.#screen.fact("pace", mean === undefined ? "–" : `${figure(mean)} tokens/s on average`);
  }

  #tick(): void {
    const now = performance.now();
    this.#chart.draw(this.#pace, now);
    this.#screen.fact("pace", `${figure(this.#pace.present(now))} tokens/s`);
  }
}

function figure(perSecond: number): string {
  return perSecond.toFixed(perSecond < 100 ? 1 : 0);
}
