import { columnPlan } from "./column-plan.ts";
import type { Corpus } from "./corpus.ts";
import type { FitOptions, LabelledMap } from "./fit-options.ts";
import { fitLogistic, type LogisticWeights, outputsOf } from "./logistic-fit.ts";
import { readSampleRows } from "./sample-rows.ts";

/**
 * What each token says of each segment beside all the others that a user has: the weights of multinomial
 * logistic regressions. Naive Bayes asks every token alone, and counts what ten of them have in common ten times.
 */
export type TokenLogits = Readonly<{
  /** Weights of a token: for each penalty and map, one for two segments, else one a segment. */
  width: number;
  /** From all users, and from all but those of each fold; shape [tokens, width]. */
  all: Float32Array;
  without: readonly Float32Array[];
}>;

/** Beyond this nobody's score changes; the penalty keeps the rest from mattering. */
const GAIN_MIN = 1e-5;

/** Fits the regressions with all users and without each fold, on the samples cut short at several lengths. */
export function fitTokenLogits(
  corpus: Corpus,
  maps: readonly LabelledMap[],
  options: FitOptions,
): TokenLogits {
  const told = maps.flatMap(({ segments }, m) =>
    segments.length < 2 ? [] : [{ m, classes: segments.length, outputs: outputsOf(segments.length) }],
  );
  const perPenalty = told.reduce((sum, { outputs }) => sum + outputs, 0);
  const segments = maps.reduce((sum, map) => sum + map.segments.length, 0);
  const { penalties } = columnPlan(segments, options);
  const width = perPenalty * penalties.length;
  if (width === 0) {
    const none = new Float32Array(0);
    return { width, all: none, without: Array.from({ length: options.folds }, () => none) };
  }
  const outputsMax = Math.max(...told.map(({ outputs }) => outputs));
  const columnOf = widestTokens(corpus, Math.floor(options.weightsMax / outputsMax));
  const sparse = readSampleRows(corpus, columnOf, options);
  const scales = Float64Array.from(corpus.sampleEvents, (events) => 1 / (events + 1) ** options.power);
  const sampleUser = new Uint32Array(sparse.count);
  for (let u = 0; u < corpus.users; u++) sampleUser.fill(u, corpus.samplesAt[u]!, corpus.samplesAt[u + 1]!);
  const fit = (leftOut: number | undefined): Float32Array => {
    const table = new Float32Array(corpus.tokens.length * width);
    let at = 0;
    const before = new Map<number, LogisticWeights>();
    for (const penalty of penalties) {
      for (const { m, classes, outputs } of told) {
        const labels = Int16Array.from(sampleUser, (u) => corpus.labels[m]![u]!);
        const weights = Float64Array.from(labels, (label, sample) =>
          label < 0 || corpus.foldOf[sampleUser[sample]!] === leftOut ? 0 : corpus.sampleWeight[sample]!,
        );
        const given = { penalty, rounds: options.rounds, gainMin: GAIN_MIN, start: before.get(m) };
        const found = fitLogistic({ sparse, scales, labels, weights, classes }, given);
        before.set(m, found);
        for (let id = 0; id < corpus.tokens.length; id++) {
          const column = columnOf[id]!;
          if (column < 0) continue;
          for (let k = 0; k < outputs; k++) table[id * width + at + k] = found.weights[column * outputs + k]!;
        }
        at += outputs;
      }
    }
    return table;
  };
  const folds = Array.from({ length: options.folds }, (_, fold) => fold);
  const all = fit(undefined);
  // Of a single fold there is nobody else to learn from.
  return { width, all, without: folds.length === 1 ? [all] : folds.map(fit) };
}

/** A column for each of the most widely used tokens, at most so many; -1 for the others. */
function widestTokens({ usersOf }: Corpus, most: number): Int32Array {
  const ranked = Uint32Array.from(usersOf.keys()).sort((a, b) => usersOf[b]! - usersOf[a]! || a - b);
  const columnOf = new Int32Array(usersOf.length).fill(-1);
  for (const [column, id] of ranked.subarray(0, most).entries()) columnOf[id] = column;
  return columnOf;
}
