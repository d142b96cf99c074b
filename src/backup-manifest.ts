import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FrameFile, FrameSeal } from "./adapters/frame-file.ts";
import type { CopiedStream } from "./adapters/nats-stream-copy.ts";
import { type FileSeals, openLock, type PassphraseLock } from "./adapters/passphrase-key.ts";
import type { Deployment } from "./deployment.ts";
import { EngineError } from "./kernel/engine-error.ts";
import { sha256Hex } from "./kernel/hash.ts";

/** What a backup is made of. It is written when all files are there: a folder without it is none. */
export type BackupManifest = Readonly<{
  format: 1;
  /** Unique. */
  id: string;
  madeMs: number;
  /** Of the engine, and of the NATS server. */
  version: string;
  natsVersion: string;
  prefix: string;
  deployment: Deployment;
  /** In the order in which they were copied. */
  streams: readonly (FrameFile & CopiedStream)[];
  /** Keys and values of the releases, and of the snapshots. */
  releases: FrameFile & Readonly<{ keys: number }>;
  snapshots: FrameFile & Readonly<{ keys: number }>;
  /** Whether the secrets of the deployment are in it. */
  hasKeys: boolean;
  /** What its files are sealed with; left out: they lie open. */
  lock?: PassphraseLock;
}>;

export const MANIFEST_FILE = "backup.json";
const HASH_DIGITS = 64;

/** A manifest as it is written: its checksum, a line feed, and JSON. */
export function encodeBackupManifest(manifest: BackupManifest): string {
  const json = JSON.stringify(manifest, null, 2);
  return `${sha256Hex(json)}\n${json}\n`;
}

/**
 * The manifest of a backup.
 *
 * @throws EngineError `NO_BACKUP`, `BACKUP_CORRUPT`, `BACKUP_FORMAT`.
 */
export async function readBackupManifest(folder: string): Promise<BackupManifest> {
  const text = await readFile(join(folder, MANIFEST_FILE), "utf8").catch((cause: unknown) => {
    const message = `${folder} is no whole backup: it has no ${MANIFEST_FILE}`;
    throw new EngineError({ code: "NO_BACKUP", message, retryable: false, cause });
  });
  const json = text.slice(HASH_DIGITS + 1).trimEnd();
  if (text.slice(0, HASH_DIGITS) !== sha256Hex(json)) {
    const message = `${MANIFEST_FILE} of the backup is damaged: it does not have its checksum`;
    throw new EngineError({ code: "BACKUP_CORRUPT", message, retryable: false });
  }
  const manifest = JSON.parse(json) as BackupManifest;
  if (manifest.format === 1) return manifest;
  const message = `the backup has the format ${manifest.format}, this build reads 1: use the build that wrote it`;
  throw new EngineError({ code: "BACKUP_FORMAT", message, retryable: false });
}

/**
 * What the files of a backup are unsealed with.
 *
 * @throws EngineError `PASSPHRASE_NEEDED`, `WRONG_PASSPHRASE`.
 */
export async function sealsFor(
  { lock }: BackupManifest,
  passphrase: string | undefined,
): Promise<FileSeals | undefined> {
  if (lock === undefined) return undefined;
  if (passphrase !== undefined) return openLock(lock, passphrase);
  const message = "the backup is sealed: name the file of its passphrase with --passphrase-file";
  throw new EngineError({ code: "PASSPHRASE_NEEDED", message, retryable: false });
}

/** The seal of one file. */
export function sealOf(seals: FileSeals | undefined, file: string): FrameSeal | undefined {
  return seals?.sealOf(file);
}

/** The files with frames of a backup. */
export function filesOf({ streams, releases, snapshots }: BackupManifest): readonly FrameFile[] {
  return [snapshots, ...streams, releases];
}
