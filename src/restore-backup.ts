import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { BlobStore } from "./actors/blob-store.ts";
import { readJson } from "./actors/read-json.ts";
import { deploymentKeys } from "./adapters/deployment-keys.ts";
import { entropyBytes } from "./adapters/entropy.ts";
import { type FrameFile, readFrames } from "./adapters/frame-file.ts";
import type { NatsAccess } from "./adapters/nats-access.ts";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { replicasFor } from "./adapters/nats-cluster.ts";
import { abilitiesOf, connectNats } from "./adapters/nats-connection.ts";
import { NatsLog } from "./adapters/nats-log.ts";
import { type CopiedStream, copyStreamIn } from "./adapters/nats-stream-copy.ts";
import type { FileSeals } from "./adapters/passphrase-key.ts";
import { type BackupManifest, filesOf, readBackupManifest, sealOf, sealsFor } from "./backup-manifest.ts";
import { readDeployment, writeDeployment } from "./deployment.ts";
import { type ErasedList, keyMark } from "./erased-users.ts";
import { encodeEntry } from "./events/log-codec.ts";
import { type Subjects, subjectsOf } from "./events/subjects.ts";
import { EngineError } from "./kernel/engine-error.ts";
import { decode } from "./kernel/msgpack.ts";
import { type ErasureRecord, erasureKey } from "./privacy/erasure-record.ts";
import { userHasher } from "./privacy/user-hash.ts";
import { releaseKeys } from "./releases.ts";
import { HTTP_KEYS_COPY } from "./write-backup.ts";

export type RestoreOptions = Readonly<{
  /** A NATS without this deployment. */
  nats: NatsAccess;
  folder: string;
  passphrase: string | undefined;
  /** Whom the deployment has erased since, or ever: they are erased again. */
  erased?: ErasedList;
  /** Where the keys of the HTTP intake are put, unless there are some; left out: nowhere. */
  httpKeysFile?: string;
}>;

/** What a restore has done. */
export type RestoreResult = Readonly<{
  manifest: BackupManifest;
  streams: number;
  messages: number;
  blobs: number;
  /** Erasures that were put into the logs: the nodes carry them out. */
  erasures: number;
}>;

/**
 * Looks at every byte of a backup.
 *
 * @param progress - Bytes read so far.
 * @throws EngineError `NO_BACKUP`, `BACKUP_CORRUPT`, `BACKUP_FORMAT`, `PASSPHRASE_NEEDED`, `WRONG_PASSPHRASE`.
 */
export async function verifyBackup(
  folder: string,
  passphrase: string | undefined,
  progress: (bytes: number) => void,
): Promise<BackupManifest> {
  const manifest = await readBackupManifest(folder);
  const seals = await sealsFor(manifest, passphrase);
  let bytes = 0;
  for (const file of filesOf(manifest))
    for await (const frame of framesOf(folder, file, seals)) {
      bytes += frame.length;
      progress(bytes);
    }
  return manifest;
}

/**
 * Puts a backup into a NATS that has nothing of its deployment. Until the last write no node starts on it; a restore that was cut off
 * is simply run again.
 *
 * @throws EngineError as {@link verifyBackup}; `NOT_EMPTY`, `ERASED_LIST_UNUSABLE`, `RESTORE_DIFFERS`, `LOG_UNAVAILABLE` (retryable).
 */
export async function restoreBackup(
  options: RestoreOptions,
  progress: (bytes: number) => void,
): Promise<RestoreResult> {
  const { folder, passphrase, erased } = options;
  const manifest = await verifyBackup(folder, passphrase, () => {}); // Nothing is begun that can't be ended.
  const seals = await sealsFor(manifest, passphrase);
  if (erased !== undefined && !manifest.hasKeys)
    throw unusable("the backup was made without the deployment's keys, by which users are found");
  const connection = await connectNats({ ...options.nats, name: "resonance restore" });
  try {
    const subjects = subjectsOf(manifest.prefix, manifest.deployment.generation);
    const jsm = await jetstreamManager(connection, { checkAPI: false });
    await makeEmpty(connection, jsm, manifest, subjects);
    const replicas = await replicasFor(connection);
    const releases = await natsBlobStore(connection, subjects, { replicas });
    await writeDeployment(releases, { ...manifest.deployment, restoring: manifest.id });
    let bytes = 0;
    const wrote = (more: number): void => {
      bytes += more;
      progress(bytes);
    };
    const messages = await restoreStreams({ connection, jsm, manifest, folder, seals, replicas, wrote });
    const buckets = { releases: subjects.snapshots, artefacts: subjects.snapshotParts };
    const snapshots = await natsBlobStore(connection, buckets, { replicas });
    for await (const [key, value] of blobsOf(folder, manifest.snapshots, seals)) {
      await snapshots.put(key, value);
      wrote(value.length);
    }
    for await (const [key, value] of blobsOf(folder, manifest.releases, seals)) {
      if (key !== releaseKeys.deployment) await releases.put(key, value);
      wrote(value.length);
    }
    const log = await NatsLog.over(connection, { replicas });
    const erasures =
      erased === undefined ? 0 : await eraseAgain(erased, { log, releases, subjects, manifest });
    if (options.httpKeysFile !== undefined) await putHttpKeys(folder, options.httpKeysFile);
    await writeDeployment(releases, manifest.deployment);
    const blobs = manifest.snapshots.keys + manifest.releases.keys;
    return { manifest, streams: manifest.streams.length, messages, blobs, erasures };
  } finally {
    await connection.close();
  }
}

/** What must be of a stream after it was restored as it was before. */
const COMPARED = ["first_seq", "messages", "last_seq"] as const;

type Restoring = Readonly<{
  connection: NatsConnection;
  jsm: JetStreamManager;
  manifest: BackupManifest;
  folder: string;
  seals: FileSeals | undefined;
  replicas: number;
  wrote(bytes: number): void;
}>;

/** Removes what an earlier restore of the same backup has left; refuses where there is anything else. */
async function makeEmpty(
  connection: NatsConnection,
  jsm: JetStreamManager,
  { id, prefix, streams }: BackupManifest,
  subjects: Subjects,
): Promise<void> {
  const buckets = [
    `KV_${subjects.releases}`,
    `OBJ_${subjects.artefacts}`,
    `KV_${subjects.snapshots}`,
    `OBJ_${subjects.snapshotParts}`,
  ];
  const ours = new Set([...streams.map(({ config }) => config.name), ...buckets, `KV_${subjects.cluster}`]);
  const held: string[] = [];
  for await (const name of jsm.streams.names()) if (ours.has(name)) held.push(name);
  if (held.length === 0) return;
  const isOurs =
    held.includes(`KV_${subjects.releases}`) &&
    (await readDeployment(await natsBlobStore(connection, subjects)))?.restoring === id;
  if (!isOurs) {
    const message = `a deployment under ${prefix} is there already (${held.length} streams and buckets): restore into an empty NATS, or remove it first`;
    throw new EngineError({ code: "NOT_EMPTY", message, retryable: false });
  }
  // The bucket that says so goes last.
  for (const name of held.filter((one) => one !== `KV_${subjects.releases}`)) await jsm.streams.delete(name);
}

async function restoreStreams(restoring: Restoring): Promise<number> {
  const { connection, jsm, manifest, folder, seals, replicas, wrote } = restoring;
  const { atomicBatch } = abilitiesOf(connection);
  let messages = 0;
  for (const stream of manifest.streams) {
    const { allow_atomic: isAtomic, ...config } = stream.config as CopiedStream["config"] & {
      allow_atomic?: boolean;
    };
    const wanted = {
      ...config,
      num_replicas: replicas,
      ...(atomicBatch && isAtomic !== undefined ? { allow_atomic: isAtomic } : {}), // An older server would not know the field.
    };
    const chunks = counted(framesOf(folder, stream, seals), wrote);
    await copyStreamIn(connection, { config: wanted, state: stream.state }, chunks);
    const { state } = await jsm.streams.info(config.name);
    // Of an empty stream servers tell another beginning after a restart.
    const compared = state.messages === 0 ? COMPARED.slice(1) : COMPARED;
    for (const what of compared)
      if (state[what] !== stream.state[what])
        throw differs(config.name, what, stream.state[what], state[what]);
    messages += state.messages;
  }
  return messages;
}

/** Puts erasures of a list into the logs, by their hashes: folding them finds whom they are of. */
async function eraseAgain(
  { key, erased }: ErasedList,
  given: Readonly<{ log: NatsLog; releases: BlobStore; subjects: Subjects; manifest: BackupManifest }>,
): Promise<number> {
  const { log, releases, subjects } = given;
  const { shards } = given.manifest.deployment;
  const keys = await deploymentKeys(releases, entropyBytes);
  if (keyMark(userHasher(keys.lasting("erased-users"))) !== key)
    throw unusable("the list of erased users is of another deployment, with another key");
  let count = 0;
  for (const { erasure, hash, shard, shards: of } of erased) {
    const record = await readJson<ErasureRecord>(releases, erasureKey(erasure));
    if (record?.state === "done") continue; // The backup was made without them.
    // Since a resharding the user is elsewhere: where nothing is held of a hash, nothing is erased.
    const places = of === shards ? [shard] : Array.from({ length: shards }, (_, any) => any);
    const data = encodeEntry({ kind: "erase", id: erasure, hash, reason: "asked" });
    for (const place of places)
      await log.append(subjects.shardLog(place), [{ id: `erase again:${erasure}:${place}`, data }]);
    count++;
  }
  return count;
}

async function putHttpKeys(folder: string, to: string): Promise<void> {
  const text = await readFile(join(folder, HTTP_KEYS_COPY), "utf8").catch(() => undefined);
  const isTaken = await stat(to).then(
    () => true,
    () => false,
  );
  if (text !== undefined && !isTaken) await writeFile(to, text, { mode: 0o600 });
}

function framesOf(folder: string, file: FrameFile, seals: FileSeals | undefined): AsyncGenerator<Uint8Array> {
  return readFrames(join(folder, file.file), file, sealOf(seals, file.file));
}

async function* blobsOf(
  folder: string,
  file: FrameFile,
  seals: FileSeals | undefined,
): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
  for await (const frame of framesOf(folder, file, seals))
    yield decode(frame) as readonly [key: string, value: Uint8Array];
}

async function* counted(
  frames: AsyncIterable<Uint8Array>,
  wrote: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const frame of frames) {
    yield frame;
    wrote(frame.length);
  }
}

function differs(stream: string, what: string, expected: number, actual: number): EngineError {
  const message = `${stream} was not restored as it was: ${what} is ${actual}, not ${expected}`;
  return new EngineError({ code: "RESTORE_DIFFERS", message, retryable: false, detail: { stream } });
}

function unusable(reason: string): EngineError {
  const message = `nobody can be erased again: ${reason}`;
  return new EngineError({ code: "ERASED_LIST_UNUSABLE", message, retryable: false });
}
