import type { ProfileControl, ShardKeys } from "../events/profile-control.ts";
import { decode } from "../kernel/msgpack.ts";
import type { Removal, Sample, SampleBatch, TallyChange } from "./sample.ts";

/**
 * A message of the samples' stream; undefined if it is not one. One that can't be read would be met again after every
 * restart, so the profile actor passes over it.
 */
export function readSampleMessage(bytes: Uint8Array): SampleBatch | ProfileControl | undefined {
  let value: unknown;
  try {
    value = decode(bytes);
  } catch {
    return undefined; // The caller counts it.
  }
  if (typeof value !== "object" || value === null) return undefined;
  if ("control" in value) return isControl(value) ? value : undefined;
  const {
    shard,
    samples,
    removals = [],
    prepared = [],
    tallies = [],
  } = value as Partial<Record<keyof SampleBatch, unknown>>;
  const isBatch =
    Number.isInteger(shard) &&
    Array.isArray(samples) &&
    samples.every(isSample) &&
    Array.isArray(removals) &&
    removals.every(isRemoval) &&
    Array.isArray(prepared) &&
    prepared.every((encoder) => typeof encoder === "string") &&
    Array.isArray(tallies) &&
    tallies.every(isTallyChange);
  return isBatch ? (value as SampleBatch) : undefined;
}

function isControl(value: object): value is ProfileControl {
  const { control, version, encoder, from, hold, id, shards, calibration } = value as Partial<
    Record<string, unknown>
  >;
  if (control === "definitions") return Number.isSafeInteger(version);
  if (control === "definitions-prepared") return Number.isSafeInteger(version) && isShardKeys(shards);
  if (control === "promote" || control === "discard") return typeof encoder === "string" && encoder !== "";
  if (control === "rollback") return typeof from === "string" && from !== "";
  if (control === "prepare")
    return (
      typeof encoder === "string" &&
      encoder !== "" &&
      (shards === undefined || isShardKeys(shards)) &&
      (hold === undefined || typeof hold === "boolean")
    );
  if (control === "calibrate") return typeof encoder === "string" && typeof calibration === "string";
  if (control === "published") return typeof id === "string";
  return control === "publish" || control === "publish-tallies";
}

function isShardKeys(value: unknown): value is ShardKeys {
  if (typeof value !== "object" || value === null) return false;
  const { from, count } = value as Partial<Record<keyof ShardKeys, unknown>>;
  return Number.isSafeInteger(from) && Number.isSafeInteger(count) && (count as number) > 0;
}

function isTallyChange(value: unknown): value is TallyChange {
  if (typeof value !== "object" || value === null) return false;
  const { sequence, index, tally } = value as Partial<Record<keyof TallyChange, unknown>>;
  return Number.isInteger(sequence) && Number.isInteger(index) && typeof tally === "string";
}

function isRemoval(value: unknown): value is Removal {
  if (typeof value !== "object" || value === null) return false;
  const { sequence, index, user } = value as Partial<Record<keyof Removal, unknown>>;
  return Number.isInteger(sequence) && Number.isInteger(index) && typeof user === "string";
}

function isSample(value: unknown): value is Sample {
  if (typeof value !== "object" || value === null) return false;
  const { sequence, index, user, encoder, tsMs, labels, vector } = value as Partial<
    Record<keyof Sample, unknown>
  >;
  return (
    Number.isInteger(sequence) &&
    Number.isInteger(index) &&
    typeof user === "string" &&
    typeof encoder === "string" &&
    Number.isFinite(tsMs) &&
    typeof labels === "object" &&
    labels !== null &&
    vector instanceof Uint8Array
  );
}
