import { tickText } from "./tick-text.ts";

/** Where values lie along an axis: 0 at its start, 1 at its end. */
export type Scale = Readonly<{
  at(value: number): number;
  ticks: readonly Readonly<{ value: number; text: string }>[];
}>;

/** Ends of bins of latency histograms that people ask about. */
const PERCENTILES = [0, 50, 90, 99, 99.9, 99.99, 99.999] as const;
/** From such a ratio of largest to smallest on, steps of ten say more than steps of the same size. */
const LOG_RATIO = 30;
const TICKS_MAX = 6;

/** An axis of percentiles: each nine more takes as much room, and the maximum stands at the end. */
export function percentileScale(percentiles: readonly number[]): Scale {
  const finest = Math.max(90, ...percentiles.filter((percentile) => percentile < 100));
  const end = nines(finest) + (percentiles.some((percentile) => percentile >= 100) ? 0.55 : 0);
  const at = (percentile: number): number => (percentile >= 100 ? 1 : nines(percentile) / end);
  const shown = PERCENTILES.filter((percentile) => percentile <= finest);
  const ticks = shown.map((value) => ({ value, text: String(value) }));
  return { at, ticks: finest < Math.max(...percentiles) ? [...ticks, { value: 100, text: "max" }] : ticks };
}

/** An axis of values >= 0: by steps of the same size from zero, or by powers where the values are far apart. */
export function valueScale(values: readonly number[], wish: "from-zero" | "powers-if-wide"): Scale {
  const positive = values.filter((value) => value > 0);
  const [smallest, largest] = [Math.min(...positive), Math.max(...positive)];
  if (positive.length === 0) return linear(1);
  return wish === "powers-if-wide" && largest / smallest >= LOG_RATIO
    ? powers(smallest, largest)
    : linear(largest);
}

/** An axis of sizes: a tick at each of them, in steps of factors. */
export function sizeScale(sizes: readonly number[]): Scale {
  const distinct = [...new Set(sizes)].toSorted((a, b) => a - b);
  const [smallest = 1, largest = 1] = [distinct[0], distinct.at(-1)];
  const width = Math.log(largest / smallest) || 1;
  const at = (size: number): number => (distinct.length < 2 ? 0.5 : Math.log(size / smallest) / width);
  return { at, ticks: distinct.map((value) => ({ value, text: tickText(value) })) };
}

function nines(percentile: number): number {
  return -Math.log10(1 - percentile / 100);
}

function linear(largest: number): Scale {
  const step = niceStep(largest / (TICKS_MAX - 1));
  const end = Math.ceil(largest / step - 1e-9) * step;
  const count = Math.round(end / step);
  const ticks = Array.from({ length: count + 1 }, (_, i) => ({ value: i * step, text: tickText(i * step) }));
  return { at: (value) => value / end, ticks };
}

function powers(smallest: number, largest: number): Scale {
  const from = Math.floor(Math.log10(smallest));
  const to = Math.ceil(Math.log10(largest));
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => {
    const value = 10 ** (from + i);
    return { value, text: tickText(value) };
  });
  const at = (value: number): number => Math.max(0, (Math.log10(value) - from) / (to - from));
  return { at, ticks };
}

/** 1, 2 or 5 times a power of ten, at least as large. */
function niceStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= atLeast * (1 - 1e-9)) ?? 10;
  return step * power;
}
