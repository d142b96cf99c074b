import { ENTRIES, ERASURE_SECONDS, WORK_SECONDS } from "../actors/unit-meter.ts";
import { REQUEST_SECONDS } from "../gateway/gateway-meter.ts";

/** What one metric is. Its labels have few values each, and none is of a user. */
export type MetricKind = Readonly<{
  type: "counter" | "gauge" | "histogram";
  help: string;
  labels: readonly string[];
  /** Of a histogram: upper ends of its buckets. */
  buckets?: readonly number[];
}>;

type Labels = readonly string[];

const counter = (labels: Labels, help: string): MetricKind => ({ type: "counter", labels, help });
const gauge = (labels: Labels, help: string): MetricKind => ({ type: "gauge", labels, help });
const histogram = (labels: Labels, buckets: readonly number[], help: string): MetricKind => ({
  ...{ type: "histogram", labels, buckets, help },
});

const OF_COPY: Labels = ["shard", "role"];
const OF_WORK: Labels = ["thread", "role"];

/**
 * Every metric of the engine, by name. A node tells of its own gateway and of the copies that it has, so sums over all nodes are
 * the cluster's; of copies take those with the role `owner`.
 */
export const CATALOGUE = {
  resonance_build_info: gauge(["version", "node_version"], "Always 1; the labels say what runs"),
  resonance_ready: gauge([], "1 while requests may be sent to the node, as /readyz says"),
  resonance_not_ready_reason: gauge(["code"], "1 for each reason why the node is not ready"),

  resonance_gateway_requests_total: counter(["endpoint"], "Requests answered, over NATS and HTTP"),
  resonance_gateway_errors_total: counter(
    ["endpoint", "code", "retryable"],
    "Requests that were answered with an error; retryable ones are the engine's, others the asker's",
  ),
  resonance_gateway_request_duration_seconds: histogram(
    ["endpoint"],
    REQUEST_SECONDS,
    "Time from a request's arrival to its answer; of one that a shard sends straight to its asker until the gateway hears of it, up to 2 ms later",
  ),
  resonance_gateway_requests_in_flight: gauge([], "Requests being answered"),
  resonance_ingest_accepted_total: counter([], "Events that the log has stored"),
  resonance_ingest_automated_total: counter([], "Accepted events of programs which say what they are"),
  resonance_ingest_refused_total: counter(["code"], "Events refused"),
  resonance_ingest_refusing_shards: gauge(
    [],
    "Shards too far behind for more events, as this gateway sees it",
  ),
  resonance_consent_dropped_total: counter(
    ["purpose", "reason"],
    "What was left out of events at the gateway for want of consent",
  ),

  resonance_shard_lag_messages: gauge(OF_COPY, "Messages of its log that a copy has not folded"),
  resonance_shard_lag_seconds: gauge(
    OF_COPY,
    "Age of the entry that a copy folded last while there are more to fold, by the clocks of server and node; else 0",
  ),
  resonance_shard_last_entry_age_seconds: gauge(
    OF_COPY,
    "Age of the entry that a copy folded last; nothing before the first since its start",
  ),
  resonance_shard_applied_position: gauge(OF_COPY, "Last position of its log that a copy has folded"),
  resonance_shard_events_total: counter(OF_COPY, "Behaviours folded"),
  resonance_shard_duplicates_total: counter(OF_COPY, "Behaviours without effect, since their ids were known"),
  resonance_shard_dead_letters_total: counter(OF_COPY, "Entries that could not be folded and were set aside"),
  resonance_shard_missing_releases_total: counter(OF_COPY, "Activations whose release was gone"),
  resonance_shard_withheld_total: counter(
    OF_COPY,
    "Behaviours of which a shard left something out for want of consent",
  ),
  resonance_shard_consent_dropped_total: counter(
    [...OF_COPY, "purpose", "family", "reason"],
    "What a shard left out of behaviours for want of consent, by family of features; `all` for a whole behaviour",
  ),
  resonance_shard_withdrawals_total: counter([...OF_COPY, "purpose"], "Purposes that users took back"),
  resonance_shard_bots_total: counter(OF_COPY, "Users found to be programs"),
  resonance_shard_resident_contexts: gauge(OF_COPY, "Contexts in memory"),
  resonance_shard_stored_contexts: gauge(OF_COPY, "Contexts in the store"),
  resonance_shard_evictions_total: counter(
    OF_COPY,
    "Contexts dropped from memory, to be loaded again on demand",
  ),
  resonance_shard_outputs_waiting: gauge(
    OF_COPY,
    "Samples, transitions and dead letters that wait to be published",
  ),
  resonance_shard_disk_full: gauge(OF_COPY, "1 while commits wait for room on the disk"),
  resonance_fold_duration_seconds: histogram(OF_WORK, WORK_SECONDS, "Time to fold a batch of log entries"),
  resonance_fold_entries: histogram(OF_WORK, ENTRIES, "Entries of a batch"),
  resonance_commit_duration_seconds: histogram(
    OF_WORK,
    WORK_SECONDS,
    "Time of a transaction of contexts and offset",
  ),
  resonance_transitions_total: counter(
    ["thread", "map", "kind"],
    "Users who entered or left resonating with a segment of the map",
  ),

  resonance_units: gauge(
    ["role"],
    "Units, which are shards and the profile actor, by what this node is for them",
  ),
  resonance_unit_epoch: gauge(["unit"], "Epoch of the owner, for units that this node owns"),
  resonance_unit_ready_standbys: gauge(
    ["unit"],
    "Standbys that have caught up, of units that this node owns",
  ),
  resonance_standbys_wanted: gauge(
    [],
    "Standbys that each unit should have, by this node's options and the nodes there are",
  ),
  resonance_units_unserved: gauge([], "Units that have no owner that answers, as this node sees it"),
  resonance_handovers_total: counter(
    ["direction"],
    "Changes of ownership: taken by this node, given to another in order, lost by a failure or a lease that ran out",
  ),
  resonance_cluster_nodes: gauge([], "Nodes in the cluster, as this node sees it"),
  resonance_lease_held: gauge([], "1 while the node's lease in the cluster holds"),
  resonance_nats_connected: gauge(["connection"], "1 while the connection is up"),
  resonance_nats_reconnects_total: counter(
    ["connection"],
    "Times that the connection was lost and came back",
  ),
  resonance_thread_restarts_total: counter(
    ["kind"],
    "Worker threads that ended or hung, and were started again",
  ),
  resonance_thread_silent_seconds: gauge(
    ["kind"],
    "Time since the last sign of life of the most silent thread",
  ),

  resonance_profile_version: gauge(
    ["map"],
    "Version of the profiles in force in the shards that this node owns, the oldest",
  ),
  resonance_profile_age_seconds: gauge(["map"], "Time since those profiles were put in force"),
  resonance_profile_members: gauge(
    ["map"],
    "Members of all segments in the window; not told of private maps",
  ),
  resonance_profile_segments: gauge(["map"], "Segments with members; not told of private maps"),
  resonance_profile_smallest_segment_members: gauge(["map"], "Members of the smallest of those segments"),
  resonance_profile_pending_samples: gauge(
    ["role"],
    "Messages of samples that a copy of the profile actor has not folded",
  ),
  resonance_profile_repeated_samples_total: counter(["role"], "Samples that were applied before"),
  resonance_profile_dropped_samples_total: counter(["role"], "Samples older than every window"),

  resonance_quality_held_out_log_loss: gauge(
    ["map"],
    "Log-loss of the calibration in force on held-out members, nats",
  ),
  resonance_quality_held_out_ece: gauge(["map"], "Its expected calibration error on them"),
  resonance_quality_log_loss: gauge(
    ["map"],
    "Log-loss of new members at the last measurement of drift, nats",
  ),
  resonance_quality_ece: gauge(["map"], "Their expected calibration error"),
  resonance_quality_ece_by_chance: gauge(["map"], "What chance alone would show on as many"),
  resonance_quality_none_ratio: gauge(["map"], "Share of users for whom none is the most probable"),
  resonance_drift_psi_max: gauge([], "Stability index of the feature that has moved most since the fit"),
  resonance_drift_alerts: gauge(["kind"], "Alerts of the last measurement of drift"),
  resonance_drift_measured_age_seconds: gauge([], "Time since the last measurement of drift by this node"),

  resonance_privacy_epsilon_limit: gauge(
    ["map"],
    "Epsilon that a private map promises each user for any window",
  ),
  resonance_privacy_epsilon_spent: gauge(
    ["map"],
    "Epsilon of the newest window, by the bound that the budget is kept by",
  ),
  resonance_privacy_budget_spent_ratio: gauge(["map"], "Share of the window's budget that is spent, in zCDP"),
  resonance_privacy_lifetime_epsilon: gauge(
    ["map"],
    "Epsilon of all releases ever, for a user who contributed to each",
  ),
  resonance_privacy_buckets_waiting: gauge(["map"], "Closed buckets that wait for their noise"),
  resonance_privacy_buckets_refused: gauge(["map"], "Buckets refused, since the budget did not allow them"),
  resonance_erasures_pending: gauge(
    ["shard"],
    "Erasures that are not done everywhere, of shards that this node owns",
  ),
  resonance_erasure_oldest_pending_seconds: gauge(
    ["shard"],
    "Time since the oldest of them was asked for; 0 for none",
  ),
  resonance_erasure_duration_seconds: histogram(
    ["thread"],
    ERASURE_SECONDS,
    "Time from the request for an erasure until nothing is left; the count is that of erasures done",
  ),
} as const satisfies Readonly<Record<string, MetricKind>>;

export type MetricName = keyof typeof CATALOGUE;
