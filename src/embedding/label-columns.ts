import type { Corpus } from "./corpus.ts";
import type { FitOptions, LabelledMap } from "./fit-options.ts";

/** How often each segment's users used each token, kept apart by fold so that any folds can be left out. */
export type LabelCounts = Readonly<{
  /** Segments of all maps in a row, at `mapAt[m] + k`. */
  classes: number;
  mapAt: readonly number[];
  segmentsOf: readonly number[];
  /** One array of shape [tokens, classes] for each fold: distinct users. */
  byFold: readonly Float32Array[];
}>;

/** Counts each user once for each token, however often it was used: one eager user is one vote. */
export function countLabels(corpus: Corpus, maps: readonly LabelledMap[], folds: number): LabelCounts {
  const segmentsOf = maps.map(({ segments }) => segments.length);
  const mapAt = segmentsOf.map((_, m) => segmentsOf.slice(0, m).reduce((sum, count) => sum + count, 0));
  const classes = segmentsOf.reduce((sum, count) => sum + count, 0);
  const tokens = corpus.tokens.length;
  const byFold = Array.from({ length: folds }, () => new Float32Array(tokens * classes));
  const lastUser = new Int32Array(tokens).fill(-1);
  for (let u = 0; u < corpus.users; u++) {
    const held = corpus.labels.flatMap((segment, m) => (segment[u]! < 0 ? [] : [mapAt[m]! + segment[u]!]));
    const counts = byFold[corpus.foldOf[u]!]!;
    const end = corpus.tokensAt[corpus.eventsAt[u + 1]!]!;
    for (let t = corpus.tokensAt[corpus.eventsAt[u]!]!; t < end; t++) {
      const id = corpus.tokenIds[t]!;
      if (lastUser[id] === u) continue;
      lastUser[id] = u;
      for (const column of held) counts[id * classes + column]! += 1;
    }
  }
  return { classes, mapAt, segmentsOf, byFold };
}

/** Columns that {@link labelColumns} writes for a token: one for a map of two segments, else one a segment. */
export function labelWidth({ segmentsOf }: LabelCounts): number {
  return segmentsOf.reduce((sum, count) => sum + columnsOf(count), 0);
}

function columnsOf(segments: number): number {
  return segments < 2 ? 0 : segments === 2 ? 1 : segments;
}

/**
 * What each token says of each segment: the logarithm of the segment's share among the token's users over its
 * share among all, smoothed towards "says nothing", centred over the map's segments (multinomial naive Bayes).
 *
 * @param folds - The folds that count; leave out those whose users the columns are for.
 * @returns Shape [tokens, labelWidth].
 */
export function labelColumns(
  corpus: Corpus,
  counts: LabelCounts,
  folds: readonly number[],
  groups: number,
  { smoothing }: Pick<FitOptions, "smoothing">,
): Float32Array {
  const { classes, mapAt, segmentsOf, byFold } = counts;
  const width = labelWidth(counts);
  const tokens = corpus.tokens.length;
  const kept = folds.map((fold) => byFold[fold]!);
  const shares = groupShares(corpus, counts, kept, groups);
  const columns = new Float32Array(tokens * width);
  const held = new Float64Array(classes);
  const ratio = new Float64Array(classes);
  for (let id = 0; id < tokens; id++) {
    held.fill(0);
    for (const fold of kept) for (let c = 0; c < classes; c++) held[c]! += fold[id * classes + c]!;
    const shareAt = corpus.groupOf[id]! * classes;
    let column = id * width;
    for (const [m, segments] of segmentsOf.entries()) {
      if (segments < 2) continue;
      const from = mapAt[m]!;
      let users = 0;
      for (let c = from; c < from + segments; c++) users += held[c]!;
      let mean = 0;
      for (let c = from; c < from + segments; c++) {
        const share = shares[shareAt + c]!;
        ratio[c] = users === 0 ? 0 : Math.log((held[c]! + smoothing * share) / ((users + smoothing) * share));
        mean += ratio[c]! / segments;
      }
      for (let k = 0; k < columnsOf(segments); k++) columns[column++] = ratio[from + k]! - mean;
    }
  }
  return columns;
}

/** Share of each segment among the users of a token group, with half a vote for each. Shape [groups, classes]. */
function groupShares(
  corpus: Corpus,
  { classes, mapAt, segmentsOf }: LabelCounts,
  folds: readonly Float32Array[],
  groups: number,
): Float64Array {
  const shares = new Float64Array(groups * classes).fill(0.5);
  for (const fold of folds) {
    for (let id = 0; id < corpus.tokens.length; id++) {
      const at = corpus.groupOf[id]! * classes;
      for (let c = 0; c < classes; c++) shares[at + c]! += fold[id * classes + c]!;
    }
  }
  for (let group = 0; group < groups; group++) {
    for (const [m, segments] of segmentsOf.entries()) {
      const at = group * classes + mapAt[m]!;
      let sum = 0;
      for (let k = 0; k < segments; k++) sum += shares[at + k]!;
      for (let k = 0; k < segments; k++) shares[at + k]! /= sum;
    }
  }
  return shares;
}
