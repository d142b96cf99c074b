/** How far a release has drifted in one map, at one time. */
export type MapDrift = Readonly<{
  /** Members whom the fit has not seen, scored as if nothing were known of who they are. */
  members: number;
  /** Mean -log probability of their segment among the segments, nats. */
  nll: number;
  /** Confidence ECE, and what chance alone would show on as many members. */
  ece: number;
  eceByChance: number;
  /** Share of all users compared, members or not, for whom "none" is the most probable. */
  none: number;
}>;

/** One measurement. Times are of the node that measured, epoch ms. */
export type DriftEntry = Readonly<{
  atMs: number;
  encoder: string;
  users: number;
  maps: Readonly<Record<string, MapDrift>>;
  /** Authenticated users whose features were read. */
  featureUsers: number;
  /** Features whose distribution differs most from that of the fit, the largest first. */
  psi: readonly Readonly<{ feature: string; psi: number }>[];
}>;

/** Something that asks for a new fit, or for a look. */
export type DriftAlert = Readonly<{
  kind: "nll" | "ece" | "psi" | "none";
  /** The map, or the feature. */
  of: string;
  value: number;
  limit: number;
}>;

const DAY_MS = 86_400_000;
/** METHODS 6.5: what triggers a fit out of turn. */
const NLL_RISE = 1.05;
const NLL_FOR_MS = 3 * DAY_MS;
const ECE_MAX = 0.05;
const PSI_MAX = 0.2;
const NONE_RISE = 2;
/** Below so many users, or members, chance looks like drift. */
const USERS_MIN = 200;
/** A calibration error counts if it is so many times as large as chance makes it. */
const CHANCE_TIMES = 2;
/** A share of "none" below this may double without anybody noticing. */
const NONE_MIN = 0.01;

/**
 * Population stability index: sum of (actual - expected) ln(actual / expected) over bins.
 *
 * @param expected - Shares > 0 that sum to 1.
 * @param actual - The same.
 * @returns 0 for the same shares; above .2 counts as a shift.
 * @see METHODS 6.5.
 */
export function populationStability(expected: readonly number[], actual: readonly number[]): number {
  let sum = 0;
  for (const [bin, share] of expected.entries()) {
    const other = actual[bin] ?? 0;
    sum += (other - share) * Math.log(other / share);
  }
  return sum;
}

/** As {@link populationStability}, of counts: half a user more in each bin, so that an empty one is not infinitely far. */
export function stabilityOfCounts(expected: readonly number[], actual: readonly number[]): number {
  return populationStability(smoothed(expected), smoothed(actual));
}

/**
 * What of a release's drift asks to be looked at.
 *
 * @param history - Measurements in the order of time; the first one of the newest one's encoder is what others are compared
 * with.
 */
export function driftAlerts(history: readonly DriftEntry[]): DriftAlert[] {
  const newest = history.at(-1);
  if (newest === undefined) return [];
  const own = history.filter(({ encoder }) => encoder === newest.encoder);
  const alerts: DriftAlert[] = [];
  for (const [map, now] of Object.entries(newest.maps)) {
    const first = own.find(({ maps }) => (maps[map]?.members ?? 0) >= USERS_MIN)?.maps[map];
    if (first !== undefined && now.members >= USERS_MIN) {
      const limit = first.nll * NLL_RISE;
      if (risesFor(own, map, limit) >= NLL_FOR_MS)
        alerts.push({ kind: "nll", of: map, value: now.nll, limit });
      if (now.ece > ECE_MAX && now.ece > CHANCE_TIMES * now.eceByChance)
        alerts.push({ kind: "ece", of: map, value: now.ece, limit: ECE_MAX });
    }
    const none = own.find(({ users }) => users >= USERS_MIN)?.maps[map]?.none;
    if (none === undefined || newest.users < USERS_MIN) continue;
    const limit = NONE_RISE * Math.max(NONE_MIN, none);
    if (now.none > limit) alerts.push({ kind: "none", of: map, value: now.none, limit });
  }
  if (newest.featureUsers >= USERS_MIN)
    for (const { feature, psi } of newest.psi)
      if (psi > PSI_MAX) alerts.push({ kind: "psi", of: feature, value: psi, limit: PSI_MAX });
  return alerts;
}

/** For how long the log-loss has been above a limit without a break, ms. */
function risesFor(history: readonly DriftEntry[], map: string, limit: number): number {
  let since = Number.POSITIVE_INFINITY;
  for (const { atMs, maps } of history) {
    const held = maps[map];
    if (held === undefined || held.members < USERS_MIN) continue; // Nobody knows.
    since = held.nll > limit ? Math.min(since, atMs) : Number.POSITIVE_INFINITY;
  }
  return (history.at(-1)?.atMs ?? 0) - since;
}

function smoothed(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count + 0.5, 0);
  return counts.map((count) => (count + 0.5) / total);
}
