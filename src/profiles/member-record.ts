import { ByteReader } from "../kernel/byte-reader.ts";
import type { ByteWriter } from "../kernel/byte-writer.ts";
import { EngineError } from "../kernel/engine-error.ts";

/** What a member contributed: enough to take them out of every sum again, to the last bit. */
export type MemberRecord = {
  /** Map to the segment whose sums hold the contributions; {@link BACKGROUND} for members of none. */
  readonly segments: Map<string, string>;
  /** By length of the bucket in ms, then by bucket: the quantised vector, shape [dim]. */
  readonly series: Map<number, Map<number, Int16Array>>;
  /** Private maps that cap contributions, to the buckets that were accepted, ascending. */
  readonly accepted: Map<string, readonly number[]>;
};

/** The segment of authenticated users who belong to none of a map's. No segment can have this name. */
export const BACKGROUND = "";

const FORMAT = 1;
/** With accepted buckets at the end. */
const FORMAT_CAPPED = 2;

/** A member of whom nothing is held. */
export function newMemberRecord(): MemberRecord {
  return { segments: new Map(), series: new Map(), accepted: new Map() };
}

/** A record as bytes; the same record gives the same bytes. */
export function encodeMemberRecord(record: MemberRecord, writer: ByteWriter): Uint8Array {
  writer.reset();
  writer.u8(record.accepted.size === 0 ? FORMAT : FORMAT_CAPPED);
  writer.u16(record.segments.size);
  for (const map of [...record.segments.keys()].sort()) {
    writer.text(map);
    writer.text(record.segments.get(map) ?? BACKGROUND);
  }
  writer.u16(record.series.size);
  for (const bucketMs of [...record.series.keys()].sort((a, b) => a - b)) {
    const buckets = record.series.get(bucketMs) ?? new Map<number, Int16Array>();
    writer.f64(bucketMs);
    writer.u32(buckets.size);
    for (const bucket of [...buckets.keys()].sort((a, b) => a - b)) {
      const vector = buckets.get(bucket) ?? new Int16Array();
      writer.f64(bucket);
      writer.u16(vector.length);
      writer.raw(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
    }
  }
  if (record.accepted.size > 0) writer.u16(record.accepted.size);
  for (const map of [...record.accepted.keys()].sort()) {
    const buckets = record.accepted.get(map) ?? [];
    writer.text(map);
    writer.u16(buckets.length);
    for (const bucket of buckets) writer.f64(bucket);
  }
  return writer.finish();
}

/**
 * The record that {@link encodeMemberRecord} wrote.
 *
 * @throws EngineError `MEMBER_UNREADABLE` for another format, `RECORD_TRUNCATED` for cut bytes.
 */
export function decodeMemberRecord(bytes: Uint8Array): MemberRecord {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== FORMAT && format !== FORMAT_CAPPED) {
    const message = "a member's contributions are stored in another format than this build reads";
    throw new EngineError({ code: "MEMBER_UNREADABLE", message, retryable: false });
  }
  const record = newMemberRecord();
  for (let left = reader.u16(); left > 0; left--) record.segments.set(reader.text(), reader.text());
  for (let left = reader.u16(); left > 0; left--) {
    const bucketMs = reader.f64();
    const buckets = new Map<number, Int16Array>();
    for (let count = reader.u32(); count > 0; count--) {
      const bucket = reader.f64();
      buckets.set(bucket, new Int16Array(reader.copy(reader.u16() * 2)));
    }
    record.series.set(bucketMs, buckets);
  }
  if (format === FORMAT) return record;
  for (let left = reader.u16(); left > 0; left--) {
    const map = reader.text();
    record.accepted.set(
      map,
      Array.from({ length: reader.u16() }, () => reader.f64()),
    );
  }
  return record;
}

/** Length of the buckets in ms, to the first bucket that any window with such buckets holds. */
export type Windows = ReadonlyMap<number, number>;

/**
 * Brings a record to the windows in use, in place: what none of them holds goes. Doing it again changes nothing more,
 * and doing it now and then while the windows move on comes to the same as doing it once at the end.
 *
 * @returns Whether anything changed.
 */
export function tidy(record: MemberRecord, windows: Windows): boolean {
  let changed = retime(record, [...windows.keys()]);
  for (const [bucketMs, buckets] of record.series) {
    const first = windows.get(bucketMs) ?? Number.POSITIVE_INFINITY;
    for (const bucket of buckets.keys()) if (bucket < first) changed = buckets.delete(bucket) || changed;
    if (buckets.size === 0) record.series.delete(bucketMs);
  }
  return changed;
}

/**
 * Brings a record to the lengths of bucket that are in use.
 *
 * A length that it does not have is made from its finest series: a contribution goes to the bucket in which its own
 * began, and of several the newest stays. What had expired at that length is older than its window again.
 */
function retime(record: MemberRecord, bucketsMs: readonly number[]): boolean {
  const finestMs = Math.min(...record.series.keys());
  const finest = record.series.get(finestMs);
  if (finest === undefined) return false;
  let changed = false;
  for (const bucketMs of bucketsMs) {
    if (record.series.has(bucketMs)) continue;
    const series = new Map<number, Int16Array>();
    for (const bucket of [...finest.keys()].sort((a, b) => a - b)) {
      series.set(Math.floor((bucket * finestMs) / bucketMs), finest.get(bucket)!);
    }
    record.series.set(bucketMs, series);
    changed = true;
  }
  for (const bucketMs of record.series.keys())
    if (!bucketsMs.includes(bucketMs)) changed = record.series.delete(bucketMs) || changed;
  return changed;
}
