import type { Corpus } from "../corpus.ts";
import { EVENT_INPUTS, EVENT_NUMBERS, writeGapInputs } from "../event-inputs.ts";
import type { LinearWeights } from "../linear-artefact.ts";
import { FEATURE_CLIP } from "../linear-placement.ts";
import { addScaledSingle } from "../vector.ts";
import type { RefinedTable } from "./refined-table.ts";

/** A part of a user's history, as it looked at its newest event. */
export type View = Readonly<{
  user: number;
  /** Events of the corpus. */
  from: number;
  to: number;
  /** The sample whose features belong to it; -1 for none, which reads as the mean of all. */
  sample: number;
}>;

/** Views as the networks read them, and what their slopes lead back to. */
export type SequenceBatch = Readonly<{
  views: readonly View[];
  /** Shape [events, dim + EVENT_INPUTS]. */
  vectors: Float32Array;
  /** Shape [views, dim]. */
  projected: Float32Array;
  /** Standardised; shape [views, features]. */
  features: Float32Array;
  offsets: Uint32Array;
  gapDays: Float32Array;
  /** Decayed number of events; shape [views]. */
  evidence: Float64Array;
  /** Of the corpus; shape [events]. */
  events: Uint32Array;
  /** What an event's tokens add to the projection; shape [events]. */
  weights: Float32Array;
}>;

/** What a batch is made of. */
export type BatchSource = Readonly<{
  corpus: Corpus;
  base: LinearWeights;
  /** The token table of each user: one that the user's own label had no part in. */
  tableOf: (user: number) => RefinedTable;
}>;

const DAY_MS = 86_400_000;

/**
 * Reads views into one batch.
 *
 * @param isDropped - Asked once for each event: whether training hides it. An event of a view stays, the newest one.
 */
export function sequenceBatch(
  { corpus, base, tableOf }: BatchSource,
  views: readonly View[],
  isDropped?: () => boolean,
): SequenceBatch {
  const { dim, halfLifeMs, power, bias, dense } = base;
  const featureCount = base.mean.length;
  const input = dim + EVENT_INPUTS;
  const { events, offsets } = keepEvents(corpus, views, isDropped);
  const vectors = new Float32Array(events.length * input);
  const projected = new Float32Array(views.length * dim);
  const features = new Float32Array(views.length * featureCount);
  const gapDays = new Float32Array(events.length);
  const weights = new Float32Array(events.length);
  const evidence = new Float64Array(views.length);
  const sum = new Float64Array(dim);
  const vector = new Float64Array(dim);
  for (const [v, view] of views.entries()) {
    const [from, to] = [offsets[v]!, offsets[v + 1]!];
    const table = tableOf(view.user);
    const endMs = to > from ? corpus.eventMs[events[to - 1]!]! : 0;
    sum.fill(0);
    let decayed = 0;
    for (let e = from; e < to; e++) {
      const event = events[e]!;
      const tsMs = corpus.eventMs[event]!;
      const gapMs = e === from ? 0 : tsMs - corpus.eventMs[events[e - 1]!]!;
      vector.fill(0);
      table.addRows(corpus.tokenIds, corpus.tokensAt[event]!, corpus.tokensAt[event + 1]!, vector);
      const weight = 2 ** ((tsMs - endMs) / halfLifeMs);
      decayed += weight;
      weights[e] = weight;
      gapDays[e] = gapMs / DAY_MS;
      for (let i = 0; i < dim; i++) {
        sum[i]! += weight * vector[i]!;
        vectors[e * input + i] = vector[i]!;
      }
      const numbersAt = e * input + dim;
      for (let i = 0; i < EVENT_NUMBERS; i++)
        vectors[numbersAt + i] = corpus.eventNumbers[event * EVENT_NUMBERS + i]!;
      writeGapInputs(gapMs, e === from, vectors, numbersAt + EVENT_NUMBERS);
    }
    evidence[v] = decayed;
    const shrink = 1 / (decayed + 1) ** power;
    for (let e = from; e < to; e++) weights[e]! *= shrink;
    for (let i = 0; i < dim; i++) sum[i] = bias[i]! + shrink * sum[i]!;
    if (view.sample >= 0) {
      standardise(corpus.features, view.sample * featureCount, base, features, v * featureCount);
      for (let f = 0; f < featureCount; f++) {
        const z = features[v * featureCount + f]!;
        if (z !== 0) addScaledSingle(sum, 0, dense, f * dim, dim, z);
      }
    }
    for (let i = 0; i < dim; i++) projected[v * dim + i] = sum[i]!;
  }
  return { views, vectors, projected, features, offsets, gapDays, evidence, events, weights };
}

/**
 * Leads the slopes of vectors and projections back to the rows of the tokens.
 *
 * @param ofVectors - Shape [events, dim + EVENT_INPUTS]; none for a network that reads no events.
 * @param ofProjected - Shape [views, dim].
 * @param add - Takes what is added to one token's slope: `factor` times `dim` numbers of `slopes` from `at`.
 */
export function tokenSlopes(
  { corpus, base: { dim } }: BatchSource,
  batch: SequenceBatch,
  ofVectors: Float32Array | undefined,
  ofProjected: Float32Array,
  add: (token: number, slopes: Float32Array, at: number, factor: number) => void,
): void {
  const input = dim + EVENT_INPUTS;
  const { tokensAt, tokenIds } = corpus;
  for (let v = 0; v < batch.views.length; v++) {
    for (let e = batch.offsets[v]!; e < batch.offsets[v + 1]!; e++) {
      const event = batch.events[e]!;
      for (let t = tokensAt[event]!; t < tokensAt[event + 1]!; t++) {
        add(tokenIds[t]!, ofProjected, v * dim, batch.weights[e]!);
        if (ofVectors !== undefined) add(tokenIds[t]!, ofVectors, e * input, 1);
      }
    }
  }
}

function keepEvents(
  { isEvidence }: Corpus,
  views: readonly View[],
  isDropped: (() => boolean) | undefined,
): { events: Uint32Array; offsets: Uint32Array } {
  const events: number[] = [];
  const offsets = new Uint32Array(views.length + 1);
  for (const [v, { from, to }] of views.entries()) {
    for (let e = from; e < to; e++) {
      if (isEvidence[e] === 0) continue;
      if (isDropped?.() === true && e < to - 1) continue;
      events.push(e);
    }
    offsets[v + 1] = events.length;
  }
  return { events: Uint32Array.from(events), offsets };
}

function standardise(
  from: Float32Array,
  fromAt: number,
  { mean, scale }: LinearWeights,
  out: Float32Array,
  outAt: number,
): void {
  for (let f = 0; f < mean.length; f++) {
    const z = (from[fromAt + f]! - mean[f]!) * scale[f]!;
    out[outAt + f] = Math.min(FEATURE_CLIP, Math.max(-FEATURE_CLIP, z));
  }
}
