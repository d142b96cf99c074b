import type { Corpus } from "./corpus.ts";
import { TOKEN_GROUPS } from "./event-tokens.ts";
import type { FitOptions } from "./fit-options.ts";
import type { SparseRows } from "./logistic-fit.ts";

/** What every sample of a corpus is to a fit of weights a token. */
export type SampleRows = Readonly<{
  /** Decayed counts of the tokens, a row a sample: what an encoder's state sums. */
  tokens: SparseRows;
  /**
   * Decayed number of events that the other folds' users let an encoder recognise: what a visitor's evidence
   * would be if all of their fold were strangers. Shape [samples].
   */
  recognised: Float64Array;
}>;

/** Counts the tokens of every sample, as of its newest event. */
export function readSampleRows(corpus: Corpus, { halfLifeMs, folds }: FitOptions): SampleRows {
  const { users, tokens, tokensAt, tokenIds, eventsAt, eventMs, samplesAt, sampleEnd } = corpus;
  const isRecognised = recognisedEvents(corpus, folds);
  const starts = new Uint32Array(sampleEnd.length + 1);
  const columns: number[] = [];
  const values: number[] = [];
  const recognised = new Float64Array(sampleEnd.length);
  const held = new Float64Array(tokens.length);
  for (let u = 0; u < users; u++) {
    const met: number[] = [];
    const first = eventsAt[u]!;
    let sample = samplesAt[u]!;
    let known = 0;
    for (let e = first; e < eventsAt[u + 1]!; e++) {
      // In the unit of the user's first event: nothing that was counted has to be decayed again.
      const weight = 2 ** ((eventMs[e]! - eventMs[first]!) / halfLifeMs);
      if (isRecognised[e] === 1) known += weight;
      for (let t = tokensAt[e]!; t < tokensAt[e + 1]!; t++) {
        const id = tokenIds[t]!;
        if (held[id] === 0) met.push(id);
        held[id]! += weight;
      }
      if (sample === samplesAt[u + 1] || sampleEnd[sample] !== e + 1) continue;
      recognised[sample] = known / weight;
      for (const id of met) {
        columns.push(id);
        values.push((globalThis as any).process.env.BIN ? 1 : (globalThis as any).process.env.SUB ? (held[id]! / weight) ** Number((globalThis as any).process.env.SUB) : held[id]! / weight);
      }
      starts[++sample] = columns.length;
    }
    for (const id of met) held[id] = 0;
  }
  const rows = { count: sampleEnd.length, width: tokens.length, starts };
  return {
    tokens: { ...rows, columns: Uint32Array.from(columns), values: Float32Array.from(values) },
    recognised,
  };
}

/** 1 for each event that is evidence to an encoder fitted without the user's fold; shape [events]. */
function recognisedEvents(corpus: Corpus, folds: number): Uint8Array {
  const { users, foldOf, tokens, groupOf, usersOf, tokensAt, tokenIds, eventsAt } = corpus;
  const usersByFold = new Uint32Array(tokens.length * folds);
  const lastUser = new Int32Array(tokens.length).fill(-1);
  const ofUser = (u: number): [from: number, end: number] => [
    tokensAt[eventsAt[u]!]!,
    tokensAt[eventsAt[u + 1]!]!,
  ];
  for (let u = 0; u < users; u++) {
    const [from, end] = ofUser(u);
    for (let t = from; t < end; t++) {
      const id = tokenIds[t]!;
      if (lastUser[id] === u) continue;
      lastUser[id] = u;
      usersByFold[id * folds + foldOf[u]!]!++;
    }
  }
  const isRecognised = new Uint8Array(tokensAt.length - 1);
  for (let u = 0; u < users; u++) {
    for (let e = eventsAt[u]!; e < eventsAt[u + 1]!; e++) {
      let named = 0;
      let known = 0;
      for (let t = tokensAt[e]!; t < tokensAt[e + 1]!; t++) {
        const id = tokenIds[t]!;
        if (groupOf[id] === TOKEN_GROUPS.setting) continue;
        named++;
        if (usersOf[id]! > usersByFold[id * folds + foldOf[u]!]!) known++;
      }
      isRecognised[e] = named === 0 || known > 0 ? 1 : 0;
    }
  }
  return isRecognised;
}
