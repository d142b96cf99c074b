import { softmaxInPlace } from "../embedding/softmax.ts";

/** A member whose feedback came before their segment was known. */
export type LabelledLedger = Readonly<{
  /** Of the live resonance; shape [segments + 1]. */
  logits: Float64Array;
  /** What the ledger adds at a weight of 1; the same shape. */
  offsets: Float64Array;
  /** Place of the true segment. */
  truth: number;
}>;

/**
 * How far feedback is believed: what a ledger adds to the logits is multiplied by a weight, since the clicks of one visitor are
 * not as independent as their product takes them to be (METHODS 3.2: w_f). Whoever clicked before they were known to be a
 * member is an example of what it should be. Over all shards these are summed as losses under each weight of a grid, which
 * can be added up where examples can't be kept.
 */
export const TRUST_GRID: readonly number[] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** Before there are enough examples. */
export const TRUST_UNFITTED = 0.7;
const EXAMPLES_MIN = 100;
/** More than this count half from there on: what people click changes. */
const EXAMPLES_MAX = 50_000;

/** Losses of examples, by weight. */
export type TrustSums = Readonly<{
  examples: number;
  /** Shape [TRUST_GRID]; sums of -log p(true segment). */
  losses: readonly number[];
}>;

export const NO_TRUST_SUMS: TrustSums = { examples: 0, losses: TRUST_GRID.map(() => 0) };

/** -log p(true segment) of one example under each weight; shape [TRUST_GRID]. */
export function trustLosses({ logits, offsets, truth }: LabelledLedger): number[] {
  return TRUST_GRID.map((weight) => {
    const probabilities = logits.map((logit, k) => logit + weight * offsets[k]!);
    softmaxInPlace(probabilities);
    return -Math.log(Math.max(Number.MIN_VALUE, probabilities[truth]!));
  });
}

/** Adds the losses of one more example. */
export function addTrustLosses({ examples, losses }: TrustSums, more: readonly number[]): TrustSums {
  const held = examples < EXAMPLES_MAX ? 1 : 0.5;
  return {
    examples: held * examples + 1,
    losses: losses.map((loss, i) => held * loss + more[i]!),
  };
}

/** The weight of the grid under which the examples are told best; undefined while they are too few. */
export function fittedTrust({ examples, losses }: TrustSums): number | undefined {
  if (examples < EXAMPLES_MIN) return undefined;
  return TRUST_GRID[losses.indexOf(Math.min(...losses))];
}
