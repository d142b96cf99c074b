import { rehash32 } from "../../kernel/hash.ts";
import {
  BIN_MEMBERS_MIN,
  calibrateByDepth,
  DEPTH_BIN_ENDS,
  type DepthCalibration,
  depthBin,
  type HeldOutBin,
  lossOf,
} from "./depth-calibration.ts";
import { type LabelledUsers, logPriorOf } from "./labelled-users.ts";
import { logisticRegression } from "./logistic-regression.ts";
import { naiveBayes } from "./naive-bayes.ts";
import { tfIdfCentroids } from "./tf-idf-centroids.ts";
import { foldsByTime } from "./token-indicators.ts";
import { RunningScores, type TokenWeights, walkUser } from "./token-weights.ts";

/** What the engine has to beat, from the simplest on. */
export const BASELINE_NAMES = ["prior", "logistic-regression", "naive-bayes", "tf-idf-centroid"] as const;

export type BaselineName = (typeof BASELINE_NAMES)[number];

/** A fitted model that counts what users used, with what makes its scores probabilities. */
export type Baseline = Readonly<{
  name: BaselineName;
  /** L2 strength of a logistic regression, smoothing of naive Bayes; null where nothing is chosen. */
  strength: number | null;
  weights: TokenWeights;
  calibration: DepthCalibration;
  members: number;
}>;

/** Parts of the members for choosing strengths and for calibration. */
const FOLDS = 5;
/** No more parts are held out once this many members were: more would not make the choice any better. */
const HELD_OUT_ENOUGH = 8_000;
/**
 * Strengths are chosen on so many members at most: the penalty is a prior, whose best width hardly depends on how many
 * there are.
 */
const CHOOSING_MEMBERS_MAX = 20_000;
/** Of each part no more are scored than this. */
const HELD_OUT_MAX = 20_000;
const L2_STRENGTHS = [1_000, 300, 100, 30, 10, 3, 1, 0.3, 0.1] as const;
const SMOOTHINGS = [100, 30, 10, 3, 1, 0.3, 0.1, 0.03, 0.01] as const;
/** Place in either list at which the search begins: it goes on towards whichever side is better. */
const FIRST_TRIED = 3;
/** Largest component of the gradient of a member's mean loss at which a regression that only compares strengths ends. */
const CHOOSING_GRADIENT_MAX = 1e-4;

/**
 * Fits a baseline as carefully as the engine is fitted: its strength is the one with the lowest log-loss of members
 * who were held out, averaged over all lengths of history, and its calibration is fitted on those same members.
 *
 * Deterministic: the same users and seed give the same numbers.
 */
export function fitBaseline(name: BaselineName, users: LabelledUsers, seed: number): Baseline {
  const logPrior = logPriorOf(users);
  const common = { name, members: users.members.length };
  if (name === "prior") {
    const start = new Float64Array(users.segments);
    const rows = new Float64Array(users.indicators.tokens * users.segments);
    const bins = DEPTH_BIN_ENDS.map(() => ({ sharpness: 0, intercepts: logPrior }));
    return {
      ...common,
      strength: null,
      weights: { segments: users.segments, start, rows },
      calibration: { bins },
    };
  }
  const sample = { ...users, members: thinned(users.members, CHOOSING_MEMBERS_MAX) };
  const chosen = lowest(strengthsOf(name), trialOf(name, sample, seed));
  const { strength } = chosen;
  const isSample = users.members.length > CHOOSING_MEMBERS_MAX;
  const { calibration } = isSample ? trialOf(name, users, seed)(strength) : chosen;
  return { ...common, strength, weights: fitterOf(name)(users, strength ?? 0), calibration };
}

type Tried = Readonly<{ strength: number | null; calibration: DepthCalibration; loss: number }>;

/** Fits without each fold, and calibrates on what those folds' members look like to the fits. */
function trialOf(name: FittedName, users: LabelledUsers, seed: number): (strength: number | null) => Tried {
  const material = heldOutMaterial(users, seed);
  const logPrior = logPriorOf(users);
  const fits = material.folds.map(() => fitterOf(name, CHOOSING_GRADIENT_MAX));
  return (strength) => {
    const bins = emptyBins(users.segments, material);
    for (const [f, { training, heldOut }] of material.folds.entries()) {
      const weights = fits[f]!({ ...users, members: training }, strength ?? 0);
      scoreHeldOut(users, heldOut, weights, { bins, seed });
    }
    const calibration = calibrateByDepth(bins, logPrior);
    return { strength, calibration, loss: meanLoss(bins, calibration) };
  };
}

/** Walks from {@link FIRST_TRIED} to the side where the loss falls, until it rises. */
function lowest(strengths: readonly (number | null)[], trial: (strength: number | null) => Tried): Tried {
  const from = Math.min(FIRST_TRIED, strengths.length - 1);
  let best = trial(strengths[from]!);
  for (const direction of [-1, 1]) {
    const before = best;
    for (let i = from + direction; i >= 0 && i < strengths.length; i += direction) {
      const tried = trial(strengths[i]!);
      if (tried.loss >= best.loss) break;
      best = tried;
    }
    if (best !== before) break;
  }
  return best;
}

type FittedName = Exclude<BaselineName, "prior">;
type Fitter = (users: LabelledUsers, strength: number) => TokenWeights;

/** Logistic regressions of one fold start from one another. */
function fitterOf(name: FittedName, gradientMax?: number): Fitter {
  if (name === "naive-bayes") return naiveBayes;
  if (name === "tf-idf-centroid") return tfIdfCentroids;
  let start: Float64Array | undefined;
  return (users, strength) => {
    const fit = logisticRegression(users, strength, {
      ...(start && { start }),
      ...(gradientMax && { gradientMax }),
    });
    start = fit.parameters;
    return fit.weights;
  };
}

function strengthsOf(name: FittedName): readonly (number | null)[] {
  if (name === "logistic-regression") return L2_STRENGTHS;
  return name === "naive-bayes" ? SMOOTHINGS : [null];
}

type HeldOutMaterial = Readonly<{
  folds: readonly Readonly<{ training: readonly number[]; heldOut: readonly number[] }>[];
  /** Members of each bin over all folds. */
  counts: readonly number[];
}>;

function heldOutMaterial({ indicators, members }: LabelledUsers, seed: number): HeldOutMaterial {
  const foldOf = foldsByTime(indicators, { folds: FOLDS, seed });
  const folds: { training: readonly number[]; heldOut: readonly number[] }[] = [];
  let heldOutUsers = 0;
  for (let fold = 0; fold < FOLDS && heldOutUsers < HELD_OUT_ENOUGH; fold++) {
    const heldOut = members.filter((u) => foldOf[u] === fold);
    if (heldOut.length === 0) continue;
    folds.push({
      training: members.filter((u) => foldOf[u] !== fold),
      heldOut: thinned(heldOut, HELD_OUT_MAX),
    });
    heldOutUsers += heldOut.length;
  }
  const counts = DEPTH_BIN_ENDS.map(() => 0);
  for (const { heldOut } of folds) {
    for (const u of heldOut) for (let bin = 0; bin <= depthBin(indicators.lengths[u]!); bin++) counts[bin]!++;
  }
  return { folds, counts };
}

/** Every so manieth, so that at most `most` are left. */
function thinned(members: readonly number[], most: number): readonly number[] {
  const stride = Math.ceil(members.length / most);
  return members.filter((_, i) => i % stride === 0);
}

function emptyBins(segments: number, { counts }: HeldOutMaterial): HeldOutBin[] {
  return counts.map((count) => ({
    scores: new Float64Array(count * segments),
    labels: new Int16Array(count),
    count: 0,
  }));
}

/** Scores each held-out member once in every bin that their history reaches: cut short there, or whole. */
function scoreHeldOut(
  { indicators, labels, segments }: LabelledUsers,
  heldOut: readonly number[],
  weights: TokenWeights,
  given: { readonly bins: readonly HeldOutBin[]; readonly seed: number },
): void {
  const running = new RunningScores(weights);
  for (const u of heldOut) {
    const cuts = cutsOf(indicators.lengths[u]!, u, given.seed);
    walkUser(indicators, u, cuts, running, (b) => {
      const bin = given.bins[b]!;
      running.write(bin.scores, bin.count * segments);
      bin.labels[bin.count++] = labels[u]!;
    });
  }
}

/** A length in each bin up to that of the whole history, drawn evenly; rising. */
function cutsOf(length: number, user: number, seed: number): number[] {
  const cuts: number[] = [];
  for (let bin = 0; bin <= depthBin(length); bin++) {
    const from = bin === 0 ? 1 : DEPTH_BIN_ENDS[bin - 1]! + 1;
    const to = Math.min(length, DEPTH_BIN_ENDS[bin]!);
    const uniform = rehash32(rehash32(user, seed), bin) / 2 ** 32;
    cuts.push(Math.min(to, from + Math.floor(uniform * (to - from + 1))));
  }
  return cuts;
}

/** Over the bins with enough members for a calibration of their own, each weighing the same; over all if none has. */
function meanLoss(bins: readonly HeldOutBin[], { bins: sharpenings }: DepthCalibration): number {
  const isLarge = ({ count }: HeldOutBin) => count >= BIN_MEMBERS_MIN;
  const wanted = bins.some(isLarge) ? isLarge : ({ count }: HeldOutBin) => count > 0;
  const losses = bins.flatMap((bin, b) => (wanted(bin) ? [lossOf(bin, sharpenings[b]!)] : []));
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
