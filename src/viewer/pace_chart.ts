/// <reference lib="dom" />
/**
 * The line of tokens per second.
 *
 * @module
 */

import UPlot from "uplot";
import { KEPT_SECONDS, type Pace } from "./pace.ts";

const HEIGHT = 56;

/** Draws a {@linkcode Pace}, in the colours of the page. */
export class PaceChart {
  readonly #plot: UPlot;

  constructor(container: HTMLElement) {
    const colour = (name: string) => () => getComputedStyle(container).getPropertyValue(name);
    this.#plot = new UPlot(
      {
        width: Math.max(container.clientWidth, 1),
        height: HEIGHT,
        padding: [6, 0, 4, 0],
        legend: { show: false },
        cursor: { show: false },
        select: { show: false, left: 0, top: 0, width: 0, height: 0 },
        scales: { x: { time: false }, y: { range: (_, _min, max) => [0, Math.max(max, 10)] } },
        axes: [
          { show: false },
          {
            stroke: colour("--quiet"),
            grid: { stroke: colour("--line"), width: 1 },
            ticks: { show: false },
            size: 44,
            space: 18,
            font: "11px system-ui, sans-serif",
          },
        ],
        series: [{}, { stroke: colour("--accent"), width: 1.5, points: { show: false } }],
      },
      [[], []],
      container,
    );
    new ResizeObserver(() => {
      this.#plot.setSize({ width: Math.max(container.clientWidth, 1), height: HEIGHT });
    }).observe(container);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#plot.redraw();
    });
  }

  /** Draws the last two minutes. */
  draw(pace: Pace, nowMs: number): void {
    const { seconds, tokens } = pace.perSecond(nowMs);
    const last = seconds.at(-1) ?? 0;
    this.#plot.setData([seconds, tokens], false);
    this.#plot.setScale("x", { min: Math.max(0, last - KEPT_SECONDS), max: Math.max(last, 10) });
  }
}
