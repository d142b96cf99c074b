import { crc32 } from "node:zlib";
import { assert } from "../kernel/assert.ts";

/** Bytes of the checksum behind a value. */
const CHECKSUM_BYTES = 4;

/** A value with its CRC-32 behind it, so that {@link unseal} notices what a disk has changed. */
export function seal(value: Uint8Array): Uint8Array {
  const [sealed] = sealAll([value]);
  assert(sealed !== undefined, "each value is sealed");
  return sealed;
}

/**
 * As {@link seal}, of many values in one memory: it costs one allocation instead of one a value.
 *
 * @returns Views, in order.
 */
export function sealAll(values: readonly Uint8Array[]): Uint8Array[] {
  let bytes = 0;
  for (const value of values) bytes += value.length + CHECKSUM_BYTES;
  const { buffer } = new Uint8Array(bytes);
  const all = new Uint8Array(buffer);
  const sums = new DataView(buffer);
  let at = 0;
  return values.map((value) => {
    const start = at;
    all.set(value, start);
    at = start + value.length + CHECKSUM_BYTES;
    sums.setUint32(at - CHECKSUM_BYTES, crc32(value), true);
    return new Uint8Array(buffer, start, at - start);
  });
}

/** The value that {@link seal} sealed, as a view; undefined if it is not what it was. */
export function unseal(sealed: Uint8Array): Uint8Array | undefined {
  const length = sealed.length - CHECKSUM_BYTES;
  if (length < 0) return undefined;
  // Not `subarray`, nor a DataView: of many small values they cost more than the checksum.
  const value = new Uint8Array(sealed.buffer, sealed.byteOffset, length);
  const low = at(sealed, length) | (at(sealed, length + 1) << 8) | (at(sealed, length + 2) << 16);
  return crc32(value) === (low | (at(sealed, length + 3) << 24)) >>> 0 ? value : undefined;
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
