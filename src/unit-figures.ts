import type { MeterFigures } from "./actors/unit-meter.ts";
import type { ProfileFigures } from "./profiles/profile-figures.ts";
import type { ShardFigures } from "./shards/shard-figures.ts";

/** What a copy tells of itself. */
export type UnitFigures = ShardFigures | ProfileFigures;

/** What a thread tells of itself and of the copies in it; plain data. */
export type ThreadFigures = Readonly<{
  units: readonly UnitFigures[];
  meter: MeterFigures;
  nats: Readonly<{ isConnected: boolean; reconnects: number }>;
}>;
