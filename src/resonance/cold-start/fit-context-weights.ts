import { softmaxInPlace } from "../../embedding/softmax.ts";
import type { HeldOutScores } from "../held-out-scores.ts";
import type { Predict } from "../held-out-votes.ts";
import { isotonic } from "../isotonic.ts";
import type { Calibration } from "../published-profiles.ts";
import { depthBinOf } from "../scorer.ts";
import type { ArrivedMembers } from "./context-counts.ts";
import type { ContextOffsets } from "./context-offsets.ts";
import type { ContextGain } from "./context-prior.ts";

const ROUNDS_MAX = 50;
/** A step smaller than this changes no answer that anyone sees. */
const CONVERGED = 1e-3;
/** Standard errors that a weight must be from 0 to count at all. */
const CHANCE_ERRORS = 2;
/** Numbers of one bin at most, a segment of a user each: of many, evenly spaced users. */
const NUMBERS_MAX = 1_500_000;
const LEAST = 1e-300;

/** What users of one length of history say of the weight. */
type Bin = Readonly<{
  /** Without the context, and what it adds at full weight; shape [users, segments + 1] each. */
  logits: Float64Array;
  ratios: Float64Array;
  /** Segment, or the number of segments for none; shape [users]. */
  labels: Int16Array;
  weights: Float64Array;
}>;

/**
 * Fits by how much a context counts at each length of history: by likelihood, in [0, 1], less what may be chance, not rising.
 *
 * @returns Before any event, then by the calibration's bins.
 */
export function fitContextWeights(given: {
  readonly calibration: Pick<Calibration, "depthEnds">;
  readonly heldOut: HeldOutScores;
  readonly members: ArrivedMembers;
  readonly offsets: ContextOffsets;
  readonly predict: Predict;
}): number[] {
  const { offsets } = given;
  const row = offsets.counts.segments + 1;
  const bins = [beforeEvents(given.members, offsets), ...byLength(given)];
  const fits = bins.map((bin) => fitWeight(bin, row, offsets.mode));
  // Pooled from the longest history on, so that what is not falling there is not rising here.
  const falling = isotonic(
    fits.map(({ weight }) => weight).toReversed(),
    fits.map(({ curvature }) => Math.max(curvature, 1e-9)).toReversed(),
  );
  return falling.toReversed();
}

/** How far the context tells members before any event, each by the others. */
export function gainBeforeEvents(
  members: ArrivedMembers,
  offsets: ContextOffsets,
  weight: number,
): ContextGain {
  const row = offsets.counts.segments + 1;
  const { logits, ratios, labels } = beforeEvents(members, offsets);
  const losses = { logLoss: 0, without: 0 };
  const told = new Float64Array(row);
  for (const [i, label] of labels.entries()) {
    for (const [name, a] of [
      ["logLoss", weight],
      ["without", 0],
    ] as const) {
      for (let k = 0; k < row; k++) told[k] = logits[i * row + k]! + a * ratios[i * row + k]!;
      losses[name] += lossOf(told, label, offsets.mode);
    }
  }
  const count = Math.max(1, labels.length);
  return { members: labels.length, logLoss: losses.logLoss / count, without: losses.without / count };
}

/** Members before they did anything: their log prior is that of the shares. */
function beforeEvents({ arrivals, classes }: ArrivedMembers, offsets: ContextOffsets): Bin {
  const { shares, segments, classes: classCount } = offsets.counts;
  const prior = Array.from({ length: segments + 1 }, (_, k) => {
    const share = shares[k] ?? 0;
    return offsets.mode === "exclusive" ? Math.log(share) : Math.log(share / (1 - share));
  });
  return binOf([...arrivals.keys()], segments + 1, (i, logits, ratios) => {
    const label = classes[i] === segments && classCount > segments ? -1 : classes[i]!;
    logits.set(prior);
    offsets.without(arrivals[i]!, label, ratios);
    return { label, weight: 1 };
  });
}

function byLength({
  calibration,
  heldOut,
  offsets,
  predict,
}: Parameters<typeof fitContextWeights>[0]): readonly Bin[] {
  const { labels, users, evidence, arrivals } = heldOut;
  const { segments, classes } = offsets.counts;
  const samplesIn = calibration.depthEnds.map((): number[] => []);
  // A user's samples in one bin count as one.
  const samplesOf = new Map<number, number>();
  const keyOf = (sample: number): number =>
    users[sample]! * samplesIn.length + depthBinOf(calibration, evidence[sample]!);
  for (const [sample, label] of labels.entries()) {
    if (arrivals?.has(users[sample]!) !== true || (label < 0 && classes === segments)) continue;
    samplesIn[depthBinOf(calibration, evidence[sample]!)]!.push(sample);
    samplesOf.set(keyOf(sample), (samplesOf.get(keyOf(sample)) ?? 0) + 1);
  }
  return samplesIn.map((samples) =>
    binOf(samples, segments + 1, (sample, logits, ratios) => {
      predict(sample, logits);
      for (let k = 0; k <= segments; k++) logits[k] = logitOf(logits[k]!, offsets.mode);
      offsets.without(arrivals!.get(users[sample]!)!, labels[sample]!, ratios);
      return { label: labels[sample]!, weight: 1 / samplesOf.get(keyOf(sample))! };
    }),
  );
}

/** @param write - Writes the logits and ratios of one, and tells their label (-1: none) and weight. */
function binOf(
  ones: readonly number[],
  row: number,
  write: (one: number, logits: Float64Array, ratios: Float64Array) => { label: number; weight: number },
): Bin {
  const step = Math.ceil((ones.length * row) / NUMBERS_MAX);
  const kept = step <= 1 ? ones : ones.filter((_, i) => i % step === 0);
  const bin = {
    logits: new Float64Array(kept.length * row),
    ratios: new Float64Array(kept.length * row),
    labels: new Int16Array(kept.length),
    weights: new Float64Array(kept.length),
  };
  for (const [i, one] of kept.entries()) {
    const at = i * row;
    const told = write(one, bin.logits.subarray(at, at + row), bin.ratios.subarray(at, at + row));
    bin.labels[i] = told.label < 0 ? row - 1 : told.label;
    bin.weights[i] = told.weight;
  }
  return bin;
}

function fitWeight(
  bin: Bin,
  row: number,
  mode: ContextOffsets["mode"],
): { weight: number; curvature: number } {
  let weight = 0;
  let slope = slopeOf(bin, row, mode, weight);
  for (let round = 0; round < ROUNDS_MAX && slope.curvature > 1e-9; round++) {
    const next = Math.min(1, Math.max(0, weight + slope.gradient / slope.curvature));
    const moved = Math.abs(next - weight);
    weight = next;
    slope = slopeOf(bin, row, mode, weight);
    if (moved < CONVERGED) break;
  }
  const isChance = weight * weight * slope.curvature <= CHANCE_ERRORS ** 2;
  return { weight: isChance ? 0 : weight, curvature: slope.curvature };
}

/** First and second derivative of the log-likelihood by the weight. */
function slopeOf(
  { logits, ratios, labels, weights }: Bin,
  row: number,
  mode: ContextOffsets["mode"],
  weight: number,
): { gradient: number; curvature: number } {
  const told = new Float64Array(row);
  let gradient = 0;
  let curvature = 0;
  for (let i = 0; i < labels.length; i++) {
    const at = i * row;
    for (let k = 0; k < row; k++) told[k] = logits[at + k]! + weight * ratios[at + k]!;
    if (mode === "exclusive") softmaxInPlace(told);
    else for (let k = 0; k < row - 1; k++) told[k] = 1 / (1 + Math.exp(-told[k]!));
    const last = mode === "exclusive" ? row : row - 1;
    let mean = 0;
    let square = 0;
    let own = 0;
    for (let k = 0; k < last; k++) {
      const ratio = ratios[at + k]!;
      const isOwn = k === labels[i];
      if (isOwn) own += ratio;
      mean += told[k]! * ratio;
      square += (mode === "exclusive" ? told[k]! : told[k]! * (1 - told[k]!)) * ratio * ratio;
    }
    gradient += weights[i]! * (own - mean);
    curvature += weights[i]! * (mode === "exclusive" ? square - mean * mean : square);
  }
  return { gradient, curvature };
}

function lossOf(logits: Float64Array, label: number, mode: ContextOffsets["mode"]): number {
  if (mode === "exclusive") {
    const own = logits[label]!;
    return softmaxInPlace(logits) - own;
  }
  let loss = 0;
  for (let k = 0; k < logits.length - 1; k++)
    loss += Math.log1p(Math.exp(k === label ? -logits[k]! : logits[k]!));
  return loss;
}

function logitOf(probability: number, mode: ContextOffsets["mode"]): number {
  const held = Math.max(LEAST, probability);
  return mode === "exclusive" ? Math.log(held) : Math.log(held / Math.max(LEAST, 1 - held));
}
