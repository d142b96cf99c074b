import type { NodeRole } from "./supervisor/cluster-records.ts";
import type { Unit } from "./supervisor/plan-cluster.ts";

/** The unit of the profile actor. */
export const PROFILES_UNIT = "profiles";
const SHARD_UNIT = /^shard-(\d+)$/;

/** Every unit of a deployment: its shards, and the profile actor. */
export function unitsOf(shards: number): readonly Unit[] {
  const of = (name: string, role: NodeRole): Unit => ({ name, role });
  return [
    ...Array.from({ length: shards }, (_, shard) => of(shardUnit(shard), "shards")),
    of(PROFILES_UNIT, "profiles"),
  ];
}

/** The unit of a shard. */
export function shardUnit(shard: number): string {
  return `shard-${shard}`;
}

/** The shard of a unit, or undefined if it is another one. */
export function shardOfUnit(unit: string): number | undefined {
  const number = SHARD_UNIT.exec(unit)?.[1];
  return number === undefined ? undefined : Number(number);
}
