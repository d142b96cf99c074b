/** A line of an exposition that tells a value. */
export type ReadSample = Readonly<{ name: string; labels: Readonly<Record<string, string>>; value: number }>;

/** All that an exposition tells of one metric. */
export type ReadMetric = Readonly<{ help: string; type: string; samples: readonly ReadSample[] }>;

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/;
const TYPES = ["counter", "gauge", "histogram", "summary", "untyped"];

/**
 * Reads Prometheus' text format 0.0.4, and takes nothing that its page does not allow: each metric has HELP and TYPE first, its lines
 * stand together, no line is there twice, and buckets are cumulative and end with +Inf, which is the count.
 *
 * @throws Error that names the line.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function readExposition(text: string): ReadonlyMap<string, ReadMetric> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const metrics = new Map<string, { help: string; type: string; samples: ReadSample[] }>();
  let current: string | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const fail = (why: string): never => {
      throw new Error(`line ${index + 1}: ${why}: ${line}`);
    };
    if (line === "") continue;
    if (line.startsWith("# HELP ")) {
      const [, name = "", help = ""] = /^# HELP (\S+) (.*)$/.exec(line) ?? fail("HELP without a text");
      if (metrics.has(name)) fail("a second HELP");
      metrics.set(name, { help, type: "", samples: [] });
      current = name;
    } else if (line.startsWith("# TYPE ")) {
      const [, name = "", type = ""] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? fail("TYPE without a type");
      const metric = metrics.get(name);
      if (metric === undefined || name !== current || metric.type !== "")
        return fail("TYPE of another metric");
      if (!TYPES.includes(type)) fail("no such type");
      metric.type = type;
    } else if (line.startsWith("#")) fail("a comment that is none of ours");
    else {
      const metric = metrics.get(current ?? "");
      if (metric === undefined || metric.type === "") return fail("a value before its TYPE");
      const sample = readSample(line) ?? fail("no value");
      if (baseOf(sample.name, metric.type) !== current) fail("a value of another metric");
      metric.samples.push(sample);
    }
  }
  for (const [name, metric] of metrics) {
    if (metric.type === "") throw new Error(`${name} has no TYPE`);
    refuseRepeats(name, metric.samples);
    if (metric.type === "histogram") refuseBadBuckets(name, metric.samples);
  }
  return metrics;
}

function readSample(line: string): ReadSample | undefined {
  const [name] = NAME.exec(line) ?? [];
  if (name === undefined) return undefined;
  const labels: Record<string, string> = {};
  let rest = line.slice(name.length);
  if (rest.startsWith("{")) {
    rest = rest.slice(1);
    while (!rest.startsWith("}")) {
      const [whole = "", label = "", value = ""] = LABEL.exec(rest) ?? [];
      if (whole === "" || label in labels) return undefined;
      labels[label] = value;
      rest = rest.slice(whole.length);
      if (rest.startsWith(",")) rest = rest.slice(1);
      else if (!rest.startsWith("}")) return undefined;
    }
    rest = rest.slice(1);
  }
  const [, text] = /^ (\S+)$/.exec(rest) ?? [];
  if (text === undefined) return undefined;
  // The library writes NaN as Nan; Prometheus reads it in any case.
  const value = text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text);
  return Number.isNaN(value) && text.toLowerCase() !== "nan" ? undefined : { name, labels, value };
}

function baseOf(name: string, type: string): string {
  return type === "histogram"
    ? name.replace(/_(bucket|sum|count)$/, "")
    : name.replace(/_(sum|count)$/, (end) => (type === "summary" ? "" : end));
}

function refuseRepeats(name: string, samples: readonly ReadSample[]): void {
  const keys = samples.map((sample) => sample.name + JSON.stringify(Object.entries(sample.labels).sort()));
  if (new Set(keys).size !== keys.length) throw new Error(`${name} has a line twice`);
}

function refuseBadBuckets(name: string, samples: readonly ReadSample[]): void {
  const series = new Map<string, ReadSample[]>();
  for (const sample of samples) {
    const { le: _, ...others } = sample.labels;
    const key = JSON.stringify(Object.entries(others).sort());
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const [key, lines] of series) {
    const buckets = lines.filter((line) => line.name === `${name}_bucket`);
    const values = buckets.map(({ value }) => value);
    const ends = buckets.map(({ labels }) =>
      labels["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels["le"]),
    );
    const count = lines.find((line) => line.name === `${name}_count`)?.value;
    const isRising = (numbers: readonly number[]) =>
      numbers.every((n, i) => i === 0 || n >= (numbers[i - 1] ?? 0));
    if (
      !isRising(values) ||
      !isRising(ends) ||
      ends.at(-1) !== Number.POSITIVE_INFINITY ||
      values.at(-1) !== count
    )
      throw new Error(`${name}${key} is no histogram`);
    if (!lines.some((line) => line.name === `${name}_sum`)) throw new Error(`${name}${key} has no sum`);
  }
}
