import type { Corpus } from "./corpus.ts";
import type { FitOptions } from "./fit-options.ts";
import type { SparseRows } from "./logistic-fit.ts";

/**
 * Counts the tokens of every sample, as of its newest event.
 *
 * @param columnOf - Column of each token, -1 for one that is left out; shape [tokens].
 */
export function readSampleRows(
  corpus: Corpus,
  columnOf: Int32Array,
  { halfLifeMs }: Pick<FitOptions, "halfLifeMs">,
): SparseRows {
  const { users, tokens, tokensAt, tokenIds, eventsAt, eventMs, samplesAt, sampleEnd } = corpus;
  const starts = new Uint32Array(sampleEnd.length + 1);
  const columns: number[] = [];
  const values: number[] = [];
  const held = new Float64Array(tokens.length);
  for (let u = 0; u < users; u++) {
    const met: number[] = [];
    const first = eventsAt[u]!;
    let sample = samplesAt[u]!;
    for (let e = first; e < eventsAt[u + 1]!; e++) {
      // In the unit of the user's first event: nothing that was counted has to be decayed again.
      const weight = 2 ** ((eventMs[e]! - eventMs[first]!) / halfLifeMs);
      for (let t = tokensAt[e]!; t < tokensAt[e + 1]!; t++) {
        const id = tokenIds[t]!;
        if (columnOf[id]! < 0) continue;
        if (held[id] === 0) met.push(id);
        held[id]! += weight;
      }
      if (sample === samplesAt[u + 1] || sampleEnd[sample] !== e + 1) continue;
      for (const id of met) {
        columns.push(columnOf[id]!);
        values.push(held[id]! / weight);
      }
      starts[++sample] = columns.length;
    }
    for (const id of met) held[id] = 0;
  }
  return {
    count: sampleEnd.length,
    width: columnOf.reduce((most, column) => Math.max(most, column + 1), 0),
    starts,
    columns: Uint32Array.from(columns),
    values: Float32Array.from(values),
  };
}
