import type { Beta } from "./beta.ts";
import { betaAbove, betaMean, RATE_PRIOR, type RatePrior } from "./beta.ts";
import { type ContentRates, EVERYBODY } from "./content-rates.ts";

/** The posteriors of one placement's rates, at one time: what decisions and ledgers read. */
export type RateTable = Readonly<{
  placement: string;
  segments: readonly string[];
  /** Ids, in the order of {@link contentsOf}. */
  contents: readonly string[];
  /**
   * Clicks of impressions, as Beta(a, b). Shape [segments + 1, contents]; the last row is of everybody, and stands for
   * "none" and for segments too unlikely to be told apart.
   */
  a: Float64Array;
  b: Float64Array;
  /** Purchases of clicks; the same shape. */
  purchaseA: Float64Array;
  purchaseB: Float64Array;
  /** Decayed impressions behind each cell; the same shape. */
  shown: Float64Array;
}>;

/** Of which placement, for which map and contents, and at what time. */
export type RateTableOf = Readonly<{
  placement: string;
  segments: readonly string[];
  contents: readonly string[];
  atMs: number;
  timeoutMs: number;
  prior?: RatePrior;
}>;

/**
 * Reads rates into posteriors with a hierarchy: a segment's rate of a content starts from the content's, that from the
 * placement's, and that from the prior.
 *
 * @see METHODS 3.1, with one level more.
 */
export function rateTable(rates: ContentRates, of: RateTableOf): RateTable {
  const { placement, segments, contents, atMs, timeoutMs, prior = RATE_PRIOR } = of;
  const size = (segments.length + 1) * contents.length;
  const empty = () => new Float64Array(size);
  const sums = { shown: empty(), clicked: empty(), purchased: empty() };
  const cell = new Float64Array(3);
  for (let k = 0; k <= segments.length; k++) {
    for (let c = 0; c < contents.length; c++) {
      const at = k * contents.length + c;
      const segment = segments[k] ?? EVERYBODY;
      rates.readInto(cell, { placement, content: contents[c]!, segment }, atMs, timeoutMs);
      sums.shown[at] = cell[0]!;
      sums.clicked[at] = cell[1]!;
      sums.purchased[at] = cell[2]!;
    }
  }
  const clicks = posteriors(sums.clicked, sums.shown, segments.length, contents.length, prior);
  const purchases = posteriors(sums.purchased, sums.clicked, segments.length, contents.length, prior);
  return {
    placement,
    segments,
    contents,
    a: clicks.a,
    b: clicks.b,
    purchaseA: purchases.a,
    purchaseB: purchases.b,
    shown: sums.shown,
  };
}

/** One cell's posterior. @param k - Place of a segment, or `segments.length` for everybody. */
export function clickPosterior({ a, b, contents }: RateTable, k: number, content: number): Beta {
  const at = k * contents.length + content;
  return { a: a[at]!, b: b[at]! };
}

function posteriors(
  successes: Float64Array,
  trials: Float64Array,
  segments: number,
  contents: number,
  { rate, strength }: RatePrior,
): { a: Float64Array; b: Float64Array } {
  const everybody = segments * contents;
  let hits = 0;
  let all = 0;
  for (let c = 0; c < contents; c++) {
    hits += Math.max(0, successes[everybody + c]!);
    all += Math.max(0, trials[everybody + c]!);
  }
  const placementRate = betaMean(betaAbove(rate, strength, hits, all));
  const [a, b] = [new Float64Array(trials.length), new Float64Array(trials.length)];
  for (let c = 0; c < contents; c++) {
    const top = everybody + c;
    const overall = betaAbove(placementRate, strength, successes[top]!, trials[top]!);
    a[top] = overall.a;
    b[top] = overall.b;
    const contentRate = betaMean(overall);
    for (let at = c; at < everybody; at += contents) {
      const own = betaAbove(contentRate, strength, successes[at]!, trials[at]!);
      a[at] = own.a;
      b[at] = own.b;
    }
  }
  return { a, b };
}
