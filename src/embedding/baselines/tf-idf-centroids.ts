import type { LabelledUsers } from "./labelled-users.ts";
import type { TokenWeights } from "./token-weights.ts";

/**
 * Nearest centroid: the cosine of a user's TF-IDF vector to the mean of each segment's members' unit vectors. A
 * token counts once a user, times idf = ln((1 + users) / (1 + users of the token)) + 1.
 *
 * @see Manning, Raghavan & Schütze, "Introduction to Information Retrieval", 2008, section 14.2 (Rocchio).
 */
export function tfIdfCentroids({ indicators, segments, labels, members }: LabelledUsers): TokenWeights {
  const { tokens, at, ids } = indicators;
  const users = new Float64Array(tokens);
  for (const u of members) for (let place = at[u]!; place < at[u + 1]!; place++) users[ids[place]!]!++;
  // A token that no member used is not there: it makes nobody's vector longer.
  const idf = users.map((count) => (count === 0 ? 0 : Math.log((1 + members.length) / (1 + count)) + 1));
  const rows = new Float64Array(tokens * segments);
  for (const u of members) {
    let squares = 0;
    for (let place = at[u]!; place < at[u + 1]!; place++) squares += idf[ids[place]!]! ** 2;
    const scale = 1 / Math.sqrt(squares);
    const k = labels[u]!;
    for (let place = at[u]!; place < at[u + 1]!; place++) {
      const token = ids[place]!;
      rows[token * segments + k]! += idf[token]! * scale;
    }
  }
  // A centroid's own length falls out of the cosine, so sums stand for means.
  const norms = new Float64Array(segments);
  for (let i = 0; i < rows.length; i++) norms[i % segments]! += rows[i]! ** 2;
  for (let t = 0; t < tokens; t++) {
    for (let k = 0; k < segments; k++) {
      const norm = norms[k]!;
      rows[t * segments + k]! *= norm === 0 ? 0 : idf[t]! / Math.sqrt(norm);
    }
  }
  return { segments, start: new Float64Array(segments), rows, squares: idf.map((weight) => weight ** 2) };
}
