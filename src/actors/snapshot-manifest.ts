import { assert } from "../kernel/assert.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { sha256Hex } from "../kernel/hash.ts";

/** Some of a snapshot's bytes, under a key of their own. */
export type SnapshotPart = Readonly<{
  key: string;
  /** Of the stored bytes, in hexadecimal digits. */
  sha256: string;
  /** As stored. */
  bytes: number;
}>;

/** What a snapshot is made of. It is written when all parts are there: without it, there is no snapshot. */
export type SnapshotManifest = Readonly<{
  format: 1;
  /** Whose state it is: a word of letters, digits, `-` and `_`. */
  unit: string;
  /** A full one stands alone; a delta holds what changed since its base. */
  kind: "full" | "delta";
  /** The last log entry that the state contains. */
  sequence: number;
  /** Of a delta: the sequence of the snapshot that it adds to. */
  base?: number;
  /**
   * The first log entry of which outputs wait in it: they name users whom a later entry may have erased. Left out if none does, and
   * by older builds.
   */
  waitsFrom?: number;
  /** The log's time of the last entry, epoch ms, if known. */
  loggedAtMs?: number;
  /** What the unit wants to know before it reads the parts, such as the schema of its records. */
  facts: Readonly<Record<string, string | number>>;
  compression: string;
  /** What the parts are sealed with, in hexadecimal digits: without the manifest nobody can read them. */
  key?: string;
  /** Before compression. */
  rawBytes: number;
  /** As stored. */
  bytes: number;
  parts: readonly SnapshotPart[];
}>;

const UNIT = /^[A-Za-z0-9_-]+$/;
/** Digits of the largest safe integer, so that keys sort by sequence. */
const SEQUENCE_DIGITS = 16;
const HASH_DIGITS = 64;

/** The prefix of all keys of a unit's snapshots, or of one of them. */
export function snapshotPrefix(unit: string, sequence?: number): string {
  assert(UNIT.test(unit), `a unit's name is letters, digits, - and _: ${JSON.stringify(unit)}`);
  const prefix = `snapshots.${unit}.`;
  return sequence === undefined ? prefix : `${prefix}${String(sequence).padStart(SEQUENCE_DIGITS, "0")}.`;
}

/** The key of a snapshot's manifest. */
export function manifestKey(unit: string, sequence: number): string {
  return `${snapshotPrefix(unit, sequence)}manifest`;
}

/** The key of a part. It names the content, so that two writers of one snapshot can't mix their parts. */
export function partKey(unit: string, sequence: number, index: number, sha256: string): string {
  return `${snapshotPrefix(unit, sequence)}${index}-${sha256.slice(0, 16)}`;
}

/** The sequence in any key of a unit's snapshots, and whether it is that of a manifest; undefined for other keys. */
export function parseSnapshotKey(
  unit: string,
  key: string,
): Readonly<{ sequence: number; isManifest: boolean }> | undefined {
  const [sequence = "", part, ...more] = key.slice(snapshotPrefix(unit).length).split(".");
  if (!/^\d{16}$/.test(sequence) || part === undefined || more.length > 0) return undefined;
  return { sequence: Number(sequence), isManifest: part === "manifest" };
}

/** Whether a snapshot's own parts hold nothing that came before a sequence: neither state, nor outputs that follow from entries up to it. */
export function isClearOf(
  { sequence, waitsFrom = Number.POSITIVE_INFINITY }: Pick<SnapshotManifest, "sequence" | "waitsFrom">,
  erased: number,
): boolean {
  return sequence >= erased && waitsFrom > erased;
}

/** Keys of the parts that nobody can read once the manifests are gone. */
export function sealedParts(manifests: readonly SnapshotManifest[]): ReadonlySet<string> {
  const sealed = manifests.filter(({ key }) => key !== undefined);
  return new Set(sealed.flatMap(({ parts }) => parts.map(({ key }) => key)));
}

/** A manifest as bytes: its checksum in hexadecimal digits, a line feed, and JSON. */
export function encodeManifest(manifest: SnapshotManifest): Uint8Array {
  const json = JSON.stringify(manifest);
  return new TextEncoder().encode(`${sha256Hex(json)}\n${json}`);
}

/**
 * The manifest that {@link encodeManifest} wrote.
 *
 * @throws EngineError `SNAPSHOT_CORRUPT` for other bytes.
 */
export function decodeManifest(key: string, bytes: Uint8Array): SnapshotManifest {
  const sum = new TextDecoder().decode(bytes.subarray(0, HASH_DIGITS));
  const json = bytes.subarray(HASH_DIGITS + 1);
  if (sum !== sha256Hex(json)) throw snapshotCorrupt(key, "the manifest does not have its checksum");
  const manifest = JSON.parse(new TextDecoder().decode(json)) as SnapshotManifest;
  if (manifest.format !== 1) throw snapshotCorrupt(key, `its format is ${manifest.format}, not 1`);
  return manifest;
}

/** What is told of a snapshot that can't be used. `key`: the damaged blob, if one is to blame. */
export function snapshotCorrupt(key: string, reason: string, cause?: unknown): EngineError {
  return new EngineError({
    code: "SNAPSHOT_CORRUPT",
    message: `${key}: ${reason}`,
    retryable: false,
    detail: { key },
    cause,
  });
}

/** What is told of a snapshot that holds users who were erased while it was written. */
export function snapshotOutdated(unit: string, sequence: number): EngineError {
  const message = `the snapshot of ${unit} at ${sequence} holds users who were erased meanwhile`;
  return new EngineError({ code: "SNAPSHOT_OUTDATED", message, retryable: true, detail: { unit, sequence } });
}
