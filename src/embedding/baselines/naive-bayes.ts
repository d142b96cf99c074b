import type { LabelledUsers } from "./labelled-users.ts";
import type { TokenWeights } from "./token-weights.ts";

/**
 * Multinomial naive Bayes on indicators: the logarithm of each token's share among the tokens of a segment's
 * members, each member counted once a token.
 *
 * The segments' own shares are not part of it: calibration adds them. A token that no member used says nothing.
 *
 * @param smoothing - Uses that every token is credited with in every segment, > 0.
 * @see Manning, Raghavan & Schütze, "Introduction to Information Retrieval", 2008, section 13.2.
 */
export function naiveBayes(
  { indicators, segments, labels, members }: LabelledUsers,
  smoothing: number,
): TokenWeights {
  const { tokens, at, ids } = indicators;
  const rows = new Float64Array(tokens * segments);
  const totals = new Float64Array(segments);
  const isUsed = new Uint8Array(tokens);
  for (const u of members) {
    const k = labels[u]!;
    for (let place = at[u]!; place < at[u + 1]!; place++) {
      rows[ids[place]! * segments + k]! += 1;
      isUsed[ids[place]!] = 1;
    }
    totals[k]! += at[u + 1]! - at[u]!;
  }
  const used = isUsed.reduce((sum, one) => sum + one, 0);
  const logTotals = totals.map((total) => Math.log(total + smoothing * used));
  for (let t = 0; t < tokens; t++) {
    if (isUsed[t] === 0) continue; // It is no word of the model's: its row stays 0.
    for (let k = 0; k < segments; k++) {
      const i = t * segments + k;
      rows[i] = Math.log(rows[i]! + smoothing) - logTotals[k]!;
    }
  }
  return { segments, start: new Float64Array(segments), rows };
}
