import { listSnapshots, type ReportCorrupt } from "../actors/list-snapshots.ts";
import { readSnapshot } from "../actors/read-snapshot.ts";
import type { SnapshotManifest } from "../actors/snapshot-manifest.ts";
import { type SnapshotPorts, writeSnapshot } from "../actors/write-snapshot.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import { PRIVATE_TABLE } from "./private-releases.ts";
import type { PendingPublication, ProfileMeta, ProfileStore } from "./profile-store.ts";
import { tallyTable } from "./tallies.ts";

/** Rows of ledgers, or what comes last: the rest. */
type Chunk =
  | Readonly<{ kind: "members" | "sums"; encoder: string; rows: readonly (readonly [string, Uint8Array])[] }>
  | Readonly<{ kind: "end"; meta: ProfileMeta; pending: readonly PendingPublication[] }>;

const ROWS_A_CHUNK = 500;

/**
 * Writes a snapshot of the profile actor as of its last commit.
 *
 * @param unit - The actor's name among the snapshots.
 * @returns Undefined if there is nothing new.
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable).
 */
export async function snapshotProfiles(
  ports: SnapshotPorts,
  unit: string,
  store: ProfileStore,
): Promise<SnapshotManifest | undefined> {
  const [newest] = await listSnapshots(ports.blobs, unit);
  const meta = store.meta();
  if (meta === undefined || (newest !== undefined && newest.sequence >= meta.applied)) return undefined;
  // All at once, so that it is of one moment: sums and members are small beside what the shards hold.
  const chunks = [...chunksOf(store, meta)];
  return writeSnapshot(ports, {
    unit,
    kind: "full",
    sequence: meta.applied,
    facts: { encoder: meta.encoder, definitions: meta.definitions },
    chunks,
  });
}

/**
 * Fills an empty store with the newest snapshot of the profile actor that is whole, in one transaction.
 *
 * @param accepts - Whether a snapshot is of use: the log must go on behind it.
 * @returns Its manifest; undefined if there is none.
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable) if only that may have kept it from a snapshot.
 */
export function restoreProfiles(
  ports: SnapshotPorts,
  unit: string,
  store: ProfileStore,
  given: { accepts(manifest: SnapshotManifest): boolean; report: ReportCorrupt },
): Promise<SnapshotManifest | undefined> {
  return readSnapshot(ports, unit, {
    ...given,
    async load(_, chunks) {
      const members: [string, string, Uint8Array][] = [];
      const sums: [string, string, Uint8Array][] = [];
      for await (const { bytes } of chunks) {
        const chunk = decode(bytes) as Chunk;
        if (chunk.kind === "end") {
          await store.commit({ members, sums, meta: chunk.meta, pending: chunk.pending });
          return;
        }
        const rows = chunk.kind === "members" ? members : sums;
        for (const [key, value] of chunk.rows) rows.push([chunk.encoder, key, new Uint8Array(value)]);
      }
    },
  });
}

function* chunksOf(store: ProfileStore, meta: ProfileMeta): Generator<Uint8Array> {
  for (const encoder of [meta.encoder, meta.candidate, meta.previous?.encoder ?? ""]) {
    if (encoder === "") continue;
    let after: string | undefined;
    do {
      const rows = store.membersAfter(encoder, after, ROWS_A_CHUNK);
      if (rows.length > 0) yield chunk({ kind: "members", encoder, rows });
      after = rows.length < ROWS_A_CHUNK ? undefined : rows.at(-1)?.[0];
    } while (after !== undefined);
    const sums = [...store.sums(encoder)];
    for (let at = 0; at < sums.length; at += ROWS_A_CHUNK)
      yield chunk({ kind: "sums", encoder, rows: sums.slice(at, at + ROWS_A_CHUNK) });
  }
  const tallies = Object.keys(meta.tallies?.versions ?? {}).map(tallyTable);
  for (const encoder of [...tallies, PRIVATE_TABLE]) {
    const sums = [...store.sums(encoder)];
    for (let at = 0; at < sums.length; at += ROWS_A_CHUNK)
      yield chunk({ kind: "sums", encoder, rows: sums.slice(at, at + ROWS_A_CHUNK) });
  }
  yield chunk({ kind: "end", meta, pending: store.pending() });
}

function chunk(value: Chunk): Uint8Array {
  return encode(value);
}
