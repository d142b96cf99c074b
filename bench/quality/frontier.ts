import type { Leaderboard } from "../../src/resonance/evaluation/leaderboard.ts";

/** What a method costs a served event, and how much it tells. */
export type CostAndQuality = Readonly<{
  method: string;
  kind: "baseline" | "encoder";
  /** Microseconds a served event, mean over the maps. */
  micros: number;
  /** Share of the prior's log-loss that it takes away at the end, mean over the maps; below 0 it is worse. */
  gain: number;
}>;

/** Each method's cost beside its quality, means over the maps that all of the leaderboards' methods were fitted to. */
export function costsAndQualities(leaderboards: readonly Leaderboard[]): CostAndQuality[] {
  const sums = new Map<
    string,
    { kind: CostAndQuality["kind"]; micros: number; gain: number; maps: number }
  >();
  for (const { rows } of leaderboards) {
    const prior = rows.find(({ method }) => method === "prior")?.cells.at(-1)?.logLoss;
    if (prior === undefined || prior === 0) continue;
    for (const { method, kind, eventMicros, cells } of rows) {
      const end = cells.at(-1)?.logLoss;
      if (end === undefined || method === "prior") continue;
      const sum = sums.get(method) ?? { kind, micros: 0, gain: 0, maps: 0 };
      sum.micros += eventMicros;
      sum.gain += 1 - end / prior;
      sum.maps++;
      sums.set(method, sum);
    }
  }
  return [...sums].map(([method, { kind, micros, gain, maps }]) => ({
    ...{ method, kind },
    ...{ micros: micros / maps, gain: gain / maps },
  }));
}

/** Those that no other one beats in cost without telling less, cheapest first. */
export function frontierOf(points: readonly CostAndQuality[]): CostAndQuality[] {
  const byCost = points.toSorted((a, b) => a.micros - b.micros || b.gain - a.gain);
  let best = Number.NEGATIVE_INFINITY;
  return byCost.filter(({ gain }) => {
    if (gain <= best) return false;
    best = gain;
    return true;
  });
}
