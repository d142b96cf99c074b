import { crc32 } from "node:zlib";

/** Bytes of the checksum behind a value. */
const CHECKSUM_BYTES = 4;

/** A value with its CRC-32 behind it, so that {@link unseal} notices what a disk has changed. */
export function seal(value: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(value.length + CHECKSUM_BYTES);
  sealed.set(value);
  sealed.writeUInt32LE(crc32(value), value.length);
  return sealed;
}

/** The value that {@link seal} sealed, as a view; undefined if it is not what it was. */
export function unseal(sealed: Uint8Array): Uint8Array | undefined {
  const length = sealed.length - CHECKSUM_BYTES;
  if (length < 0) return undefined;
  const value = sealed.subarray(0, length);
  const view = new DataView(sealed.buffer, sealed.byteOffset + length, CHECKSUM_BYTES);
  return crc32(value) === view.getUint32(0, true) ? value : undefined;
}
