import type { Experiment } from "./experiment.ts";
import { type HashMode, hashUnit } from "./hash-unit.ts";

/** The arm of a unit, with the number that it follows from; or why it takes no part. */
export type Assignment =
  | Readonly<{ kind: "arm"; arm: number; bucket: number }>
  | Readonly<{ kind: "left-out"; because: "holdout" | "namespace" | "traffic" }>;

/**
 * The arm of a unit: a pure function of the definition and the unit's hash key, so that every node, and every replay,
 * comes to the same. More traffic later moves no unit that takes part already.
 *
 * @param hashKey - What the unit was known by at its first exposure; it does not change when the unit logs in.
 */
export function assign(experiment: Experiment, hashKey: string): Assignment {
  const { hash, seed, namespace, holdout } = experiment;
  if (holdout !== undefined && hashUnit(hash, `holdout:${holdout.name}`, hashKey) < holdout.share)
    return { kind: "left-out", because: "holdout" };
  if (namespace !== undefined) {
    const place = namespaceBucket(hash, namespace.name, hashKey);
    if (place < namespace.from || place >= namespace.to) return { kind: "left-out", because: "namespace" };
  }
  const bucket = hashUnit(hash, seed, hashKey);
  const ranges = bucketRanges(
    experiment.arms.map(({ weight }) => weight),
    experiment.traffic,
  );
  const arm = ranges.findIndex(([from, to]) => bucket >= from && bucket < to);
  return arm < 0 ? { kind: "left-out", because: "traffic" } : { kind: "arm", arm, bucket };
}

/**
 * The range of numbers of each arm. Arms begin where their weights put them, and each takes part of its room.
 *
 * @param weights - Shares that sum to 1.
 * @param traffic - In [0, 1].
 * @see GrowthBook's SDK, `getBucketRanges`.
 */
export function bucketRanges(
  weights: readonly number[],
  traffic: number,
): readonly (readonly [from: number, to: number])[] {
  let start = 0;
  return weights.map((weight) => {
    const from = start;
    start += weight;
    return [from, from + traffic * weight];
  });
}

/** A unit's place in a namespace: another number than in any experiment. GrowthBook takes its version 1 for all. */
function namespaceBucket(hash: HashMode, name: string, hashKey: string): number {
  return hash === "sha256"
    ? hashUnit(hash, `namespace:${name}`, hashKey)
    : hashUnit("growthbook-v1", `__${name}`, hashKey);
}
