/// <reference lib="dom" />
/**
 * A chart, drawn.
 *
 * @module
 */

import UPlot from "uplot";
import type { Axis, Chart, Mark, Series } from "./chart.ts";
import { haveRoom, ticksOf, tickText, valueAt, valueText } from "./ticks.ts";

const FONT = "12px system-ui, sans-serif";
/** Pixels that a label of the axis takes, so that two do not touch. */
const LABEL_WIDTH = 62;
const LABEL_HEIGHT = 34;
/** Where the texts of the first and second mark across stand, as parts of the height: they may be near each other. */
const TEXT_HEIGHTS = [0.03, 0.45];
/** Points that are few enough to be marked one by one. */
const FEW = 12;
/** Room around what is shown, as a part of it. */
const MARGIN = 0.04;

/** Draws `chart` into `container`, in the colours of the page, as wide as there is room. */
export class Plot {
  readonly #container: HTMLElement;
  readonly #chart: Chart;
  readonly #plot: UPlot;

  constructor(container: HTMLElement, chart: Chart) {
    this.#container = container;
    this.#chart = chart;
    const data = [chart.xs, ...chart.series.map(({ values }) => values)];
    this.#plot = new UPlot(this.#options(), data as UPlot.AlignedData, container);
    new ResizeObserver(() => this.fit()).observe(container);
  }

  /** As wide as its container. */
  fit(): void {
    this.#plot.setSize(this.#size());
  }

  /** Anew, in other colours. */
  redraw(): void {
    this.#plot.redraw(false, true);
  }

  #size(): { width: number; height: number } {
    const width = Math.max(this.#container.clientWidth, 1);
    return { width, height: Math.round(Math.max(210, width * (this.#chart.large ? 0.36 : 0.5))) };
  }

  #options(): UPlot.Options {
    const { x, y, series, marks = [] } = this.#chart;
    return {
      ...this.#size(),
      padding: [16, 24, 0, 4],
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      legend: { markers: { width: 2 } },
      scales: {
        x: { time: false, range: () => this.#rangeOfX() },
        y: { range: () => this.#rangeOfY() },
      },
      axes: [this.#axis(x, LABEL_WIDTH), this.#axis(y, LABEL_HEIGHT)],
      series: [
        { label: x.label, value: (_, place) => textAt(x, place) },
        ...series.map((one) => this.#series(one)),
      ],
      hooks: { draw: [(plot) => marks.forEach((mark) => this.#mark(plot, mark))] },
    };
  }

  #axis(axis: Axis, room: number): UPlot.Axis {
    const upright = axis === this.#chart.y;
    return {
      label: axis.label,
      labelSize: 20,
      labelFont: FONT,
      labelGap: 2,
      font: FONT,
      size: upright ? 72 : 34,
      stroke: this.#colour("quiet"),
      grid: { stroke: this.#colour("line"), width: 1 },
      ticks: { stroke: this.#colour("line"), size: 5 },
      splits: (plot, _, low, high) => {
        const pixels = upright ? plot.bbox.height : plot.bbox.width;
        const most = Math.max(2, Math.floor(pixels / devicePixelRatio / room));
        const { x, xs } = this.#chart;
        const own = axis === x && x.scale === "log" && haveRoom(xs, (high - low) / most);
        return own ? [...xs] : ticksOf(axis, [low, high], most);
      },
      values: (_, places) => places.map((place) => tickText(axis, place)),
    };
  }

  #series({ name, style, colour }: Series): UPlot.Series {
    const { y } = this.#chart;
    const line: UPlot.Series = {
      label: name,
      stroke: this.#colour(colour),
      width: 2,
      spanGaps: true,
      points: {
        show: this.#chart.xs.length < FEW && style === "line",
        size: 7,
        fill: this.#colour("raised"),
      },
      value: (_, place) => textAt(y, place),
    };
    if (style === "line") return line;
    const fill = style === "area" || style === "stairs"
      ? this.#colour(`${colour}-fill`)
      : undefined;
    if (style === "area") return { ...line, fill };
    if (style !== "bars") return { ...line, fill, paths: UPlot.paths.stepped!({ align: 1 }) };
    const paths = UPlot.paths.bars!({ size: [0.9, Infinity] });
    return { ...line, paths, width: 0, fill: this.#colour(colour), points: { show: false } };
  }

  /** Read anew whenever something is drawn: it changes with the scheme, and for print. */
  #colour(name: string): () => string {
    return () => getComputedStyle(this.#container).getPropertyValue(`--${name}`);
  }

  #rangeOfX(): [number, number] {
    const { xs, x, series } = this.#chart;
    const [low, high] = [xs[0] ?? 0, xs.at(-1) ?? 1];
    if (x.scale === "nines" || series.some(({ style }) => style === "area" || style === "stairs")) {
      return high > low ? [Math.min(low, 0), high] : [low, low + 1];
    }
    const room = Math.max((high - low) * MARGIN, 0.01);
    return [low - room, high + room];
  }

  #rangeOfY(): [number, number] {
    const { series, y, marks = [] } = this.#chart;
    const places = series.flatMap(({ values }) => values.filter((place) => place !== null))
      .concat(marks.filter(({ axis }) => axis === "y").map(({ at }) => at));
    const [low, high] = [Math.min(...places), Math.max(...places)];
    if (y.scale === "linear") return [0, high > 0 ? high * (1 + 2 * MARGIN) : 1];
    const room = Math.max((high - low) * 2 * MARGIN, 0.05);
    return [low - room, high + room];
  }

  /** A dashed line, with its text on the side where there is room. */
  #mark(plot: UPlot, mark: Mark): void {
    const { axis, at, text, colour } = mark;
    const { ctx, bbox: { left, top, width, height } } = plot;
    const scale = devicePixelRatio;
    const place = plot.valToPos(at, axis, true);
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = this.#colour(colour)();
    ctx.lineWidth = 1.5 * scale;
    ctx.setLineDash([5 * scale, 4 * scale]);
    ctx.beginPath();
    ctx.moveTo(axis === "x" ? place : left, axis === "x" ? top : place);
    ctx.lineTo(axis === "x" ? place : left + width, axis === "x" ? top + height : place);
    ctx.stroke();
    ctx.font = `600 ${12 * scale}px system-ui, sans-serif`;
    const space = 6 * scale;
    const fits = place + space + ctx.measureText(text).width < left + width;
    ctx.textAlign = axis === "y" || fits ? "left" : "right";
    ctx.textBaseline = axis === "x" ? "top" : "bottom";
    if (axis === "x") {
      ctx.fillText(text, place + (fits ? space : -space), top + this.#textHeight(mark) * height);
    } else ctx.fillText(text, left + space, place - space / 2);
    ctx.restore();
  }

  #textHeight(mark: Mark): number {
    const across = this.#chart.marks?.filter(({ axis }) => axis === "x") ?? [];
    return TEXT_HEIGHTS[Math.min(across.indexOf(mark), TEXT_HEIGHTS.length - 1)];
  }
}

function textAt(axis: Axis, place: number | null): string {
  if (place === null) return ""; // nobody points at it
  return axis.scale === "nines"
    ? tickTextFine(axis, place)
    : valueText(axis.unit, valueAt(axis, place));
}

/** A percentile between two nines. */
function tickTextFine(axis: Axis, place: number): string {
  return `${(100 * valueAt(axis, place)).toFixed(Math.max(1, Math.ceil(place) - 1))} %`;
}
