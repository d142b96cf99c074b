import { expect, test } from "vitest";
import { entropyBits } from "../../src/adapters/entropy.ts";
import { encodeProfileControl } from "../../src/events/profile-control.ts";
import { normalCdf, normalQuantile } from "../../src/kernel/normal.ts";
import { CONTRIBUTION_GRID, COUNT_UNITS, SENSITIVITY } from "../../src/privacy/contribution.ts";
import { noisePlan } from "../../src/privacy/noise-plan.ts";
import { noisedSums } from "../../src/privacy/noised-sums.ts";
import { drawNoise } from "../../src/profiles/draw-noise.ts";
import { decodeProfiles, encodeProfiles } from "../../src/profiles/profiles-codec.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { aPrivateMap, PrivateWorld } from "../profiles/private-world.ts";
import { aMap, aPrivacy, DAY_MS } from "../profiles/some-samples.ts";

/** Was the target among the members? The attacker knows everybody else, what the target did, and how noise is drawn. */
const EPSILON = 1;
const DELTA = 1e-6;
const OTHERS = 60;
const DAYS = 3;
/** Of length 1, in units of the grid: nobody can contribute more. */
const TARGET = [4_096, 0];
const OTHER = [600, -800];
const MU =
  SENSITIVITY /
  noisePlan(aPrivacy({ contributions: 1, versions: 1 }), { bucketMs: DAY_MS, buckets: 1 }).sigma;

test("the best attack on the sums of a bucket finds the target no more often than epsilon and delta allow", () => {
  const { sigmaUnits } = noisePlan(oneRelease(), { bucketMs: DAY_MS, buckets: 1 });
  const told = attackOnSums(100_000, sigmaUnits);
  expect(excess(told, EPSILON)).toBeLessThan(4);
  expect(excessOverGaussian(told, MU)).toBeLessThan(4);
  // It is the best one: it reaches what Gaussian noise lets anybody reach.
  expect(Math.abs(areaOf(told) - normalCdf(MU / Math.SQRT2))).toBeLessThan(4 * areaError(told));
});

test("with a third of the noise the same attack breaks the promise", () => {
  const { sigmaUnits } = noisePlan(oneRelease(), { bucketMs: DAY_MS, buckets: 1 });
  const told = attackOnSums(100_000, Math.floor(sigmaUnits / 3));
  expect(excess(told, EPSILON)).toBeGreaterThan(4);
  expect(excessOverGaussian(told, MU)).toBeGreaterThan(4);
});

test("published profiles of a private map hide whether somebody was there on every day of the window", async () => {
  const privacy = aPrivacy({ epsilon: EPSILON, delta: DELTA, versions: 1 });
  const runs = 4_000;
  const [within, without] = await Promise.all(
    [true, false].map((isThere) => publications(privacy, isThere, runs)),
  );
  const told = { within: within!.map(evidence), without: without!.map(evidence) };
  expect(excess(told, EPSILON)).toBeLessThan(4);
  expect(excessOverGaussian(told, MU)).toBeLessThan(4);
  expect(areaOf(told)).toBeGreaterThan(0.5); // Though it learns something, as it may.
}, 120_000);

test("exact profiles tell it: the same attack finds the target every time, with no false alarm", () => {
  const told = { within: [evidence(exactPublication(true))], without: [evidence(exactPublication(false))] };
  expect(told.within[0]).toBeGreaterThan(told.without[0]!);
  expect(areaOf(told)).toBe(1);
  const manyTimes = (of: readonly number[]) => Array.from({ length: 6_000 }, () => of[0]!);
  const all = { within: manyTimes(told.within), without: manyTimes(told.without) };
  expect(excess(all, EPSILON)).toBeGreaterThan(100);
});

type Told = Readonly<{ within: readonly number[]; without: readonly number[] }>;

function oneRelease() {
  return aPrivacy({ epsilon: EPSILON, delta: DELTA, contributions: 1, versions: 1 });
}

/** Log-likelihood ratios, up to a factor and a constant, of noisy sums with the target and without. */
function attackOnSums(runs: number, sigmaUnits: number): Told {
  const bits = entropyBits();
  const ratio = (isThere: boolean): number => {
    const sum = OTHER.map((value, i) => OTHERS * value + (isThere ? TARGET[i]! : 0));
    const noisy = noisedSums({ sum, count: OTHERS + (isThere ? 1 : 0) }, sigmaUnits, bits);
    return noisy.reduce((total, value, i) => total + value * (TARGET[i] ?? COUNT_UNITS), 0);
  };
  const draw = (isThere: boolean) => Array.from({ length: runs }, () => ratio(isThere));
  return { within: draw(true), without: draw(false) };
}

/** What may be published of one and the same past: noise is drawn anew for each. */
async function publications(
  privacy: SegmentMap["privacy"],
  isThere: boolean,
  runs: number,
): Promise<PublishedProfiles[]> {
  const world = new PrivateWorld(aPrivateMap({ privacy: privacy! }));
  world.sample("clock", 0, { labels: {}, vector: [0, 0] });
  world.noise();
  populate(world, isThere);
  world.noon(DAYS);
  await world.commit();
  const bits = entropyBits();
  return Array.from({ length: runs }, () => {
    world.restart();
    for (const { control } of drawNoise(world.state.due(), bits))
      world.fold(encodeProfileControl(control), 1e6);
    return decodeProfiles(encodeProfiles(world.published()));
  });
}

function exactPublication(isThere: boolean): PublishedProfiles {
  const world = new PrivateWorld(aMap({ window: { bucketMs: DAY_MS, buckets: DAYS } }));
  populate(world, isThere);
  return decodeProfiles(encodeProfiles(world.published()));
}

function populate(world: PrivateWorld, isThere: boolean): void {
  for (let day = 0; day < DAYS; day++) {
    for (let user = 0; user < OTHERS; user++) world.sample(`user-${user}`, day, { vector: OTHER });
    if (isThere) world.sample("target", day, { vector: TARGET });
  }
}

/** The same ratio, from a published profile: its sums are its centroid times its count. */
function evidence({ profiles, privacy }: PublishedProfiles): number {
  const [{ centroid, members } = { centroid: [0, 0], members: 0 }] = profiles;
  const count = members * (privacy === undefined ? 1 : DAYS);
  const sums = [...centroid].map((value) => (value * count) / CONTRIBUTION_GRID);
  return [...sums, count * COUNT_UNITS].reduce(
    (total, value, i) => total + value * (TARGET[i] ?? COUNT_UNITS),
    0,
  );
}

/** Rates of hits and of false alarms at every threshold of a grid. */
function rates({ within, without }: Told): { hits: number; alarms: number }[] {
  const ascending = (of: readonly number[]) => Float64Array.from(of).sort();
  const [here, away] = [ascending(within), ascending(without)];
  const above = (of: Float64Array, threshold: number): number => {
    let [low, high] = [0, of.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (of[middle]! > threshold) high = middle;
      else low = middle + 1;
    }
    return (of.length - low) / of.length;
  };
  return Array.from({ length: 200 }, (_, i) => {
    const threshold =
      i % 2 === 0 ? here[Math.floor((i / 200) * here.length)]! : away[Math.floor((i / 200) * away.length)]!;
    return { hits: above(here, threshold), alarms: above(away, threshold) };
  });
}

/** By how many standard errors the best threshold beats e^epsilon times its false alarms plus delta. */
function excess(told: Told, epsilon: number): number {
  const runs = told.within.length;
  const factor = Math.exp(epsilon);
  const errors = rates(told).map(({ hits, alarms }) => {
    const variance = hits * (1 - hits) + factor ** 2 * alarms * (1 - alarms);
    return (hits - factor * alarms - DELTA) / Math.sqrt(Math.max(variance, 1 / runs) / runs);
  });
  return Math.max(...errors);
}

/** The same for the bound of Gaussian differential privacy: hits <= Phi(Phi^-1(false alarms) + mu). */
function excessOverGaussian(told: Told, mu: number): number {
  const runs = told.within.length;
  const errors = rates(told).map(({ hits, alarms }) => {
    const error = Math.sqrt(Math.max(alarms * (1 - alarms), 1 / runs) / runs);
    const most = (rate: number) => normalCdf(normalQuantile(Math.min(1, Math.max(0, rate))) + mu);
    const bound = most(alarms);
    const slope = Math.max(most(alarms + error) - bound, bound - most(alarms - error));
    return (hits - bound) / Math.sqrt(Math.max(hits * (1 - hits), 1 / runs) / runs + slope ** 2);
  });
  return Math.max(...errors);
}

/** Probability that the target's presence looks more like it than their absence. */
function areaOf({ within, without }: Told): number {
  const all = [...within.map((value) => [value, 1] as const), ...without.map((value) => [value, 0] as const)];
  all.sort(([a], [b]) => a - b);
  let [rank, below] = [0, 0];
  for (const [, isWithin] of all) {
    if (isWithin === 1) rank += below;
    else below++;
  }
  return rank / (within.length * without.length);
}

function areaError({ within }: Told): number {
  return Math.sqrt(1 / (6 * within.length));
}
