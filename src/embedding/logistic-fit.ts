import { minimise } from "./minimise.ts";
import { softmaxInPlace } from "./softmax.ts";

/** Rows of a sparse matrix: row r holds `values[i]` in `columns[i]` for i in [starts[r], starts[r + 1]). */
export type SparseRows = Readonly<{
  count: number;
  width: number;
  starts: Uint32Array;
  columns: Uint32Array;
  values: Float32Array;
}>;

/** Whom a fit learns from. */
export type LogisticSamples = Readonly<{
  sparse: SparseRows;
  /** Factor of each row's sparse values; shape [count]. */
  scales: Float64Array;
  /** Class of each row; read only where its weight is above 0. Shape [count]. */
  labels: Int16Array;
  /** Weight of each row, 0 to leave it out; shape [count]. */
  weights: Float64Array;
  classes: number;
}>;

/**
 * Weights of a multinomial logistic regression. Two classes share one logit, that of the first against the
 * second: `outputs` is 1 then, else the number of classes.
 */
export type LogisticWeights = Readonly<{
  outputs: number;
  /** Shape [sparse.width, outputs]. */
  weights: Float64Array;
  /** Shape [outputs]. */
  bias: Float64Array;
}>;

const GRADIENT_MAX = 1e-6;

/** Logits that a model of so many classes has. */
export function outputsOf(classes: number): number {
  return classes === 2 ? 1 : classes;
}

/**
 * Fits by minimising the weighted negative log-likelihood plus `penalty / 2` times the squared weights; the
 * biases are free. Deterministic.
 *
 * @param penalty - Of each class's weights, > 0, in the unit of one user.
 * @param gainMin - Share of the loss that a step must gain for another one to follow.
 * @param start - What a fit to the same samples with another penalty found: a good place to begin.
 * @see Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, section 4.4.
 */
export function fitLogistic(
  samples: LogisticSamples,
  {
    penalty,
    rounds,
    gainMin = 0,
    start,
  }: {
    readonly penalty: number;
    readonly rounds: number;
    readonly gainMin?: number;
    readonly start?: LogisticWeights | undefined;
  },
): LogisticWeights {
  const { sparse, classes } = samples;
  const outputs = outputsOf(classes);
  const biasAt = sparse.width * outputs;
  const point = new Float64Array(biasAt + outputs);
  point.set(start?.weights ?? []);
  point.set(start?.bias ?? logShares(samples), biasAt);
  // One logit stands for two classes whose weights are its halves: their squares sum to half of its own.
  const perWeight = classes === 2 ? penalty / 2 : penalty;
  const logits = new Float64Array(outputs);
  const objective = (at: Float64Array, gradient: Float64Array): number => {
    gradient.fill(0);
    let loss = 0;
    for (let row = 0; row < sparse.count; row++) {
      const weight = samples.weights[row]!;
      if (weight === 0) continue;
      logitsInto(samples, at, row, logits);
      loss += weight * residuals(logits, samples.labels[row]!);
      spread(samples, gradient, row, logits, weight);
    }
    for (let i = 0; i < biasAt; i++) {
      loss += 0.5 * perWeight * at[i]! * at[i]!;
      gradient[i]! += perWeight * at[i]!;
    }
    return loss;
  };
  const limits = { gradientMax: GRADIENT_MAX, iterationsMax: rounds, gainMin };
  const { x } = minimise(objective, point, limits);
  return { outputs, weights: x.subarray(0, biasAt), bias: x.subarray(biasAt) };
}

/** The logits of no evidence: the logarithms of the classes' shares, with half a user for each. */
function logShares({ labels, weights, classes }: LogisticSamples): number[] {
  const shares = new Float64Array(classes).fill(0.5);
  for (const [row, label] of labels.entries()) if (weights[row]! > 0) shares[label]! += weights[row]!;
  const [first, second] = shares;
  if (classes === 2) return [Math.log(first! / second!)];
  const mean = shares.reduce((sum, share) => sum + Math.log(share), 0) / classes;
  return Array.from(shares, (share) => Math.log(share) - mean);
}

function logitsInto(
  { sparse, scales }: LogisticSamples,
  at: Float64Array,
  row: number,
  out: Float64Array,
): void {
  const outputs = out.length;
  const biasAt = sparse.width * outputs;
  const end = sparse.starts[row + 1]!;
  const scale = scales[row]!;
  if (outputs === 1) {
    let sum = 0;
    for (let i = sparse.starts[row]!; i < end; i++) sum += sparse.values[i]! * at[sparse.columns[i]!]!;
    out[0] = sum * scale + at[biasAt]!;
    return;
  }
  for (let k = 0; k < outputs; k++) out[k] = at[biasAt + k]!;
  for (let i = sparse.starts[row]!; i < end; i++) {
    const from = sparse.columns[i]! * outputs;
    const x = sparse.values[i]! * scale;
    for (let k = 0; k < outputs; k++) out[k]! += x * at[from + k]!;
  }
}

/** Turns logits into the gradient by them, in place; gives the negative log-likelihood. */
function residuals(logits: Float64Array, label: number): number {
  if (logits.length === 1) {
    const logit = label === 0 ? logits[0]! : -logits[0]!;
    const wrong = 1 / (1 + Math.exp(logit));
    logits[0] = label === 0 ? -wrong : wrong;
    return logit > 0 ? Math.log1p(Math.exp(-logit)) : Math.log1p(Math.exp(logit)) - logit;
  }
  const ofLabel = logits[label]!;
  const logSum = softmaxInPlace(logits);
  logits[label]! -= 1;
  return logSum - ofLabel;
}

/** Adds a row's share of the gradient. */
function spread(
  { sparse, scales }: LogisticSamples,
  gradient: Float64Array,
  row: number,
  residual: Float64Array,
  weight: number,
): void {
  const outputs = residual.length;
  const biasAt = sparse.width * outputs;
  for (let k = 0; k < outputs; k++) {
    residual[k]! *= weight;
    gradient[biasAt + k]! += residual[k]!;
  }
  for (let i = sparse.starts[row]!; i < sparse.starts[row + 1]!; i++) {
    const to = sparse.columns[i]! * outputs;
    const x = sparse.values[i]! * scales[row]!;
    for (let k = 0; k < outputs; k++) gradient[to + k]! += x * residual[k]!;
  }
}
