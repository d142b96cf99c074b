import type { WithheldFigures } from "../resonance/score-answer.ts";
import type { ShardCounters } from "./shard-state.ts";

/** What a copy of a shard tells of itself, for metrics; plain data, since it crosses a thread. */
export type ShardFigures = Readonly<{
  kind: "shard";
  shard: number;
  isOwner: boolean;
  /** Last entry folded, and messages that are not folded yet. */
  applied: number;
  lag: number;
  /** When the log had the entry that was folded last, epoch ms by the server's clock; 0 before the first since the start. */
  appliedAtMs: number;
  resident: number;
  users: number;
  /** Contexts that were dropped from memory since the start, to be loaded again on demand. */
  evictions: number;
  /** Outputs that wait to be published. */
  outputs: number;
  diskFull: boolean;
  counters: Readonly<ShardCounters>;
  withheld: WithheldFigures;
  /** By map: version of the profiles in force, and when the log put them in force, epoch ms; 0 before the first. */
  profiles: Readonly<Record<string, Readonly<{ version: number; activatedMs: number }>>>;
  /** Erasures that are not done everywhere, and when the oldest was asked for, epoch ms. */
  erasures: Readonly<{ pending: number; oldestMs: number | null }>;
}>;
