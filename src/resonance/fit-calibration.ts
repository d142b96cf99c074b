import { DEPTH_ENDS, defaultCalibration } from "./default-calibration.ts";
import type { HeldOutScores } from "./held-out-scores.ts";
import { isotonic } from "./isotonic.ts";
import type { Calibration } from "./published-profiles.ts";
import { kappaAt } from "./scorer.ts";

/** Below this many held-out members, one temperature is all that can be told (METHODS 2.4). */
const MEMBERS_FOR_BINS = 500;
/** Below this many background users their share alone tells "none". */
const BACKGROUND_FOR_NONE = 500;
/** Penalty on the squared intercepts, beside the mean negative log-likelihood (METHODS 2.3). */
const RIDGE = 1e-3;
const ROUNDS_MAX = 100;
/** A step smaller than this, in logits, changes nothing that anyone sees. */
const CONVERGED = 1e-3;
const KAPPA_MAX = 100;
/**
 * Standard deviation of a normal prior on an inverse temperature: it is felt only where held-out members are told apart without
 * any mistake, which a few hundred of them may be by chance.
 */
const KAPPA_DEVIATION = 20;
/** Standard errors that an estimate must be from 0 to count at all. */
const CHANCE_ERRORS = 2;

/**
 * Fits what turns similarities into probabilities on held-out members, by negative log-likelihood: an inverse
 * temperature for each bin of history length, and intercepts with a ridge.
 *
 * Each inverse temperature is shrunk by its uncertainty, and pooled so that it does not fall with depth: where few
 * members were held out, or they can hardly be told apart, the answer stays at the prior instead of following noise.
 *
 * @param of - The encoder and map that the calibration is for.
 * @see METHODS 2.3 and 2.4.
 */
export function fitCalibration(
  of: { readonly encoder: string; readonly map: string },
  heldOut: HeldOutScores,
): Calibration {
  const start = defaultCalibration(of.encoder, of.map, heldOut.segments);
  const fit = new CalibrationFit(heldOut, start.kappa);
  const members = fit.members;
  if (members === 0 || heldOut.segments < 2) return start;
  if (members < MEMBERS_FOR_BINS) fit.fitTemperature();
  else fit.fitBins();
  return {
    ...start,
    kappa: fit.kappa,
    intercepts: [...fit.intercepts],
    noneIntercept: fit.background < BACKGROUND_FOR_NONE ? 0 : fit.fitNone(),
    members,
  };
}

/** First and second derivative of the log-likelihood. */
type Slope = { gradient: number; curvature: number };

type Slopes = Readonly<{ kappa: readonly Slope[]; intercepts: readonly Slope[]; weights: number }>;

class CalibrationFit {
  kappa: number[];
  readonly intercepts: Float64Array;
  readonly members: number;
  readonly background: number;
  readonly #heldOut: HeldOutScores;
  readonly #depthEnds = [...DEPTH_ENDS];
  /** Bin of each sample, and its weight: a user's samples in one bin count as one. */
  readonly #bins: Uint8Array;
  readonly #weights: Float64Array;
  readonly #probabilities: Float64Array;

  constructor(heldOut: HeldOutScores, kappa: readonly number[]) {
    const { labels, users, evidence, segments } = heldOut;
    this.#heldOut = heldOut;
    this.kappa = [...kappa];
    this.intercepts = new Float64Array(segments);
    this.#probabilities = new Float64Array(segments + 1);
    const binOf = { depthEnds: this.#depthEnds, kappa: this.#depthEnds.map((_, bin) => bin) };
    this.#bins = Uint8Array.from(evidence, (events) => kappaAt(binOf, events));
    const samplesOf = new Map<number, number>();
    const key = (sample: number): number => users[sample]! * this.#depthEnds.length + this.#bins[sample]!;
    for (const sample of labels.keys()) samplesOf.set(key(sample), (samplesOf.get(key(sample)) ?? 0) + 1);
    this.#weights = Float64Array.from(labels, (_, sample) => 1 / (samplesOf.get(key(sample)) ?? 1));
    const known = new Set<number>();
    const unknown = new Set<number>();
    for (const [sample, label] of labels.entries()) (label < 0 ? unknown : known).add(users[sample]!);
    this.members = known.size;
    this.background = unknown.size;
  }

  /** One factor for the default's rise with depth. */
  fitTemperature(): void {
    const shape = this.kappa;
    let factor = 1;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      this.kappa = shape.map((kappa) => kappa * factor);
      const slope = noSlope();
      for (const [bin, of] of this.#slopes().kappa.entries()) {
        slope.gradient += shape[bin]! * of.gradient;
        slope.curvature += shape[bin]! ** 2 * of.curvature;
      }
      const before = factor;
      factor = stepped(factor, slope);
      if (Math.abs(factor - before) < CONVERGED) break;
    }
    const evidence = this.#evidenceOfKappa().reduce((sum, of) => sum + of, 0);
    const certain = shrunk(factor, evidence);
    this.kappa = shape.map((kappa) => kappa * certain);
  }

  fitBins(): void {
    let slopes = this.#slopes();
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const before = this.kappa;
      this.kappa = before.map((kappa, bin) => stepped(kappa, slopes.kappa[bin]!));
      const moved = Math.max(
        this.#stepIntercepts(slopes),
        ...this.kappa.map((kappa, bin) => Math.abs(kappa - before[bin]!)),
      );
      slopes = this.#slopes();
      if (moved < CONVERGED) break;
    }
    // An empty bin takes the value of its neighbours: a weight of next to nothing.
    const certainty = slopes.kappa.map(({ curvature }) => Math.max(curvature, 1e-9));
    const evidence = this.#evidenceOfKappa();
    this.kappa = isotonic(
      this.kappa.map((kappa, bin) => shrunk(kappa, evidence[bin]!)),
      certainty,
    );
    slopes = this.#slopes();
    for (let round = 0; round < ROUNDS_MAX && this.#stepIntercepts(slopes) >= CONVERGED; round++) {
      slopes = this.#slopes();
    }
    // A user's samples of several depths lean the same way: they are certain as one.
    const perUser = this.members / slopes.weights;
    for (const [k, { curvature }] of slopes.intercepts.entries()) {
      const intercept = this.intercepts[k]!;
      this.intercepts[k] = shrunk(intercept, intercept * intercept * curvature * perUser);
    }
  }

  /** The intercept of "none" that makes its expected share among the held-out users the observed one. */
  fitNone(): number {
    const { labels, segments, logPriors, mode } = this.#heldOut;
    if (mode === "independent") return 0;
    let none = 0;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const slope = { gradient: -RIDGE * none * labels.length, curvature: RIDGE * labels.length };
      for (const [sample, label] of labels.entries()) {
        this.#logits(sample);
        const noneLogit = none + logPriors[sample * (segments + 1) + segments]!;
        let others = 0;
        for (let k = 0; k < segments; k++) others += Math.exp(this.#probabilities[k]! - noneLogit);
        const p = 1 / (1 + others);
        slope.gradient += this.#weights[sample]! * ((label < 0 ? 1 : 0) - p);
        slope.curvature += this.#weights[sample]! * p * (1 - p);
      }
      const step = limited(slope.gradient / slope.curvature);
      none += step;
      if (Math.abs(step) < CONVERGED) break;
    }
    return none;
  }

  /** By bin, twice what the inverse temperature adds to the log-likelihood: the square of a number of standard errors. */
  #evidenceOfKappa(): number[] {
    const fitted = this.kappa;
    const withIt = this.#logLikelihoods();
    this.kappa = fitted.map(() => 0);
    const without = this.#logLikelihoods();
    this.kappa = fitted;
    return withIt.map((logLikelihood, bin) => 2 * (logLikelihood - without[bin]!));
  }

  /** By bin. */
  #logLikelihoods(): number[] {
    const { labels, segments, mode } = this.#heldOut;
    const sums = this.#depthEnds.map(() => 0);
    for (let sample = 0; sample < labels.length; sample++) {
      if (!this.#predict(sample)) continue;
      const label = labels[sample]!;
      let logLikelihood = 0;
      for (let k = 0; k < segments; k++) {
        if (k !== label && mode === "exclusive") continue;
        const p = this.#probabilities[k]!;
        logLikelihood += Math.log(Math.max(Number.MIN_VALUE, k === label ? p : 1 - p));
      }
      sums[this.#bins[sample]!]! += this.#weights[sample]! * logLikelihood;
    }
    return sums;
  }

  /** Derivatives by the inverse temperature of each bin and by each intercept. */
  #slopes(): Slopes {
    const { labels, segments, similarities, mode } = this.#heldOut;
    const kappa = this.#depthEnds.map(noSlope);
    const intercepts = Array.from({ length: segments }, noSlope);
    let weights = 0;
    for (let sample = 0; sample < labels.length; sample++) {
      if (!this.#predict(sample)) continue;
      const label = labels[sample]!;
      const weight = this.#weights[sample]!;
      weights += weight;
      let gradient = 0;
      let mean = 0;
      let square = 0;
      for (let k = 0; k < segments; k++) {
        const p = this.#probabilities[k]!;
        const s = similarities[sample * segments + k]!;
        const residual = (k === label ? 1 : 0) - p;
        const variance = p * (1 - p);
        gradient += residual * s;
        mean += p * s;
        square += (mode === "exclusive" ? p : variance) * s * s;
        intercepts[k]!.gradient += weight * residual;
        intercepts[k]!.curvature += weight * variance;
      }
      const slope = kappa[this.#bins[sample]!]!;
      slope.gradient += weight * gradient;
      slope.curvature += weight * (mode === "exclusive" ? square - mean * mean : square);
    }
    for (const [bin, slope] of kappa.entries()) {
      slope.gradient -= this.kappa[bin]! / KAPPA_DEVIATION ** 2;
      slope.curvature += 1 / KAPPA_DEVIATION ** 2;
    }
    return { kappa, intercepts, weights };
  }

  /** Half a Newton step with the diagonal of the curvature, of which the whole is at most twice as large. */
  #stepIntercepts({ intercepts, weights }: Slopes): number {
    let moved = 0;
    for (const [k, { gradient, curvature }] of intercepts.entries()) {
      const ridge = 2 * RIDGE * weights;
      const step = limited((0.5 * (gradient - ridge * this.intercepts[k]!)) / (curvature + ridge));
      this.intercepts[k]! += step;
      moved = Math.max(moved, Math.abs(step));
    }
    return moved;
  }

  /** Writes the sample's probabilities; false for one that says nothing of the segments. */
  #predict(sample: number): boolean {
    const { segments, mode, labels } = this.#heldOut;
    // "None" is fitted after the segments, which are told apart by those who have one.
    if (mode === "exclusive" && labels[sample]! < 0) return false;
    this.#logits(sample);
    const p = this.#probabilities;
    if (mode === "independent") {
      for (let k = 0; k < segments; k++) p[k] = 1 / (1 + Math.exp(-p[k]!));
      return true;
    }
    let highest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < segments; k++) highest = Math.max(highest, p[k]!);
    let sum = 0;
    for (let k = 0; k < segments; k++) {
      p[k] = Math.exp(p[k]! - highest);
      sum += p[k]!;
    }
    for (let k = 0; k < segments; k++) p[k]! /= sum;
    return true;
  }

  #logits(sample: number): void {
    const { segments, similarities, logPriors } = this.#heldOut;
    const kappa = this.kappa[this.#bins[sample]!]!;
    for (let k = 0; k < segments; k++) {
      const prior = logPriors[sample * (segments + 1) + k]!;
      this.#probabilities[k] = kappa * similarities[sample * segments + k]! + this.intercepts[k]! + prior;
    }
  }
}

/** A Newton step overshoots where the curvature is next to nothing: no step is longer than this. */
const STEP_MAX = 1;

function limited(step: number): number {
  return Math.max(-STEP_MAX, Math.min(STEP_MAX, step));
}

/** A Newton step on what must stay in [0, {@link KAPPA_MAX}]; unchanged where nothing is known. */
function stepped(value: number, { gradient, curvature }: Slope): number {
  if (curvature < 1e-9) return value;
  return Math.min(KAPPA_MAX, Math.max(0, value + limited(gradient / curvature)));
}

function noSlope(): Slope {
  return { gradient: 0, curvature: 0 };
}

/**
 * An estimate less what may be chance: unchanged where it is many standard errors from 0, and 0 within two of them.
 *
 * @param errorsSquared - Square of the number of standard errors. Of an inverse temperature that is twice the gain in
 *   log-likelihood (Wilks): its curvature vanishes where members are told without a mistake, which is no reason for doubt
 *   (Hauck and Donner, JASA 1977).
 * @see Breiman, "Better Subset Regression Using the Nonnegative Garrote", Technometrics 1995.
 */
function shrunk(estimate: number, errorsSquared: number): number {
  return errorsSquared > CHANCE_ERRORS ** 2 ? estimate * (1 - CHANCE_ERRORS ** 2 / errorsSquared) : 0;
}
