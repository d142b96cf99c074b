import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type JetStreamManager, jetstreamManager, type StreamInfo } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { NatsAccess } from "../../adapters/nats-access.ts";
import { natsBlobStore } from "../../adapters/nats-blob-store.ts";
import { abilitiesOf, connectNats } from "../../adapters/nats-connection.ts";
import { systemClock } from "../../adapters/system-clock.ts";
import { type Deployment, readDeployment } from "../../deployment.ts";
import { type Subjects, subjectsOf } from "../../events/subjects.ts";
import type { StatusReply } from "../../gateway/status.ts";
import { shardsFolder } from "../../lmdb-stores.ts";
import type { ClusterStatus } from "../../supervisor/cluster-agent.ts";
import type { Client } from "../client.ts";
import { HTTP_KEYS_FILE } from "../http-options.ts";
import type { DeploymentFacts, FolderFacts, StreamFacts } from "./deployment-check.ts";

/** Gateways answer by turns: so often one is asked, to hear of most. */
const ASKED = 12;
const PATIENCE_MS = 2_000;

type Skew = DeploymentFacts["skews"][number];

/**
 * Looks at a deployment; changes nothing. What this user may not see, or nobody answers, is left undefined.
 *
 * @throws EngineError what {@link connectNats} throws.
 */
export async function examineDeployment(
  client: Client,
  access: NatsAccess,
  prefix: string,
): Promise<DeploymentFacts & Readonly<{ deployment: Deployment | undefined }>> {
  const connection = await connectNats({ ...access, name: "resonance doctor" });
  try {
    const jsm = await jetstreamManager(connection, { checkAPI: false, timeout: PATIENCE_MS });
    const [storage, infos] = [await quietly(storageOf(jsm)), await quietly(streamsOf(jsm, prefix))];
    const deployment =
      infos === undefined || !infos.some(({ config }) => config.name === `KV_${subjectsOf(prefix).releases}`)
        ? undefined
        : await quietly(natsBlobStore(connection, subjectsOf(prefix)).then(readDeployment));
    const subjects = subjectsOf(prefix, deployment?.generation ?? 1);
    const { replies, skews } = await statuses(client, infos?.[0]);
    const status = replies.at(-1);
    return {
      deployment,
      nats: { ...abilitiesOf(connection), isCluster: isCluster(connection) },
      storage,
      streams: infos?.map(factsOf),
      expected: deployment === undefined ? [] : expectedStreams(subjects, deployment.shards),
      skews,
      status: status === undefined ? undefined : statusFacts(status),
    };
  } finally {
    await connection.close();
  }
}

/** Looks at a data folder, and at the files with keys that are named. */
export async function examineFolder(
  folder: string,
  deployment: Deployment | undefined,
  keyFiles: readonly string[],
): Promise<FolderFacts> {
  const orphans: { path: string; bytes: number }[] = [];
  const current = deployment === undefined ? undefined : shardsFolder(folder, deployment.generation);
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (/\.corrupt-\d+$/.test(entry.name)) orphans.push({ path, bytes: await bytesIn(path) });
    if (!/^shards(-g\d+)?$/.test(entry.name)) continue;
    if (current !== undefined && path !== current) {
      orphans.push({ path, bytes: await bytesIn(path) });
      continue;
    }
    for (const store of await entriesOf(path)) {
      const number = Number(/^\d+$/.exec(store.name)?.[0]);
      const isOver = deployment !== undefined && number >= deployment.shards;
      const inside = join(path, store.name);
      if (isOver || /\.corrupt-\d+$/.test(store.name))
        orphans.push({ path: inside, bytes: await bytesIn(inside) });
    }
  }
  const modes: { path: string; mode: number; kind: "keys" | "data" }[] = [];
  for (const [path, kind] of [
    [folder, "data"] as const,
    ...[join(folder, HTTP_KEYS_FILE), ...keyFiles].map((file) => [file, "keys"] as const),
  ]) {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined) modes.push({ path, mode: found.mode & 0o777, kind });
  }
  return { orphans, modes };
}

function isCluster({ info }: NatsConnection): boolean {
  return info?.cluster !== undefined;
}

async function storageOf(jsm: JetStreamManager): Promise<{ used: number; limit: number }> {
  const { storage, limits, tiers } = await jsm.getAccountInfo();
  const tier = Object.values(
    (tiers ?? {}) as Record<string, { storage: number; limits: { max_storage: number } }>,
  )[0];
  return { used: tier?.storage ?? storage, limit: tier?.limits.max_storage ?? limits.max_storage };
}

async function streamsOf(jsm: JetStreamManager, prefix: string): Promise<StreamInfo[]> {
  const found: StreamInfo[] = [];
  const isOurs = (name: string): boolean =>
    name.startsWith(`${prefix.toUpperCase()}_`) ||
    name.startsWith(`KV_${prefix}-`) ||
    name.startsWith(`OBJ_${prefix}-`);
  for await (const name of jsm.streams.names()) if (isOurs(name)) found.push(await jsm.streams.info(name));
  return found;
}

function factsOf({ config, cluster }: StreamInfo): StreamFacts {
  const replicas = cluster?.replicas ?? [];
  return {
    name: config.name,
    storage: config.storage === "memory" ? "memory" : "file",
    replicas: config.num_replicas,
    behind: replicas.filter(({ current, offline }) => !current || offline === true).length,
    hasLeader: cluster === undefined || (cluster.leader ?? "") !== "",
  };
}

function expectedStreams(subjects: Subjects, shards: number): string[] {
  return [
    ...Array.from({ length: shards }, (_, shard) => subjects.shardLog(shard)),
    ...[subjects.samples, subjects.deadLetters, subjects.transitions, subjects.decisions],
    ...[`KV_${subjects.releases}`, `KV_${subjects.cluster}`],
  ];
}

/** What gateways tell, and how far their clocks and this machine's are ahead of the server's. */
async function statuses(
  client: Client,
  info: StreamInfo | undefined,
): Promise<Readonly<{ replies: readonly StatusReply[]; skews: readonly Skew[] }>> {
  const replies: StatusReply[] = [];
  const ahead = new Map<string, number>();
  // The server's own time comes with what it tells of a stream, from 2.10 on; on the way it has aged by some ms. Without it the nodes
  // are compared with this machine.
  const toldMs = Date.parse(String(info?.ts));
  const serverAheadMs = Number.isNaN(toldMs) ? undefined : systemClock.nowMs() - toldMs;
  for (let asked = 0; asked < ASKED; asked++) {
    const sentMs = systemClock.nowMs();
    const reply = (await quietly(client.ask("status", {}, PATIENCE_MS))) as StatusReply | undefined;
    if (reply === undefined) break;
    replies.push(reply);
    const { node, timeMs } = reply;
    if (timeMs === undefined) continue;
    const middleMs = (sentMs + systemClock.nowMs()) / 2;
    ahead.set(node, timeMs - middleMs);
  }
  const here = serverAheadMs === undefined ? [] : [{ of: "this machine", aheadMs: serverAheadMs }];
  const nodes = [...ahead].map(([of, aheadMs]) => ({ of, aheadMs: aheadMs + (serverAheadMs ?? 0) }));
  return { replies, skews: [...here, ...nodes] };
}

function statusFacts({ ready, lag, shards, cluster }: StatusReply): NonNullable<DeploymentFacts["status"]> {
  const { nodes } = cluster as ClusterStatus;
  return {
    ready,
    lag,
    unserved: shards.filter((shard) => !shard.ready).length,
    diskFull: shards.filter((shard) => shard.ready && shard.diskFull).length,
    deadLetters: shards.reduce((sum, shard) => sum + (shard.ready ? shard.deadLetters : 0), 0),
    nodes: nodes.map(({ name, version, silentMs }) => ({ name, version, silentMs })),
  };
}

async function quietly<Result>(asked: Promise<Result>): Promise<Result | undefined> {
  return asked.catch(() => undefined); // What can't be seen is told as such.
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}

async function bytesIn(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return found?.size ?? 0;
  const sizes = await Promise.all((await entriesOf(path)).map(({ name }) => bytesIn(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}
