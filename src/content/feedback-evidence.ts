import { compareIds } from "../kernel/compare-ids.ts";
import { type Evidence, LEDGER_SEGMENTS_MAX } from "./ledger.ts";
import type { RateTable } from "./rate-table.ts";

/** How much feedback is trusted. */
export type FeedbackTrust = Readonly<{
  /** Share of impressions that are looked at, in (0, 1]: the placement's. */
  examination: number;
  /** In (0, 1]: clicks of one visitor are not as independent as the likelihood takes them to be. */
  weight: number;
}>;

/** Rates of nearly 0 or 1 would say too much (METHODS 3.2). */
const RATE_MIN = 1e-4;
/** Most that one outcome says, in nats. */
const CLAMP = 3;

/**
 * What an outcome says of who the visitor is: the log-likelihood of each segment against that of all together. "None" has
 * everybody's rate.
 *
 * @param probabilities - Posterior before the outcome; shape [segments + 1], "none" last.
 * @param content - Place in the table.
 * @see METHODS 3.2.
 */
export function feedbackEvidence(
  table: RateTable,
  content: number,
  clicked: boolean,
  probabilities: Float64Array,
  { examination, weight }: FeedbackTrust,
): Evidence {
  const { segments, contents, a, b } = table;
  const likelihoods = new Float64Array(segments.length + 1);
  let marginal = 0;
  let total = 0; // 1 but in an independent map, whose probabilities are each for itself.
  for (let k = 0; k <= segments.length; k++) {
    const at = k * contents.length + content;
    const mean = a[at]! / (a[at]! + b[at]!);
    const seen = examination * Math.min(1 - RATE_MIN, Math.max(RATE_MIN, mean));
    likelihoods[k] = clicked ? seen : 1 - seen;
    marginal += probabilities[k]! * likelihoods[k]!;
    total += probabilities[k]!;
  }
  marginal = total > 0 ? marginal / total : likelihoods[segments.length]!;
  const says = (k: number): number =>
    weight * Math.max(-CLAMP, Math.min(CLAMP, Math.log(likelihoods[k]! / marginal)));
  const rest = says(segments.length);
  const told = segments.map((segment, k) => ({ segment, k, value: says(k) }));
  if (told.length > LEDGER_SEGMENTS_MAX) {
    // Those whose probability moves most: unlikely ones count if they become likely.
    const move = ({ k, value }: (typeof told)[number]): number =>
      probabilities[k]! * Math.max(1, Math.exp(value)) * Math.abs(value - rest);
    told.sort((one, other) => move(other) - move(one) || one.k - other.k);
    told.length = LEDGER_SEGMENTS_MAX;
  }
  told.sort((one, other) => compareIds(one.segment, other.segment));
  return { segments: told.map(({ segment }) => segment), values: told.map(({ value }) => value), rest };
}
