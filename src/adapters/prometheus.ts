import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { CATALOGUE, type MetricKind, type MetricName } from "../metrics/catalogue.ts";
import type { Samples } from "../metrics/samples.ts";

/** What a node tells to Prometheus. */
export type Exposition = Readonly<{
  /** In Prometheus' text format. */
  text(): Promise<string>;
  contentType: string;
}>;

/** Gauges of the library that are named like counters, which checkers refuse; their sums by type are told beside them. */
const MISNAMED = ["handles", "requests", "resources"].map((of) => `nodejs_active_${of}_total`);

/**
 * The metrics of a node, beside those of its process.
 *
 * @param read - Tells them all; is asked at each scrape.
 */
export function exposition(read: () => Promise<Samples>): Exposition {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  let samples: Samples | undefined;
  for (const [name, kind] of Object.entries(CATALOGUE))
    registry.registerMetric(new ReadMetric(name as MetricName, kind, () => samples));
  return {
    async text() {
      samples = await read(); // Once for all metrics: what one scrape tells belongs together.
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}

/** A metric whose values are kept elsewhere. The library's own would count a second time, and one lookup of labels an event. */
class ReadMetric extends Gauge<string> {
  readonly #metric: MetricName;
  readonly #kind: MetricKind;
  readonly #read: () => Samples | undefined;

  constructor(name: MetricName, kind: MetricKind, read: () => Samples | undefined) {
    super({ name, help: kind.help, labelNames: [...kind.labels], registers: [] });
    this.#metric = name;
    this.#kind = kind;
    this.#read = read;
  }

  override async get(): ReturnType<Gauge<string>["get"]> {
    const values = (this.#read()?.of(this.#metric) ?? []).map(({ name, labels, value }) => {
      return { metricName: name, labels: { ...labels }, value };
    });
    const { help, type } = this.#kind;
    return { name: this.#metric, help, type, aggregator: "sum", values } as unknown as Awaited<
      ReturnType<Gauge<string>["get"]>
    >;
  }
}
