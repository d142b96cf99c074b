import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { BlobStore } from "./actors/blob-store.ts";
import { chainOf, listSnapshots } from "./actors/list-snapshots.ts";
import { manifestKey, snapshotPrefix } from "./actors/snapshot-manifest.ts";
import { SECRETS_PREFIX } from "./adapters/deployment-keys.ts";
import { newId } from "./adapters/entropy.ts";
import { type FrameFile, writeFrames } from "./adapters/frame-file.ts";
import type { NatsAccess } from "./adapters/nats-access.ts";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { abilitiesOf, connectNats } from "./adapters/nats-connection.ts";
import { NatsLog } from "./adapters/nats-log.ts";
import { type CopiedStream, copyStreamOut } from "./adapters/nats-stream-copy.ts";
import { type FileSeals, newLock } from "./adapters/passphrase-key.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { type BackupManifest, encodeBackupManifest, MANIFEST_FILE, sealOf } from "./backup-manifest.ts";
import { type Deployment, readDeployment } from "./deployment.ts";
import { type Subjects, subjectsOf } from "./events/subjects.ts";
import { EngineError } from "./kernel/engine-error.ts";
import { sha256Hex } from "./kernel/hash.ts";
import { encode } from "./kernel/msgpack.ts";
import { releaseKeys } from "./releases.ts";
import { PROFILES_UNIT, shardOfUnit, unitsOf } from "./units.ts";

export type BackupOptions = Readonly<{
  nats: NatsAccess;
  prefix: string;
  /** Is made; it must not exist. */
  folder: string;
  /** Seals all files. Without it, the deployment's secrets are left out. */
  passphrase: string | undefined;
  /** File of the HTTP intake's keys, kept as hashes; left out if there is none. */
  httpKeysFile?: string;
  version: string;
}>;

/** What is told while a backup is made: bytes written so far. */
export type BackupProgress = (bytes: number) => void;

export const HTTP_KEYS_COPY = "http-keys.json";
/** Shards' logs that are copied at once. */
const AT_ONCE = 4;
/** A backup that something has changed under, such as new definitions, is begun again so often. */
const TRIES_MAX = 5;
const RETRY_MS = 500;
/** Where the releases tell what is in force: logs must be copied while none of these changes. */
const POINTERS = ["segments.current", "content.current", "privacy.current", "experiments.current"];
/** Keys of the releases that are secrets. */
const SECRETS: readonly string[] = [releaseKeys.decisionKey];

/**
 * Copies a deployment that runs into a folder, without stopping it. What is copied first follows from nothing that is copied
 * later: snapshots, samples, logs, releases. So a fold of the copied logs needs nothing that is not there, and repeats what it has
 * to publish. The folder gets its name when all is written: one that was cut off is none.
 *
 * @throws EngineError `BACKUP_EXISTS`, `NO_DEPLOYMENT`, `RESHARDING`, `BACKUP_UNSETTLED` (retryable), `LOG_UNAVAILABLE` (retryable).
 */
export async function writeBackup(
  options: BackupOptions,
  report: (line: string) => void,
  progress: BackupProgress,
): Promise<BackupManifest> {
  const folder = resolve(options.folder);
  if (await stat(folder).catch(() => undefined)) {
    const message = `${options.folder} is there already: name a new folder`;
    throw new EngineError({ code: "BACKUP_EXISTS", message, retryable: false });
  }
  const partial = `${folder}.partial-${newId()}`;
  await mkdir(partial, { recursive: true, mode: 0o700 });
  const connection = await connectNats({ ...options.nats, name: "resonance backup" });
  try {
    const manifest = await copyAll(connection, partial, options, report, progress);
    await writeFile(join(partial, MANIFEST_FILE), encodeBackupManifest(manifest), {
      mode: 0o600,
      flush: true,
    });
    await flushFolder(partial);
    await rename(partial, folder);
    return manifest;
  } finally {
    await connection.close();
    await rm(partial, { recursive: true, force: true });
  }
}

type Copying = Readonly<{
  connection: NatsConnection;
  folder: string;
  subjects: Subjects;
  deployment: Deployment;
  log: NatsLog;
  releases: BlobStore;
  snapshots: BlobStore;
  seals: FileSeals | undefined;
  wrote(bytes: number): void;
}>;

async function copyAll(
  connection: NatsConnection,
  folder: string,
  options: BackupOptions,
  report: (line: string) => void,
  progress: BackupProgress,
): Promise<BackupManifest> {
  const plain = subjectsOf(options.prefix);
  const names = await streamNames(connection);
  // Opening a store would make its buckets: a backup makes nothing where there is no deployment.
  if (!names.has(`KV_${plain.releases}`)) throw noDeployment(options.prefix);
  const releases = await natsBlobStore(connection, plain);
  const deployment = await readDeployment(releases);
  if (deployment === undefined) throw noDeployment(options.prefix);
  if (deployment.resharding === true) throw resharding();
  const seals = options.passphrase === undefined ? undefined : await newLock(options.passphrase);
  const buckets = { releases: plain.snapshots, artefacts: plain.snapshotParts };
  let bytes = 0;
  const copying: Copying = {
    connection,
    folder,
    subjects: subjectsOf(options.prefix, deployment.generation),
    deployment,
    log: await NatsLog.over(connection),
    releases,
    snapshots: await natsBlobStore(connection, buckets),
    seals,
    wrote(more) {
      bytes += more;
      progress(bytes);
    },
  };
  const parts = await settled(copying, report);
  if (options.httpKeysFile !== undefined) await copyHttpKeys(options.httpKeysFile, folder);
  return {
    format: 1,
    id: newId(),
    madeMs: systemClock.nowMs(),
    version: options.version,
    natsVersion: abilitiesOf(connection).version,
    prefix: options.prefix,
    deployment,
    ...parts,
    hasKeys: seals !== undefined,
    ...(seals === undefined ? {} : { lock: seals.lock }),
  };
}

type Parts = Pick<BackupManifest, "streams" | "releases" | "snapshots">;

/** Copies again until nothing has changed under the copy that its parts depend on together. */
async function settled(copying: Copying, report: (line: string) => void): Promise<Parts> {
  let reason = "";
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const before = await inForce(copying.releases);
    const { reached, ...snapshots } = await copySnapshots(copying);
    const streams = await copyStreams(copying);
    const releases = await copyReleases(copying);
    const beyond = await trimmedBeyond(copying, streams, reached);
    const isSame = before === (await inForce(copying.releases));
    if (isSame && beyond === undefined) return { streams, releases, snapshots };
    reason = beyond ?? "definitions were changed meanwhile";
    report(`${reason}: copying again`);
    await sleep(RETRY_MS);
  }
  const message = `the deployment did not stand still for long enough (${reason}): try again`;
  throw new EngineError({ code: "BACKUP_UNSETTLED", message, retryable: true });
}

async function inForce(releases: BlobStore): Promise<string> {
  const held = await Promise.all(POINTERS.map((key) => releases.get(key)));
  return held.map((bytes) => sha256Hex(bytes ?? new Uint8Array())).join();
}

/** The newest snapshot of each unit, with those that it builds on, and the last log entry that it contains. */
async function copySnapshots(
  copying: Copying,
): Promise<BackupManifest["snapshots"] & Readonly<{ reached: ReadonlyMap<string, number> }>> {
  const { deployment, snapshots, subjects } = copying;
  const reached = new Map<string, number>();
  const written = await writeBlobs(copying, "snapshots", async (add) => {
    for (const { name } of unitsOf(deployment.shards)) {
      const unit = subjects.snapshotsOf(name);
      const held = await listSnapshots(snapshots, unit);
      const newest = held.find((one) => chainOf(held, one) !== undefined);
      const chain = newest === undefined ? [] : (chainOf(held, newest) ?? []);
      const keys = chain.flatMap((one) => [
        ...one.parts.map(({ key }) => key),
        manifestKey(unit, one.sequence),
      ]);
      // One that is replaced while it is copied leaves a gap: then the unit counts as without.
      const isWhole = await add([...keys, `${snapshotPrefix(unit)}floor`], keys.length);
      if (newest !== undefined && isWhole) reached.set(name, newest.sequence);
    }
  });
  return { ...written, reached };
}

/** Samples before the logs that they follow from: a fold of these publishes again what is missing there. */
async function copyStreams(copying: Copying): Promise<(FrameFile & CopiedStream)[]> {
  const { deployment, subjects } = copying;
  const logs = Array.from({ length: deployment.shards }, (_, shard) => subjects.shardLog(shard));
  const held = await streamNames(copying.connection);
  const copied: (FrameFile & CopiedStream)[] = [];
  const rounds = [[subjects.samples], ...groups(logs)];
  for (const round of [...rounds, [subjects.deadLetters, subjects.decisions, subjects.transitions]])
    copied.push(...(await Promise.all(round.map((name) => copyWithRest(copying, name, held)))).flat());
  return copied;
}

/** A stream, then what is left of its redacted messages: a copy of those is stored before the message goes. */
async function copyWithRest(
  copying: Copying,
  stream: string,
  held: ReadonlySet<string>,
): Promise<(FrameFile & CopiedStream)[]> {
  const copied: (FrameFile & CopiedStream)[] = [];
  for (const name of [stream, `${stream}_REDACTED`])
    if (held.has(name) || name === stream) copied.push(await copyStream(copying, name));
  return copied;
}

async function copyStream(
  { connection, folder, seals, wrote }: Copying,
  name: string,
): Promise<FrameFile & CopiedStream> {
  const file = `stream.${name}`;
  const writer = await writeFrames(join(folder, file), sealOf(seals, file));
  const copied = await copyStreamOut(connection, name, async (chunk) => {
    await writer.add(chunk);
    wrote(chunk.length);
  });
  return { file, ...(await writer.end()), ...copied };
}

async function copyReleases(copying: Copying): Promise<BackupManifest["releases"]> {
  const keys = await copying.releases.keys("");
  const isSecret = (key: string): boolean => key.startsWith(SECRETS_PREFIX) || SECRETS.includes(key);
  const kept = keys.filter((key) => copying.seals !== undefined || !isSecret(key));
  return writeBlobs(copying, "releases", async (add) => void (await add(kept, kept.length)));
}

/** Writes blobs, each a frame. `add` tells whether the first `needed` of its keys were there. */
async function writeBlobs(
  copying: Copying,
  file: "releases" | "snapshots",
  fill: (add: (keys: readonly string[], needed: number) => Promise<boolean>) => Promise<void>,
): Promise<FrameFile & Readonly<{ keys: number }>> {
  const writer = await writeFrames(join(copying.folder, file), sealOf(copying.seals, file));
  const blobs = copying[file];
  let count = 0;
  await fill(async (keys, needed) => {
    let isWhole = true;
    for (const [i, key] of keys.entries()) {
      const bytes = await blobs.get(key);
      if (bytes === undefined) {
        isWhole &&= i >= needed;
        continue;
      }
      await writer.add(encode([key, bytes]));
      copying.wrote(bytes.length);
      count++;
    }
    return isWhole;
  });
  return { file, ...(await writer.end()), keys: count };
}

/** Of a unit whose log begins behind its snapshot, why it could not be restored; undefined if all can. */
async function trimmedBeyond(
  { log, subjects, deployment }: Copying,
  streams: readonly CopiedStream[],
  reached: ReadonlyMap<string, number>,
): Promise<string | undefined> {
  const firsts = new Map(streams.map(({ config, state }) => [config.name, state.first_seq]));
  for (const { name } of unitsOf(deployment.shards)) {
    const shard = shardOfUnit(name);
    const stream =
      name === PROFILES_UNIT || shard === undefined ? subjects.samples : subjects.shardLog(shard);
    const next = (reached.get(name) ?? 0) + 1;
    if ((firsts.get(stream) ?? 0) <= next) continue;
    // A server takes a first message that was redacted for one that was trimmed.
    if ((await log.bounds(stream)).first <= next) continue;
    return `the log of ${name} was trimmed beyond the snapshot that was copied`;
  }
  return undefined;
}

async function streamNames(connection: NatsConnection): Promise<ReadonlySet<string>> {
  const { streams } = await jetstreamManager(connection, { checkAPI: false });
  const names = new Set<string>();
  for await (const name of streams.names()) names.add(name);
  return names;
}

async function copyHttpKeys(from: string, folder: string): Promise<void> {
  const text = await readFile(from, "utf8").catch(() => undefined);
  if (text !== undefined) await writeFile(join(folder, HTTP_KEYS_COPY), text, { mode: 0o600 });
}

function groups<Item>(items: readonly Item[]): Item[][] {
  const count = Math.ceil(items.length / AT_ONCE);
  return Array.from({ length: count }, (_, i) => items.slice(i * AT_ONCE, (i + 1) * AT_ONCE));
}

/** Its entries are on the disk before it gets its name. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}

function noDeployment(prefix: string): EngineError {
  const message = `there is no deployment under ${prefix} there: look at --nats and --prefix`;
  return new EngineError({ code: "NO_DEPLOYMENT", message, retryable: false });
}

function resharding(): EngineError {
  const message = "its shards are being split: wait for `resonance reshard` to end";
  return new EngineError({ code: "RESHARDING", message, retryable: true });
}
