import type { WithheldFigures } from "../resonance/score-answer.ts";
import type { ShardFigures } from "../shards/shard-figures.ts";
import type { ShardCounters } from "../shards/shard-state.ts";
import type { MetricName } from "./catalogue.ts";
import type { LabelValues, Samples } from "./samples.ts";

/** Counters that are told as they are; withdrawals are by purpose. */
const COUNTED: Readonly<Record<Exclude<keyof ShardCounters, "withdrawals">, MetricName>> = {
  events: "resonance_shard_events_total",
  duplicates: "resonance_shard_duplicates_total",
  missingReleases: "resonance_shard_missing_releases_total",
  deadLetters: "resonance_shard_dead_letters_total",
  withheld: "resonance_shard_withheld_total",
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
  for (const [counter, name] of Object.entries(COUNTED) as [keyof ShardCounters, MetricName][])
    samples.add(name, figures.counters[counter], labels);
  addWithheld(samples, figures.withheld, labels);
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

function addWithheld(
  samples: Samples,
  { withheld, withdrawals }: WithheldFigures,
  labels: LabelValues,
): void {
  for (const [of, count] of Object.entries(withheld)) {
    const [purpose = "", family = "", reason = ""] = of.split(".");
    samples.add("resonance_shard_consent_dropped_total", count, { ...labels, purpose, family, reason });
  }
  for (const [purpose, count] of Object.entries(withdrawals))
    samples.add("resonance_shard_withdrawals_total", count, { ...labels, purpose });
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
