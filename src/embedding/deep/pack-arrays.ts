import { sha256Hex } from "../../kernel/hash.ts";

/** Named arrays and the fields that go with them. */
export type PackedArrays = Readonly<{ fields: unknown; arrays: Record<string, Float32Array> }>;

/** The manifest's length follows the magic of eight characters. */
const MAGIC_BYTES = 8;
const HEADER_AT = MAGIC_BYTES + 4;
const DIGEST_BYTES = 64;

/**
 * One format for whatever is made of arrays: magic, length of the manifest as uint32, the manifest as JSON, the
 * arrays as little-endian float32, and the SHA-256 of all that in hexadecimal digits.
 *
 * @param magic - Eight characters that tell the format and its version.
 */
export function packArrays(
  magic: string,
  fields: object,
  arrays: Readonly<Record<string, Float32Array>>,
): Uint8Array {
  const named = Object.entries(arrays);
  const manifest = { fields, arrays: named.map(([name, { length }]) => [name, length] as const) };
  const header = new TextEncoder().encode(JSON.stringify(manifest));
  const numbers = named.reduce((sum, [, { length }]) => sum + length, 0);
  const bytes = new Uint8Array(HEADER_AT + header.length + 4 * numbers + DIGEST_BYTES);
  bytes.set(new TextEncoder().encode(magic));
  new DataView(bytes.buffer).setUint32(MAGIC_BYTES, header.length, true);
  bytes.set(header, HEADER_AT);
  let at = HEADER_AT + header.length;
  for (const [, { buffer, byteOffset, byteLength }] of named) {
    bytes.set(littleEndian(new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength))), at);
    at += byteLength;
  }
  bytes.set(new TextEncoder().encode(sha256Hex(bytes.subarray(0, at))), at);
  return bytes;
}

/** Reads {@link packArrays}'s bytes into arrays of their own; undefined if they are cut, changed or of another format. */
export function unpackArrays(magic: string, bytes: Uint8Array): PackedArrays | undefined {
  const end = bytes.length - DIGEST_BYTES;
  const latin1 = new TextDecoder("latin1");
  if (end < HEADER_AT || latin1.decode(bytes.subarray(0, MAGIC_BYTES)) !== magic) return undefined;
  if (sha256Hex(bytes.subarray(0, end)) !== latin1.decode(bytes.subarray(end))) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerEnd = HEADER_AT + view.getUint32(MAGIC_BYTES, true);
  const manifest = JSON.parse(new TextDecoder().decode(bytes.subarray(HEADER_AT, headerEnd))) as {
    fields: unknown;
    arrays: [string, number][];
  };
  let at = headerEnd;
  const arrays = manifest.arrays.map(([name, length]) => {
    const copied = new Uint8Array(bytes.subarray(at, at + 4 * length)); // A Buffer would slice without a copy.
    at += copied.length;
    return [name, new Float32Array(littleEndian(copied).buffer)] as const;
  });
  return { fields: manifest.fields, arrays: Object.fromEntries(arrays) };
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Reverses each four bytes in place on a big-endian machine. */
function littleEndian(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (HOST_IS_LITTLE_ENDIAN) return bytes;
  for (let at = 0; at < bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  return bytes;
}
