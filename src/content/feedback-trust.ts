import { addLedgerInto, LEDGER_SETTINGS, type Ledger } from "./ledger.ts";

/**
 * How far feedback is believed: its log-likelihoods are multiplied by a weight, since the clicks of one visitor are not as
 * independent as their product takes them to be (METHODS 3.2: w_f). The weight is that of a grid under which feedback alone,
 * on the prior, tells best who members are. Behaviour is left out: it knows members from the fit of the encoder.
 */
export const TRUST_GRID: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** Before there are enough members who clicked. */
export const TRUST_UNFITTED = 0.7;
const VOTES_MIN = 200;
/** More than this count half from there on: what members click changes. */
const VOTES_MAX = 50_000;

/** Losses of members, by weight. */
export type TrustSums = Readonly<{
  /** Members' clicks that were looked at. */
  votes: number;
  /** Shape [TRUST_GRID]; sums of -log p(their segment). */
  losses: readonly number[];
}>;

export const NO_TRUST_SUMS: TrustSums = { votes: 0, losses: TRUST_GRID.map(() => 0) };

/**
 * What a member's ledger alone says of their segment, under each weight of the grid.
 *
 * @param places - Of the segments of an exclusive map, in its scorer.
 * @param logPrior - Shape [segments + 1], "none" last.
 * @param segment - Place of the member's own.
 * @returns -log p(segment), shape [TRUST_GRID].
 */
export function trustLosses(
  ledger: Ledger,
  places: ReadonlyMap<string, number>,
  logPrior: Float64Array,
  segment: number,
  atMs: number,
): number[] {
  const logits = new Float64Array(logPrior.length);
  return TRUST_GRID.map((weight) => {
    logits.set(logPrior);
    addLedgerInto(ledger, places, "exclusive", atMs, logits, { ...LEDGER_SETTINGS, weight });
    const largest = Math.max(...logits);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
    return largest + Math.log(sum) - logits[segment]!;
  });
}

/** Adds the losses of one member's click. */
export function addTrustLosses({ votes, losses }: TrustSums, more: readonly number[]): TrustSums {
  const held = votes < VOTES_MAX ? 1 : 0.5;
  return {
    votes: held * votes + 1,
    losses: losses.map((loss, i) => held * loss + more[i]!),
  };
}

/** The weight under which members are told best; undefined while they are too few. */
export function fittedTrust({ votes, losses }: TrustSums): number | undefined {
  if (votes < VOTES_MIN) return undefined;
  return TRUST_GRID[losses.indexOf(Math.min(...losses))];
}
