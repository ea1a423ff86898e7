/**
 * Numbers in Prometheus' text format.
 *
 * @module
 */

import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Numbers that are asked for when somebody wants to see them, and some that are told as things happen. */
export class MetricRegistry {
  readonly #registry = new Registry();

  /** `Content-Type` of {@linkcode text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All of it. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** A number that goes up and down; `collect` sets it. */
  gauge(
    name: string,
    { help, labels = [], collect }: {
      help: string;
      labels?: string[];
      collect: (gauge: Gauge) => void;
    },
  ): void {
    new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [this.#registry],
      collect() {
        collect(this);
      },
    });
  }

  /** A counter that is kept elsewhere, as a plain number. */
  sum(name: string, { help, value }: { help: string; value: () => number }): void {
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  }

  /** The same for each direction. */
  sums(
    name: string,
    { help, values }: { help: string; values: () => Record<"in" | "out", number> },
  ): void {
    new Counter({
      name,
      help,
      labelNames: ["direction"],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [direction, value] of Object.entries(values())) this.inc({ direction }, value);
      },
    });
  }

  /** A counter of events, told apart by `label`. */
  counter(name: string, { help, label }: { help: string; label: string }): Counter {
    return new Counter({ name, help, labelNames: [label], registers: [this.#registry] });
  }

  /** How often a value was at most that of each bucket. */
  histogram(name: string, { help, buckets }: { help: string; buckets: number[] }): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] });
  }
}
