import { assert } from "../kernel/assert.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { FeatureEvent } from "./feature-event.ts";

/** Optional parts, by bit of the flags; in the order in which they follow the head. */
const ITEM = 1;
const PEER = 2;
const CELL = 4;
const ORIGIN = 8;
const SENTIMENT = 16;
const VALUE = 32;
const OFFSET = 64;
/** Not a part: the bit itself is the content. */
const INBOUND = 128;

/** Flags, type code, number of categories, of keywords; type hash; time. */
const HEAD_BYTES = 1 + 1 + 1 + 1 + 4 + 8;
/** What a byte can count. */
const HASHES_MAX = 255;
const PARTS_BYTES = 4 + 4 + 4 + 16 + 8 + 8 + 2;
/** Bytes of a packed event at most. */
export const PACKED_BYTES_MAX = HEAD_BYTES + PARTS_BYTES + 2 * HASHES_MAX * 4;
const NONE: readonly number[] = [];

// Events are packed here and copied out: a buffer and a view for each of them would cost ten times the packing.
const scratch = new Uint8Array(PACKED_BYTES_MAX);
const view = new DataView(scratch.buffer);

/**
 * An event as a ring keeps it: a view of one item with three categories takes 32 bytes. Little-endian; nothing
 * needs alignment.
 *
 * @param event - At most 255 categories and as many keywords.
 */
export function packFeatureEvent(event: FeatureEvent): Uint8Array {
  return scratch.slice(0, pack(event));
}

/**
 * As {@link packFeatureEvent}, to `out[at ..]`, without an allocation.
 *
 * @returns The bytes written.
 */
export function packFeatureEventInto(event: FeatureEvent, out: Uint8Array, at: number): number {
  const length = pack(event);
  for (let i = 0; i < length; i++) out[at + i] = scratch[i]!;
  return length;
}

/** Packs into the scratch. @returns The bytes written. */
function pack(event: FeatureEvent): number {
  const { categoryHashes, keywordHashes } = event;
  assert(
    categoryHashes.length <= HASHES_MAX && keywordHashes.length <= HASHES_MAX,
    "the hashes of an event are counted in a byte",
  );
  const flags = flagsOf(event);
  scratch[0] = flags;
  scratch[1] = event.typeCode;
  scratch[2] = categoryHashes.length;
  scratch[3] = keywordHashes.length;
  view.setUint32(4, event.typeHash, true);
  view.setFloat64(8, event.tsMs, true);
  let at = putHashes(categoryHashes, HEAD_BYTES);
  at = putHashes(keywordHashes, at);
  if (flags & ITEM) at = putHash(event.itemHash, at);
  if (flags & PEER) at = putHash(event.peerHash, at);
  if (flags & CELL) at = putHash(event.cellHash, at);
  if (flags & ORIGIN) {
    at = putHash(event.referrerHash, at);
    at = putHash(event.deviceHash, at);
    at = putHash(event.campaignHash, at);
    at = putHash(event.countryHash, at);
  }
  if (flags & SENTIMENT) at = putNumber(event.sentiment, at);
  if (flags & VALUE) at = putNumber(event.value, at);
  if (flags & OFFSET) view.setInt16(at, event.utcOffsetMinutes, true);
  return flags & OFFSET ? at + 2 : at;
}

/**
 * The event that {@link packFeatureEvent} packed.
 *
 * @param bytes - May start at any address.
 * @throws EngineError `RECORD_TRUNCATED` if they are not as long as their head says.
 */
export function unpackFeatureEvent(bytes: Uint8Array): FeatureEvent {
  if (bytes.length >= HEAD_BYTES && bytes.length <= scratch.length) scratch.set(bytes);
  const flags = scratch[0]!;
  const categories = scratch[2]!;
  const keywords = scratch[3]!;
  if (bytes.length < HEAD_BYTES || bytes.length !== sizeOf(flags, categories + keywords)) {
    const message = `a packed event of ${bytes.length} bytes is not as long as its head says`;
    throw new EngineError({ code: "RECORD_TRUNCATED", message, retryable: false });
  }
  const itemAt = HEAD_BYTES + 4 * (categories + keywords);
  const peerAt = itemAt + (flags & ITEM ? 4 : 0);
  const cellAt = peerAt + (flags & PEER ? 4 : 0);
  const originAt = cellAt + (flags & CELL ? 4 : 0);
  const sentimentAt = originAt + (flags & ORIGIN ? 16 : 0);
  const valueAt = sentimentAt + (flags & SENTIMENT ? 8 : 0);
  const offsetAt = valueAt + (flags & VALUE ? 8 : 0);
  return {
    tsMs: view.getFloat64(8, true),
    typeCode: view.getInt8(1),
    typeHash: view.getUint32(4, true),
    itemHash: flags & ITEM ? view.getUint32(itemAt, true) : 0,
    categoryHashes: hashesAt(HEAD_BYTES, categories),
    keywordHashes: hashesAt(HEAD_BYTES + 4 * categories, keywords),
    sentiment: flags & SENTIMENT ? view.getFloat64(sentimentAt, true) : Number.NaN,
    value: flags & VALUE ? view.getFloat64(valueAt, true) : Number.NaN,
    peerHash: flags & PEER ? view.getUint32(peerAt, true) : 0,
    inbound: (flags & INBOUND) !== 0,
    cellHash: flags & CELL ? view.getUint32(cellAt, true) : 0,
    referrerHash: flags & ORIGIN ? view.getUint32(originAt, true) : 0,
    deviceHash: flags & ORIGIN ? view.getUint32(originAt + 4, true) : 0,
    campaignHash: flags & ORIGIN ? view.getUint32(originAt + 8, true) : 0,
    countryHash: flags & ORIGIN ? view.getUint32(originAt + 12, true) : 0,
    utcOffsetMinutes: flags & OFFSET ? view.getInt16(offsetAt, true) : 0,
  };
}

function flagsOf(event: FeatureEvent): number {
  const origin = event.referrerHash | event.deviceHash | event.campaignHash | event.countryHash;
  return (
    (event.itemHash !== 0 ? ITEM : 0) |
    (event.peerHash !== 0 ? PEER : 0) |
    (event.cellHash !== 0 ? CELL : 0) |
    (origin !== 0 ? ORIGIN : 0) |
    (Number.isNaN(event.sentiment) ? 0 : SENTIMENT) |
    (Number.isNaN(event.value) ? 0 : VALUE) |
    (event.utcOffsetMinutes !== 0 ? OFFSET : 0) |
    (event.inbound ? INBOUND : 0)
  );
}

function sizeOf(flags: number, hashes: number): number {
  return (
    HEAD_BYTES +
    4 * hashes +
    (flags & ITEM ? 4 : 0) +
    (flags & PEER ? 4 : 0) +
    (flags & CELL ? 4 : 0) +
    (flags & ORIGIN ? 16 : 0) +
    (flags & SENTIMENT ? 8 : 0) +
    (flags & VALUE ? 8 : 0) +
    (flags & OFFSET ? 2 : 0)
  );
}

function putHash(hash: number, at: number): number {
  view.setUint32(at, hash, true);
  return at + 4;
}

function putNumber(value: number, at: number): number {
  view.setFloat64(at, value, true);
  return at + 8;
}

function putHashes(hashes: readonly number[], at: number): number {
  for (let i = 0; i < hashes.length; i++) view.setUint32(at + 4 * i, hashes[i]!, true);
  return at + 4 * hashes.length;
}

function hashesAt(at: number, count: number): readonly number[] {
  if (count === 0) return NONE;
  const hashes: number[] = [];
  for (let i = 0; i < count; i++) hashes.push(view.getUint32(at + 4 * i, true));
  return hashes;
}
