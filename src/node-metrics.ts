import { type Exposition, exposition } from "./adapters/prometheus.ts";
import type { Gateway } from "./gateway/gateway.ts";
import type { Readiness } from "./gateway/readiness.ts";
import type { Clock } from "./kernel/clock.ts";
import { addCluster, type ClusterSource } from "./metrics/cluster-samples.ts";
import { addGateway, addReadiness } from "./metrics/gateway-samples.ts";
import { addDrift, addProfiles, type MeasuredDrift } from "./metrics/profile-samples.ts";
import { Samples } from "./metrics/samples.ts";
import { addServedProfiles, addShard } from "./metrics/shard-samples.ts";
import { addConnection, addMeter } from "./metrics/thread-samples.ts";
import type { UnitThreads } from "./unit-threads.ts";

/** Everything that a node's metrics are told from. */
export type MetricsWorld = ClusterSource &
  Readonly<{
    version: string;
    clock: Clock;
    gateway: Gateway;
    readiness(): Readiness;
    /** By what they are for. */
    threads: Readonly<Record<"shards" | "profiles", UnitThreads | undefined>>;
    /** Of the node's own connections, by name. */
    connections(): Readonly<Record<string, Readonly<{ isConnected: boolean; reconnects: number }>>>;
    /** The last measurement of drift by this node; undefined before the first, and while another node measures it. */
    drift(): MeasuredDrift | undefined;
  }>;

/** The metrics of a node: each scrape asks its threads once, and waits a second for one that is busy. */
export function nodeMetrics(world: MetricsWorld): Exposition {
  return exposition(() => samplesOf(world));
}

async function samplesOf(world: MetricsWorld): Promise<Samples> {
  const samples = new Samples();
  const nowMs = world.clock.nowMs();
  samples.add("resonance_build_info", 1, { version: world.version, node_version: process.versions.node });
  addReadiness(samples, world.readiness());
  addGateway(samples, world.gateway);
  addCluster(samples, world);
  for (const [name, state] of Object.entries(world.connections())) addConnection(samples, name, state);
  for (const [kind, threads] of Object.entries(world.threads))
    if (threads !== undefined) await addThreads(samples, { kind, threads, nowMs });
  const drift = world.drift();
  if (drift !== undefined) addDrift(samples, drift, nowMs);
  return samples;
}

async function addThreads(
  samples: Samples,
  { kind, threads, nowMs }: Readonly<{ kind: string; threads: UnitThreads; nowMs: number }>,
): Promise<void> {
  samples.add("resonance_thread_restarts_total", threads.restarts(), { kind });
  samples.add("resonance_thread_silent_seconds", threads.silentMs() / 1_000, { kind });
  const told = await threads.figures();
  for (const [index, figures] of told.entries()) {
    if (figures === undefined) continue;
    const thread = `${kind}-${index}`;
    addMeter(samples, thread, figures.meter);
    addConnection(samples, thread, figures.nats);
  }
  const units = told.flatMap((figures) => figures?.units ?? []);
  const shards = units.filter((unit) => unit.kind === "shard");
  for (const shard of shards) addShard(samples, shard, nowMs);
  addServedProfiles(samples, shards, nowMs);
  for (const unit of units) if (unit.kind === "profiles") addProfiles(samples, unit);
}
