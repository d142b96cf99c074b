import { gaussian, seededRandom } from "../../src/kernel/random.ts";
import type { HeldOutScores } from "../../src/resonance/held-out-scores.ts";

const DEPTHS = [1, 4, 8, 20, 60];
const SPREAD = 0.3;

/** What decides how users are labelled; the default tells segments apart well. */
export type HeldOutWorld = Readonly<{
  users: number;
  seed?: number;
  mode?: "exclusive" | "independent";
  /** Shares of the segments, and base rates of an independent map. */
  prior?: readonly number[];
  /** True inverse temperature, by segment. */
  kappa?: readonly number[];
  /** What is added to the true logits, by segment. */
  shift?: readonly number[];
  /** How much of each similarity is that of the segment before it: overlapping segments look alike. */
  overlap?: number;
  /** Shares that the scorer believes in, if they are others. */
  believed?: readonly number[];
  /** Draws the label first, so that each segment behaves alike whatever the shares are: of one `kappa` and no `shift`. */
  isLabelFirst?: boolean;
}>;

/** Users, five samples each, whose labels are drawn from the model that a calibration fits. */
export function heldOutWorld(given: HeldOutWorld): HeldOutScores {
  const { users, mode = "exclusive", prior = [0.5, 0.3, 0.2], overlap = 0, seed = 7 } = given;
  const K = prior.length;
  const kappa = given.kappa ?? prior.map(() => 6);
  const shift = given.shift ?? prior.map(() => 0);
  const believed = given.believed ?? prior;
  const random = seededRandom(seed);
  const similarities: number[] = [];
  const labels: number[] = [];
  for (let u = 0; u < users; u++) {
    const drawn = given.isLabelFirst === true ? oneOf(prior, random) : -1;
    // A step of variance times kappa makes the log ratio of two densities kappa times the difference.
    const own = prior.map((_, k) => SPREAD * gaussian(random) + (k === drawn ? SPREAD ** 2 * kappa[k]! : 0));
    const s = own.map((x, k) => (1 - overlap) * x + overlap * own[(k + K - 1) % K]!);
    const logits = s.map((x, k) => kappa[k]! * x + shift[k]!);
    const powers = logits.map((x, k) => prior[k]! * Math.exp(x));
    const told = mode === "exclusive" ? oneOf(powers, random) : oneBySigmoid(logits, prior, random);
    const label = drawn < 0 ? told : drawn;
    for (let depth = 0; depth < DEPTHS.length; depth++) {
      similarities.push(...s);
      labels.push(label);
    }
  }
  const count = users * DEPTHS.length;
  const believedLogs =
    mode === "exclusive" ? [...believed.map(Math.log), Math.log(1e-6)] : [...believed.map(logit), 0];
  return {
    segments: K,
    mode,
    similarities: Float64Array.from(similarities),
    evidence: Float64Array.from({ length: count }, (_, i) => DEPTHS[i % DEPTHS.length]!),
    labels: Int16Array.from(labels),
    users: Uint32Array.from({ length: count }, (_, i) => Math.floor(i / DEPTHS.length)),
    logPriors: Float64Array.from({ length: count * (K + 1) }, (_, i) => believedLogs[i % (K + 1)]!),
  };
}

function oneOf(weights: readonly number[], random: () => number): number {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [k, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return k;
  }
  return weights.length - 1;
}

/** At most one segment: each is asked in turn, with the probability that makes its own sigmoid true. */
function oneBySigmoid(logits: readonly number[], prior: readonly number[], random: () => number): number {
  const rates = logits.map((x, k) => 1 / (1 + Math.exp(-x - logit(prior[k]!))));
  const all = rates.reduce((sum, rate) => sum + rate, 0);
  const left = random() * Math.max(1, all);
  let sum = 0;
  for (const [k, rate] of rates.entries()) {
    sum += rate;
    if (left < sum) return k;
  }
  return -1;
}

function logit(rate: number): number {
  return Math.log(rate / (1 - rate));
}
