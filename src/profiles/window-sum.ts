import { ByteReader } from "../kernel/byte-reader.ts";
import type { ByteWriter } from "../kernel/byte-writer.ts";

/** The sum of a bucket's vectors, shape [dim], and their number. */
export type BucketSums = { readonly sum: Float64Array; count: number };

/** The contributions to one segment, bucket by bucket, as exact integers. */
export type SegmentSums = {
  readonly buckets: Map<number, BucketSums>;
  /** Members by the newest bucket that they contributed to: those still in the window are its distinct members. */
  readonly newest: Map<number, number>;
};

/** Sums of nothing. */
export function newSegmentSums(): SegmentSums {
  return { buckets: new Map(), newest: new Map() };
}

/** Adds a vector to a bucket, or with `sign` -1 takes it out again: integers below 2^53 are exact in any order. */
export function addVector(sums: SegmentSums, bucket: number, vector: Int16Array, sign: 1 | -1): void {
  let held = sums.buckets.get(bucket);
  if (held === undefined) {
    held = { sum: new Float64Array(vector.length), count: 0 };
    sums.buckets.set(bucket, held);
  }
  for (let i = 0; i < vector.length; i++) held.sum[i] = held.sum[i]! + sign * vector[i]!;
  held.count += sign;
  if (held.count === 0) sums.buckets.delete(bucket);
}

/** Moves a member's newest bucket; undefined for a member who comes or goes. */
export function moveNewest(sums: SegmentSums, from: number | undefined, to: number | undefined): void {
  if (from === to) return;
  if (from !== undefined) tally(sums.newest, from, -1);
  if (to !== undefined) tally(sums.newest, to, 1);
}

/** Drops what is before the window. */
export function expireSums(sums: SegmentSums, start: number): boolean {
  let dropped = false;
  for (const bucket of sums.buckets.keys())
    if (bucket < start) dropped = sums.buckets.delete(bucket) || dropped;
  for (const bucket of sums.newest.keys())
    if (bucket < start) dropped = sums.newest.delete(bucket) || dropped;
  return dropped;
}

/** Whether nobody contributes to the window. */
export function isEmpty(sums: SegmentSums): boolean {
  return sums.buckets.size === 0 && sums.newest.size === 0;
}

/** Distinct members in the window. */
export function membersOf(sums: SegmentSums): number {
  let members = 0;
  for (const count of sums.newest.values()) members += count;
  return members;
}

/** Mean of all vectors in the window, in units of the grid; shape [dim], zero if there is none. */
export function meanOf(sums: SegmentSums, dim: number): Float64Array {
  const mean = new Float64Array(dim);
  let count = 0;
  // In the order of time, so that every run rounds alike; the sums themselves are exact.
  for (const bucket of [...sums.buckets.keys()].sort((a, b) => a - b)) {
    const held = sums.buckets.get(bucket)!;
    for (let i = 0; i < dim; i++) mean[i] = mean[i]! + held.sum[i]!;
    count += held.count;
  }
  if (count > 0) for (let i = 0; i < dim; i++) mean[i] = mean[i]! / count;
  return mean;
}

/** Sums as bytes; the same sums give the same bytes. */
export function encodeSums(sums: SegmentSums, writer: ByteWriter): Uint8Array {
  writer.reset();
  writer.u32(sums.buckets.size);
  for (const bucket of [...sums.buckets.keys()].sort((a, b) => a - b)) {
    const { sum, count } = sums.buckets.get(bucket)!;
    writer.f64(bucket);
    writer.f64(count);
    writer.u16(sum.length);
    writer.raw(new Uint8Array(sum.buffer, sum.byteOffset, sum.byteLength));
  }
  writer.u32(sums.newest.size);
  for (const bucket of [...sums.newest.keys()].sort((a, b) => a - b)) {
    writer.f64(bucket);
    writer.f64(sums.newest.get(bucket)!);
  }
  return writer.finish();
}

/** The sums that {@link encodeSums} wrote. */
export function decodeSums(bytes: Uint8Array): SegmentSums {
  const reader = new ByteReader(bytes);
  const sums = newSegmentSums();
  for (let left = reader.u32(); left > 0; left--) {
    const bucket = reader.f64();
    const count = reader.f64();
    const sum = new Float64Array(reader.copy(reader.u16() * 8));
    sums.buckets.set(bucket, { sum, count });
  }
  for (let left = reader.u32(); left > 0; left--) sums.newest.set(reader.f64(), reader.f64());
  return sums;
}

function tally(counts: Map<number, number>, key: number, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
