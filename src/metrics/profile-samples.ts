import type { ProfileFigures } from "../profiles/profile-figures.ts";
import type { DriftAlert, DriftEntry } from "../resonance/drift.ts";
import type { Samples } from "./samples.ts";

/** Adds what a copy of the profile actor tells; of what all copies have alike, the owner's word. */
export function addProfiles(samples: Samples, figures: ProfileFigures): void {
  const role = figures.isOwner ? "owner" : "standby";
  samples.add("resonance_profile_pending_samples", figures.lag, { role });
  samples.add("resonance_profile_repeated_samples_total", figures.repeats, { role });
  samples.add("resonance_profile_dropped_samples_total", figures.dropped, { role });
  if (!figures.isOwner) return;
  for (const [map, { segments, all, least }] of Object.entries(figures.members)) {
    samples.add("resonance_profile_members", all, { map });
    samples.add("resonance_profile_segments", segments, { map });
    samples.add("resonance_profile_smallest_segment_members", least, { map });
  }
  for (const [map, { logLoss, ece }] of Object.entries(figures.heldOut)) {
    samples.add("resonance_quality_held_out_log_loss", logLoss, { map });
    samples.add("resonance_quality_held_out_ece", ece, { map });
  }
  for (const { map, epsilon, window, lifetime, waiting, refused } of figures.privacy) {
    samples.add("resonance_privacy_epsilon_limit", epsilon, { map });
    samples.add("resonance_privacy_epsilon_spent", window.epsilon, { map });
    samples.add("resonance_privacy_budget_spent_ratio", window.share, { map });
    samples.add("resonance_privacy_lifetime_epsilon", lifetime.epsilon, { map });
    samples.add("resonance_privacy_buckets_waiting", waiting, { map });
    samples.add("resonance_privacy_buckets_refused", refused, { map });
  }
}

/** A measurement of drift with what of it asks to be looked at. */
export type MeasuredDrift = Readonly<{ now: DriftEntry; alerts: readonly DriftAlert[] }>;

const ALERTS: readonly DriftAlert["kind"][] = ["nll", "ece", "none", "psi"];

/** Adds the last measurement of drift. */
export function addDrift(samples: Samples, { now, alerts }: MeasuredDrift, nowMs: number): void {
  for (const [map, { members, nll, ece, eceByChance, none }] of Object.entries(now.maps)) {
    samples.add("resonance_quality_none_ratio", none, { map });
    if (members === 0) continue; // There is nobody yet whom the fit has not seen.
    samples.add("resonance_quality_log_loss", nll, { map });
    samples.add("resonance_quality_ece", ece, { map });
    samples.add("resonance_quality_ece_by_chance", eceByChance, { map });
  }
  if (now.psi.length > 0) samples.add("resonance_drift_psi_max", Math.max(...now.psi.map(({ psi }) => psi)));
  for (const kind of ALERTS)
    samples.add("resonance_drift_alerts", alerts.filter((alert) => alert.kind === kind).length, { kind });
  samples.add("resonance_drift_measured_age_seconds", Math.max(0, nowMs - now.atMs) / 1_000);
}
