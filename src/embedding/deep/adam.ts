/** What Adam keeps of an array: running means of its slopes and of their squares. */
export type Moments = Readonly<{ mean: Float32Array; square: Float32Array }>;

export function noMoments(length: number): Moments {
  return { mean: new Float32Array(length), square: new Float32Array(length) };
}

const MEAN_DECAY = 0.9;
const SQUARE_DECAY = 0.999;
const EPSILON = 1e-8;

/** How far a step goes, and how much of each weight it takes away. */
export type StepSize = Readonly<{ rate: number; weightDecay: number; step: number }>;

/**
 * One step down the slopes, in place, with decoupled weight decay.
 *
 * @param size - `step` counts from 1.
 * @see Kingma & Ba, "Adam", 2015; Loshchilov & Hutter, "Decoupled Weight Decay Regularization", 2019.
 */
export function adamStep(
  values: Float32Array,
  slopes: Float32Array,
  moments: Moments,
  { rate, weightDecay, step }: StepSize,
): void {
  const towards = correction(rate, step);
  for (let i = 0; i < values.length; i++) {
    values[i]! -= rate * weightDecay * values[i]! + towards * moved(moments, i, slopes[i]!);
  }
}

/**
 * {@link adamStep} for the few rows of a large table that have a slope: the others are left as they are, moments too.
 *
 * @param rows - Of length `width` each; shape [rows, width].
 */
export function adamRows(
  values: Float32Array,
  slopes: Float32Array,
  moments: Moments,
  rows: Readonly<{ ids: readonly number[]; width: number }>,
  { rate, weightDecay, step }: StepSize,
): void {
  const towards = correction(rate, step);
  for (const id of rows.ids) {
    for (let i = id * rows.width; i < (id + 1) * rows.width; i++) {
      values[i]! -= rate * weightDecay * values[i]! + towards * moved(moments, i, slopes[i]!);
    }
  }
}

/** Both means begin at 0, and are too small at first. */
function correction(rate: number, step: number): number {
  return (rate * Math.sqrt(1 - SQUARE_DECAY ** step)) / (1 - MEAN_DECAY ** step);
}

function moved({ mean, square }: Moments, i: number, slope: number): number {
  mean[i] = MEAN_DECAY * mean[i]! + (1 - MEAN_DECAY) * slope;
  square[i] = SQUARE_DECAY * square[i]! + (1 - SQUARE_DECAY) * slope * slope;
  return mean[i]! / (Math.sqrt(square[i]!) + EPSILON);
}
