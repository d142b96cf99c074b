import { minimise } from "../minimise.ts";
import { softmaxInPlace } from "../softmax.ts";

/** Upper ends of the bins of history length, in events. */
export const DEPTH_BIN_ENDS = [1, 3, 7, 15, 31, 63, 127, Number.POSITIVE_INFINITY] as const;

/** What turns a model's scores into probabilities at one depth: softmax(sharpness * score + intercepts). */
export type Sharpening = Readonly<{
  /** Inverse temperature, >= 0. */
  sharpness: number;
  /** Shape [segments]; the log of the segments' shares is part of it. */
  intercepts: Float64Array;
}>;

/** One for each bin of history length. */
export type DepthCalibration = Readonly<{ bins: readonly Sharpening[] }>;

/** Held-out scores of one bin: how members looked to a model that never saw them. */
export type HeldOutBin = {
  /** Shape [count, segments], and room for more. */
  readonly scores: Float64Array;
  /** Shape [count]. */
  readonly labels: Int16Array;
  count: number;
};

/** Below this many held-out members a bin has no calibration of its own. */
export const BIN_MEMBERS_MIN = 150;
/** Precision of the normal prior on how far an intercept is from the log of its segment's share. */
const RIDGE = 1;
/** Of the mean loss a member, in nats. */
const GRADIENT_MAX = 1e-5;
const ITERATIONS_MAX = 200;

/** Index of the bin of a history of so many events. */
export function depthBin(events: number): number {
  let bin = 0;
  while (events > DEPTH_BIN_ENDS[bin]!) bin++;
  return bin;
}

/**
 * Fits temperature and intercepts of every bin on held-out members, by maximum likelihood. A bin with few members
 * takes those of the bin before it; the first, those of all bins together.
 *
 * Sharpness may fall with depth, unlike the engine's: naive Bayes counts evidence twice, the more so the more there is.
 *
 * @param bins - As many as {@link DEPTH_BIN_ENDS}.
 * @param logPrior - Shape [segments].
 */
export function calibrateByDepth(bins: readonly HeldOutBin[], logPrior: Float64Array): DepthCalibration {
  let last = fitSharpening(bins, logPrior);
  return {
    bins: bins.map((bin) => {
      if (bin.count >= BIN_MEMBERS_MIN) last = fitSharpening([bin], logPrior);
      return last;
    }),
  };
}

/** Turns the scores `scores[at .. at + segments)` into probabilities, written to `out`. */
export function sharpen(
  { sharpness, intercepts }: Sharpening,
  scores: Float64Array,
  at: number,
  out: Float64Array,
): void {
  for (let k = 0; k < out.length; k++) out[k] = sharpness * scores[at + k]! + intercepts[k]!;
  softmaxInPlace(out);
}

/** Mean negative log-likelihood of a bin's members, in nats. */
export function lossOf({ scores, labels, count }: HeldOutBin, sharpening: Sharpening): number {
  const segments = sharpening.intercepts.length;
  const p = new Float64Array(segments);
  let loss = 0;
  for (let i = 0; i < count; i++) {
    sharpen(sharpening, scores, i * segments, p);
    loss -= Math.log(Math.max(Number.MIN_VALUE, p[labels[i]!]!));
  }
  return loss / Math.max(1, count);
}

function fitSharpening(bins: readonly HeldOutBin[], logPrior: Float64Array): Sharpening {
  const segments = logPrior.length;
  const spread = spreadOf(bins, segments);
  const intercepts = Float64Array.from(logPrior);
  if (spread === 0) return { sharpness: 0, intercepts: fitIntercepts(bins, intercepts, 0) };
  const start = new Float64Array(segments + 1);
  const found = minimise(objectiveOf(bins, logPrior, spread), start, limits(bins, logPrior, spread));
  const sharpness = found.x[segments]! / spread;
  // Scores that point the wrong way were chance: without them only the shares are left.
  if (sharpness <= 0) return { sharpness: 0, intercepts: fitIntercepts(bins, intercepts, 0) };
  for (let k = 0; k < segments; k++) intercepts[k]! += found.x[k]!;
  return { sharpness, intercepts };
}

function fitIntercepts(bins: readonly HeldOutBin[], logPrior: Float64Array, spread: number): Float64Array {
  const found = minimise(
    objectiveOf(bins, logPrior, spread),
    new Float64Array(logPrior.length + 1),
    limits(bins, logPrior, spread),
  );
  return logPrior.map((log, k) => log + found.x[k]!);
}

function limits(bins: readonly HeldOutBin[], logPrior: Float64Array, spread: number) {
  const count = bins.reduce((sum, bin) => sum + bin.count, 0);
  const inverseCurvature = new Float64Array(logPrior.length + 1);
  for (const [k, log] of logPrior.entries()) {
    inverseCurvature[k] = 1 / (RIDGE + count * Math.exp(log) * (1 - Math.exp(log)));
  }
  // The scores' variance is 1 in the unit of their spread; without any, sharpness stays where it is.
  inverseCurvature[logPrior.length] = 1 / Math.max(1, spread === 0 ? 1 : count);
  return {
    gradientMax: GRADIENT_MAX * Math.max(1, count),
    iterationsMax: ITERATIONS_MAX,
    inverseCurvature,
  };
}

/** Root mean square of the scores about their mean over the segments: the unit in which sharpness is searched for. */
function spreadOf(bins: readonly HeldOutBin[], segments: number): number {
  let squares = 0;
  let members = 0;
  for (const { scores, count } of bins) {
    members += count;
    for (let i = 0; i < count; i++) {
      let mean = 0;
      for (let k = 0; k < segments; k++) mean += scores[i * segments + k]! / segments;
      for (let k = 0; k < segments; k++) squares += (scores[i * segments + k]! - mean) ** 2;
    }
  }
  return members === 0 ? 0 : Math.sqrt(squares / members / segments);
}

/** By the deviation of each intercept from the log prior, then by sharpness in units of one over the spread. */
function objectiveOf(bins: readonly HeldOutBin[], logPrior: Float64Array, spread: number) {
  const segments = logPrior.length;
  const p = new Float64Array(segments);
  return (x: Float64Array, gradient: Float64Array): number => {
    const sharpness = spread === 0 ? 0 : x[segments]! / spread;
    let loss = 0;
    gradient.fill(0);
    for (let k = 0; k < segments; k++) {
      loss += 0.5 * RIDGE * x[k]! * x[k]!;
      gradient[k] = RIDGE * x[k]!;
    }
    for (const { scores, labels, count } of bins) {
      for (let i = 0; i < count; i++) {
        for (let k = 0; k < segments; k++)
          p[k] = sharpness * scores[i * segments + k]! + logPrior[k]! + x[k]!;
        const label = labels[i]!;
        const own = p[label]!;
        loss += softmaxInPlace(p) - own;
        p[label]! -= 1;
        let along = 0;
        for (let k = 0; k < segments; k++) {
          gradient[k]! += p[k]!;
          along += p[k]! * scores[i * segments + k]!;
        }
        if (spread !== 0) gradient[segments]! += along / spread;
      }
    }
    return loss;
  };
}
