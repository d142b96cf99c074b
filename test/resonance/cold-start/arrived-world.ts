import { type Arrival, arrivalOf } from "../../../src/features/arrival.ts";
import { gaussian, seededRandom } from "../../../src/kernel/random.ts";
import type { MapArrivals } from "../../../src/resonance/cold-start/fit-context-prior.ts";
import { defaultCalibration } from "../../../src/resonance/default-calibration.ts";
import type { HeldOutScores } from "../../../src/resonance/held-out-scores.ts";
import type { Calibration } from "../../../src/resonance/published-profiles.ts";
import type { SegmentMap } from "../../../src/resonance/segment-map.ts";

export const SEGMENTS = ["bargain", "premium", "gift"] as const;

export function aMap(mode: SegmentMap["mode"] = "exclusive"): SegmentMap {
  return {
    name: "taste",
    mode,
    segments: SEGMENTS.map((name) => ({ name })),
    window: { bucketMs: 86_400_000, buckets: 30 },
    threshold: { enter: 0.5, minEvidence: 1 },
  };
}

/** A calibration whose temperatures suit {@link arrivedWorld}. */
export function aCalibration(): Calibration {
  return { ...defaultCalibration("e", "taste", SEGMENTS.length), kappa: [1, 4, 9, 25, 60], members: 1 };
}

const PRIOR = [0.5, 0.3, 0.2];
/** p(referrer | segment): of three, one for each segment and seldom another. */
const OWN_REFERRER = 0.6;
const DEPTHS = [1, 4, 8, 20, 60];

/**
 * Members of three segments who come from a referrer that tells their segment, with a browser that tells nothing, and whose
 * behaviour tells more the longer it is.
 *
 * @param given.own - How often somebody comes from their segment's own referrer; a third tells nothing.
 */
export function arrivedWorld(given: {
  readonly users: number;
  readonly seed?: number;
  readonly own?: number;
  readonly mode?: HeldOutScores["mode"];
}): { members: MapArrivals; heldOut: HeldOutScores } {
  const { users, seed = 3, own = OWN_REFERRER, mode = "exclusive" } = given;
  const random = seededRandom(seed);
  const arrivals = new Map<number, Arrival>();
  const labels: number[] = [];
  const similarities: number[] = [];
  const K = SEGMENTS.length;
  const oneOf = (weights: readonly number[]): number => {
    let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
    for (const [k, weight] of weights.entries()) {
      left -= weight;
      if (left < 0) return k;
    }
    return weights.length - 1;
  };
  for (let u = 0; u < users; u++) {
    const label = oneOf(PRIOR);
    const referrer = oneOf(PRIOR.map((_, k) => (k === label ? own : (1 - own) / (K - 1))));
    const browser = oneOf([1, 1, 1, 1]);
    arrivals.set(u, arrivalOf({ referrer: `r${referrer}`, browser: `b${browser}` })!);
    for (const depth of DEPTHS) {
      labels.push(label);
      // Log-likelihood ratios are kappa times the similarity, if kappa is the depth over the variance of one event.
      for (let k = 0; k < K; k++)
        similarities.push((k === label ? 1 : 0) * 0.25 + (0.5 * gaussian(random)) / Math.sqrt(depth));
    }
  }
  const count = labels.length;
  const logs = mode === "exclusive" ? [...PRIOR.map(Math.log), Math.log(1e-6)] : [...PRIOR.map(logit), 0];
  const userOf = (sample: number): number => Math.floor(sample / DEPTHS.length);
  return {
    members: {
      arrivals: [...arrivals.values()],
      labels: Int16Array.from({ length: users }, (_, u) => labels[u * DEPTHS.length]!),
    },
    heldOut: {
      segments: K,
      mode,
      similarities: Float64Array.from(similarities),
      evidence: Float64Array.from({ length: count }, (_, i) => DEPTHS[i % DEPTHS.length]!),
      labels: Int16Array.from(labels),
      users: Uint32Array.from({ length: count }, (_, i) => userOf(i)),
      logPriors: Float64Array.from({ length: count * (K + 1) }, (_, i) => logs[i % (K + 1)]!),
      arrivals,
    },
  };
}

function logit(rate: number): number {
  return Math.log(rate / (1 - rate));
}
