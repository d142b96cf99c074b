import { fieldsOf } from "../events/request-body.ts";
import { decode } from "../kernel/msgpack.ts";
import type { DriftAlert } from "../resonance/drift.ts";
import type { RollOutView } from "../resonance/roll-out-view.ts";
import type { ShardStatus } from "../resonance/score-answer.ts";
import type { ConsentInForce } from "./consent-policy.ts";
import type { ClusterView, GatewayCounters, GatewayOptions, GatewayPorts } from "./gateway-ports.ts";
import { waysToShard } from "./ways-to-shard.ts";

/** A shard in the reply of `status`: its owner's word, or what is known without one. */
export type ShardView = ShardStatus | Readonly<{ shard: number; ready: false; lag: number | null }>;

/** Time of the measurement, by the clock of the node that made it, epoch ms. */
export type DriftView = Readonly<{ atMs: number; alerts: readonly DriftAlert[] }>;

export type ReleaseView = RollOutView & Readonly<{ encoder: string }>;

/** The reply of `status`. */
export type StatusReply = Readonly<{
  node: string;
  /** Whether every shard has an owner that answers. */
  ready: boolean;
  shards: readonly ShardView[];
  /** Nodes of the cluster and owners of units, as the node that answers sees them. */
  cluster: ClusterView;
  /** The encoder in force, what is being rolled out, and what can be taken back; null if the profile actor does not answer. */
  release: ReleaseView | null;
  /** What asks to be looked at by the last measurement of drift; null before the first. */
  drift: DriftView | null;
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
  }>;
  /** Memory of this gateway's process, bytes. */
  memoryBytes: number;
  gateway: GatewayCounters;
}>;

/** Where the last measurement's alerts lie. */
const DRIFT_LATEST = "drift.latest";
const SHARD_TIMEOUT_MS = 1_000;
const NOTHING = new Uint8Array();

/** `status`: who owns what, how far each shard is, and what this gateway has done. */
export async function status(
  ports: GatewayPorts,
  options: GatewayOptions,
  counters: GatewayCounters,
  { rules }: ConsentInForce,
  body: unknown,
): Promise<StatusReply> {
  fieldsOf(body, []);
  const [release, drift, ...shards] = await Promise.all([
    releaseOf(ports),
    driftOf(ports),
    ...Array.from({ length: options.shards }, (_, shard) => viewOf(ports, shard)),
  ]);
  const ready = shards.filter((view): view is ShardStatus => view.ready);
  return {
    node: options.node,
    ready: ready.length === shards.length,
    shards,
    cluster: ports.cluster(),
    release,
    drift,
    lag: shards.reduce((sum, view) => sum + (view.lag ?? 0), 0),
    users: ready.reduce((sum, view) => sum + view.users, 0),
    events: ready.reduce((sum, view) => sum + view.events, 0),
    consent: {
      policy: rules.policy.version,
      withheld: ready.reduce((sum, view) => sum + view.withheld, 0),
      withdrawals: ready.reduce((sum, view) => sum + view.withdrawals, 0),
    },
    memoryBytes: ports.memoryBytes(),
    gateway: counters,
  };
}

async function releaseOf({ bus, subjects }: GatewayPorts): Promise<ReleaseView | null> {
  try {
    const reply = await bus.request(subjects.profileActor("status"), NOTHING, {
      timeoutMs: SHARD_TIMEOUT_MS,
    });
    if (reply.error !== undefined) return null;
    const { encoder, rollOut, previous, next } = decode(reply.data) as ReleaseView;
    return {
      encoder,
      ...(rollOut === undefined ? {} : { rollOut }),
      ...(previous === undefined ? {} : { previous }),
      ...(next === undefined ? {} : { next }),
    };
  } catch {
    return null; // Nobody answers: that is what the reply says.
  }
}

async function driftOf({ releases }: GatewayPorts): Promise<DriftView | null> {
  const bytes = await releases.get(DRIFT_LATEST).catch(() => undefined);
  return bytes === undefined ? null : (decode(bytes) as DriftView);
}

async function viewOf(ports: GatewayPorts, shard: number): Promise<ShardView> {
  const stream = ports.subjects.shardLog(shard);
  const [told, bounds] = await Promise.all([
    toldBy(ports, shard),
    ports.log.bounds(stream).catch(() => undefined),
  ]);
  if (told === undefined) return { shard, ready: false, lag: null };
  // The log's own end is the truth; the reader's count of what is pending may be a moment old.
  return { ...told, lag: bounds === undefined ? told.lag : Math.max(0, bounds.last - told.applied) };
}

/** The word of a shard's owner; undefined if there is none at the moment. */
async function toldBy(ports: GatewayPorts, shard: number): Promise<ShardStatus | undefined> {
  for (const subject of waysToShard(ports, shard, "status")) {
    try {
      const reply = await ports.bus.request(subject, NOTHING, { timeoutMs: SHARD_TIMEOUT_MS });
      if (reply.error === undefined) return decode(reply.data) as ShardStatus;
    } catch {
      // Nobody, under this subject: that is what the reply says.
    }
  }
  return undefined;
}
