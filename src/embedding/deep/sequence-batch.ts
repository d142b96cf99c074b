import type { Corpus } from "../corpus.ts";
import { EVENT_INPUTS, EVENT_NUMBERS, writeGapInputs } from "../event-inputs.ts";
import { FEATURE_CLIP } from "../linear-placement.ts";
import { addScaled, addScaledSingle } from "../vector.ts";
import type { NetworkBase } from "./deep-artefact.ts";
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
  base: NetworkBase;
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
  source: BatchSource,
  views: readonly View[],
  isDropped?: () => boolean,
): SequenceBatch {
  const { corpus, base } = source;
  const { events, offsets } = keepEvents(corpus, views, isDropped);
  const batch: SequenceBatch = {
    views,
    vectors: new Float32Array(events.length * (base.dim + EVENT_INPUTS)),
    projected: new Float32Array(views.length * base.dim),
    features: new Float32Array(views.length * base.mean.length),
    offsets,
    gapDays: new Float32Array(events.length),
    evidence: new Float64Array(views.length),
    events,
    weights: new Float32Array(events.length),
  };
  const sum = new Float64Array(base.dim);
  for (const [v, view] of views.entries()) {
    readEvents(source, batch, v, sum);
    if (view.sample >= 0) readFeatures(source, batch, v, sum);
    batch.projected.set(sum, v * base.dim);
  }
  return batch;
}

/** Reads the events of view `v`, and projects what they add up to into `sum`. */
function readEvents(
  { corpus, base, tableOf }: BatchSource,
  batch: SequenceBatch,
  v: number,
  sum: Float64Array,
): void {
  const { dim, halfLifeMs, power, bias } = base;
  const { events, offsets, vectors, gapDays, weights, evidence } = batch;
  const input = dim + EVENT_INPUTS;
  const [from, to] = [offsets[v]!, offsets[v + 1]!];
  const table = tableOf(batch.views[v]!.user);
  const endMs = to > from ? corpus.eventMs[events[to - 1]!]! : 0;
  const vector = new Float64Array(dim);
  sum.fill(0);
  for (let e = from; e < to; e++) {
    const event = events[e]!;
    const tsMs = corpus.eventMs[event]!;
    const gapMs = e === from ? 0 : tsMs - corpus.eventMs[events[e - 1]!]!;
    vector.fill(0);
    table.addRows(corpus.tokenIds, corpus.tokensAt[event]!, corpus.tokensAt[event + 1]!, vector);
    const weight = 2 ** ((tsMs - endMs) / halfLifeMs);
    evidence[v]! += weight;
    weights[e] = weight;
    gapDays[e] = gapMs / DAY_MS;
    addScaled(sum, 0, vector, 0, dim, weight);
    // Loops: setting a few numbers from an array of another type takes ten times as long.
    const at = e * input;
    for (let i = 0; i < dim; i++) vectors[at + i] = vector[i]!;
    for (let i = 0; i < EVENT_NUMBERS; i++)
      vectors[at + dim + i] = corpus.eventNumbers[event * EVENT_NUMBERS + i]!;
    writeGapInputs(gapMs, e === from, vectors, at + dim + EVENT_NUMBERS);
  }
  const shrink = 1 / (evidence[v]! + 1) ** power;
  for (let e = from; e < to; e++) weights[e]! *= shrink;
  for (let i = 0; i < dim; i++) sum[i] = bias[i]! + shrink * sum[i]!;
}

/** Standardises the features of view `v`, and adds to `sum` what they are projected to. */
function readFeatures(
  { corpus, base }: BatchSource,
  batch: SequenceBatch,
  v: number,
  sum: Float64Array,
): void {
  const { dim, mean, scale, dense } = base;
  const width = mean.length;
  const from = batch.views[v]!.sample * width;
  for (let f = 0; f < width; f++) {
    const z = (corpus.features[from + f]! - mean[f]!) * scale[f]!;
    const clipped = Math.min(FEATURE_CLIP, Math.max(-FEATURE_CLIP, z));
    batch.features[v * width + f] = clipped;
    if (clipped !== 0) addScaledSingle(sum, 0, dense, f * dim, dim, clipped);
  }
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
