import type { ShardFigures } from "../shards/shard-figures.ts";
import type { ShardCounters } from "../shards/shard-state.ts";
import type { MetricName } from "./catalogue.ts";
import type { Samples } from "./samples.ts";

const COUNTED: Readonly<Record<keyof ShardCounters, MetricName>> = {
  events: "resonance_shard_events_total",
  duplicates: "resonance_shard_duplicates_total",
  missingReleases: "resonance_shard_missing_releases_total",
  deadLetters: "resonance_shard_dead_letters_total",
  withheld: "resonance_shard_withheld_total",
  withdrawals: "resonance_shard_withdrawals_total",
  bots: "resonance_shard_bots_total",
};

/** Adds what a copy of a shard tells. */
export function addShard(samples: Samples, figures: ShardFigures, nowMs: number): void {
  const { shard, isOwner, lag, appliedAtMs, erasures } = figures;
  const labels = { shard, role: isOwner ? "owner" : "standby" };
  const ageSeconds = appliedAtMs === 0 ? undefined : secondsSince(appliedAtMs, nowMs);
  samples.add("resonance_shard_lag_messages", lag, labels);
  samples.add("resonance_shard_lag_seconds", lag === 0 ? 0 : ageSeconds, labels);
  samples.add("resonance_shard_last_entry_age_seconds", ageSeconds, labels);
  samples.add("resonance_shard_applied_position", figures.applied, labels);
  for (const [counter, count] of Object.entries(figures.counters))
    samples.add(COUNTED[counter as keyof ShardCounters], count, labels);
  samples.add("resonance_shard_resident_contexts", figures.resident, labels);
  samples.add("resonance_shard_stored_contexts", figures.users, labels);
  samples.add("resonance_shard_evictions_total", figures.evictions, labels);
  samples.add("resonance_shard_outputs_waiting", figures.outputs, labels);
  samples.add("resonance_shard_disk_full", figures.diskFull, labels);
  if (!isOwner) return;
  const { pending, oldestMs } = erasures;
  samples.add("resonance_erasures_pending", pending, { shard });
  const waitedSeconds = oldestMs === null ? 0 : secondsSince(oldestMs, nowMs);
  samples.add("resonance_erasure_oldest_pending_seconds", waitedSeconds, { shard });
}

/** Adds which profiles the owned shards answer by: of each map the oldest. */
export function addServedProfiles(samples: Samples, shards: readonly ShardFigures[], nowMs: number): void {
  const oldest = new Map<string, { version: number; activatedMs: number }>();
  for (const { isOwner, profiles } of shards) {
    if (!isOwner) continue;
    for (const [map, served] of Object.entries(profiles)) {
      const known = oldest.get(map);
      if (known === undefined || served.version < known.version) oldest.set(map, served);
    }
  }
  for (const [map, { version, activatedMs }] of oldest) {
    samples.add("resonance_profile_version", version, { map });
    if (activatedMs > 0)
      samples.add("resonance_profile_age_seconds", secondsSince(activatedMs, nowMs), { map });
  }
}

/** Never negative: the clocks of two machines differ. */
function secondsSince(thenMs: number, nowMs: number): number {
  return Math.max(0, nowMs - thenMs) / 1_000;
}
