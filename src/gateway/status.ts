import { fieldsOf } from "../events/request-body.ts";
import { decode } from "../kernel/msgpack.ts";
import { sumOfWithheld } from "../privacy/consent/withheld-counts.ts";
import type { DriftAlert } from "../resonance/drift.ts";
import type { MapPrivacyView } from "../resonance/published-profiles.ts";
import type { RollOutView } from "../resonance/roll-out-view.ts";
import type { ShardStatus, WithheldFigures } from "../resonance/score-answer.ts";
import type { ConsentInForce } from "./consent-policy.ts";
import type { ClusterView, GatewayCounters, GatewayOptions, GatewayPorts } from "./gateway-ports.ts";
import type { Readiness } from "./readiness.ts";
import { shardStatus } from "./shard-status.ts";

/** A shard in the reply of `status`: its owner's word, or what is known without one. */
export type ShardView = ShardStatus | Readonly<{ shard: number; ready: false; lag: number | null }>;

/** Time of the measurement, by the clock of the node that made it, epoch ms. */
export type DriftView = Readonly<{ atMs: number; alerts: readonly DriftAlert[] }>;

export type ReleaseView = RollOutView & Readonly<{ encoder: string }>;

/** The reply of `status`. */
export type StatusReply = Readonly<{
  node: string;
  /** Its wall clock when it answered, epoch ms; left out by older nodes. */
  timeMs?: number;
  /** Whether every shard has an owner that answers. */
  ready: boolean;
  /** Whether the node that answers may be sent requests, and if not, why: what its `/readyz` says. */
  readiness: Readiness;
  shards: readonly ShardView[];
  /** Nodes of the cluster and owners of units, as the node that answers sees them. */
  cluster: ClusterView;
  /** The encoder in force, what is being rolled out, and what can be taken back; null if the profile actor does not answer. */
  release: ReleaseView | null;
  /** What asks to be looked at by the last measurement of drift; null before the first. */
  drift: DriftView | null;
  /** What private maps promise and have spent; left out if no map is private. */
  privacy?: readonly MapPrivacyView[];
  /** Log entries not folded yet, over all shards. */
  lag: number;
  /** Users held, and behaviours folded since the owners started. */
  users: number;
  events: number;
  /** The policy of consent of this gateway, and what the shards have left out, or taken back, since their owners started. */
  consent: Readonly<{
    policy: number;
    /** Behaviours of which something, or all, was left out: the gateway had stored what their users' own answers do not allow. */
    withheld: number;
    /** Purposes that were taken back. */
    withdrawals: number;
    /** Both by purpose; of what was left out also by family of features and reason. Nodes of older versions have no part in it. */
    by: WithheldFigures;
  }>;
  /** Users whom the shards have found to be programs since their owners started. */
  bots: number;
  /** Memory of this gateway's process, bytes. */
  memoryBytes: number;
  gateway: GatewayView;
}>;

/** What this gateway has done, and the shards that it takes no events for at the moment, since they are too far behind. */
export type GatewayView = GatewayCounters &
  Readonly<{ refusing: readonly Readonly<{ shard: number; lag: number }>[] }>;

/** Where the last measurement's alerts lie. */
const DRIFT_LATEST = "drift.latest";
const SHARD_TIMEOUT_MS = 1_000;
const NOTHING = new Uint8Array();

/** `status`: who owns what, how far each shard is, and what this gateway has done. */
export async function status(
  ports: GatewayPorts,
  options: GatewayOptions,
  counters: GatewayView,
  { rules }: ConsentInForce,
  body: unknown,
): Promise<StatusReply> {
  fieldsOf(body, []);
  const [told, drift, ...shards] = await Promise.all([
    profilesStatus(ports),
    driftOf(ports),
    ...Array.from({ length: options.shards }, (_, shard) => viewOf(ports, shard)),
  ]);
  const ready = shards.filter((view): view is ShardStatus => view.ready);
  return {
    node: options.node,
    timeMs: ports.clock.nowMs(),
    ready: ready.length === shards.length,
    readiness: ports.readiness(),
    shards,
    cluster: ports.cluster(),
    release: told === null ? null : releaseIn(told),
    drift,
    ...(told?.privacy === undefined ? {} : { privacy: told.privacy }),
    lag: shards.reduce((sum, view) => sum + (view.lag ?? 0), 0),
    users: ready.reduce((sum, view) => sum + view.users, 0),
    events: ready.reduce((sum, view) => sum + view.events, 0),
    consent: {
      policy: rules.policy.version,
      withheld: ready.reduce((sum, view) => sum + view.withheld, 0),
      withdrawals: ready.reduce((sum, view) => sum + view.withdrawals, 0),
      by: sumOfWithheld(ready.map(({ withheldBy }) => withheldBy)),
    },
    bots: ready.reduce((sum, view) => sum + view.bots, 0),
    memoryBytes: ports.memoryBytes(),
    gateway: counters,
  };
}

/** What of the profile actor's status is told. */
type ProfilesTold = ReleaseView & Pick<StatusReply, "privacy">;

async function profilesStatus({ bus, subjects }: GatewayPorts): Promise<ProfilesTold | null> {
  try {
    const reply = await bus.request(subjects.profileActor("status"), NOTHING, {
      timeoutMs: SHARD_TIMEOUT_MS,
    });
    if (reply.error !== undefined) return null;
    return decode(reply.data) as ProfilesTold;
  } catch {
    return null; // Nobody answers: that is what the reply says.
  }
}

function releaseIn({ encoder, rollOut, previous, next }: ReleaseView): ReleaseView {
  return {
    encoder,
    ...(rollOut === undefined ? {} : { rollOut }),
    ...(previous === undefined ? {} : { previous }),
    ...(next === undefined ? {} : { next }),
  };
}

async function driftOf({ releases }: GatewayPorts): Promise<DriftView | null> {
  const bytes = await releases.get(DRIFT_LATEST).catch(() => undefined);
  return bytes === undefined ? null : (decode(bytes) as DriftView);
}

async function viewOf(ports: GatewayPorts, shard: number): Promise<ShardView> {
  const stream = ports.subjects.shardLog(shard);
  const [told, bounds] = await Promise.all([
    shardStatus(ports, shard),
    ports.log.bounds(stream).catch(() => undefined),
  ]);
  if (told === undefined) return { shard, ready: false, lag: null };
  // The log's own end is the truth; the reader's count of what is pending may be a moment old.
  return { ...told, lag: bounds === undefined ? told.lag : Math.max(0, bounds.last - told.applied) };
}
