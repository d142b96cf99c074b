import type { FeatureEvent } from "./feature-event.ts";

/** Optional parts, by bit of the flags. */
const ITEM = 1;
const SENTIMENT = 2;
const VALUE = 4;
const PEER = 8;
const INBOUND = 16;
const CELL = 32;
const ORIGIN = 64;
const OFFSET = 128;

/** Flags, type code, categories, keywords, type hash, time. */
const HEAD_BYTES = 1 + 1 + 1 + 1 + 4 + 8;
const NONE: readonly number[] = [];

/**
 * An event as a ring keeps it: a view of one item with three categories takes 32 bytes. Little-endian; may be
 * read at any address.
 */
export function packFeatureEvent(event: FeatureEvent): Uint8Array {
  const flags = flagsOf(event);
  const bytes = new Uint8Array(sizeOf(event, flags));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, flags);
  view.setInt8(1, event.typeCode);
  view.setUint8(2, event.categoryHashes.length);
  view.setUint8(3, event.keywordHashes.length);
  view.setUint32(4, event.typeHash, true);
  view.setFloat64(8, event.tsMs, true);
  let at = HEAD_BYTES;
  const u32 = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const f64 = (value: number): void => {
    view.setFloat64(at, value, true);
    at += 8;
  };
  if (flags & ITEM) u32(event.itemHash);
  for (const hash of event.categoryHashes) u32(hash);
  for (const hash of event.keywordHashes) u32(hash);
  if (flags & SENTIMENT) f64(event.sentiment);
  if (flags & VALUE) f64(event.value);
  if (flags & PEER) u32(event.peerHash);
  if (flags & CELL) u32(event.cellHash);
  if (flags & ORIGIN) {
    u32(event.referrerHash);
    u32(event.deviceHash);
    u32(event.campaignHash);
    u32(event.countryHash);
  }
  if (flags & OFFSET) view.setInt16(at, event.utcOffsetMinutes, true);
  return bytes;
}

/** The event that {@link packFeatureEvent} packed. */
export function unpackFeatureEvent(bytes: Uint8Array): FeatureEvent {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(0);
  let at = HEAD_BYTES;
  const u32 = (): number => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  const f64 = (): number => {
    at += 8;
    return view.getFloat64(at - 8, true);
  };
  const many = (count: number): readonly number[] => {
    if (count === 0) return NONE;
    const hashes: number[] = [];
    for (let i = 0; i < count; i++) hashes.push(u32());
    return hashes;
  };
  const itemHash = flags & ITEM ? u32() : 0;
  const categoryHashes = many(view.getUint8(2));
  const keywordHashes = many(view.getUint8(3));
  const sentiment = flags & SENTIMENT ? f64() : Number.NaN;
  const value = flags & VALUE ? f64() : Number.NaN;
  const peerHash = flags & PEER ? u32() : 0;
  const cellHash = flags & CELL ? u32() : 0;
  const hasOrigin = (flags & ORIGIN) !== 0;
  return {
    tsMs: view.getFloat64(8, true),
    typeCode: view.getInt8(1),
    typeHash: view.getUint32(4, true),
    itemHash,
    categoryHashes,
    keywordHashes,
    sentiment,
    value,
    peerHash,
    inbound: (flags & INBOUND) !== 0,
    cellHash,
    referrerHash: hasOrigin ? u32() : 0,
    deviceHash: hasOrigin ? u32() : 0,
    campaignHash: hasOrigin ? u32() : 0,
    countryHash: hasOrigin ? u32() : 0,
    utcOffsetMinutes: flags & OFFSET ? view.getInt16(at, true) : 0,
  };
}

function flagsOf(event: FeatureEvent): number {
  const origin = event.referrerHash | event.deviceHash | event.campaignHash | event.countryHash;
  return (
    (event.itemHash !== 0 ? ITEM : 0) |
    (Number.isNaN(event.sentiment) ? 0 : SENTIMENT) |
    (Number.isNaN(event.value) ? 0 : VALUE) |
    (event.peerHash !== 0 ? PEER : 0) |
    (event.inbound ? INBOUND : 0) |
    (event.cellHash !== 0 ? CELL : 0) |
    (origin !== 0 ? ORIGIN : 0) |
    (event.utcOffsetMinutes !== 0 ? OFFSET : 0)
  );
}

function sizeOf(event: FeatureEvent, flags: number): number {
  return (
    HEAD_BYTES +
    4 * (event.categoryHashes.length + event.keywordHashes.length) +
    (flags & ITEM ? 4 : 0) +
    (flags & SENTIMENT ? 8 : 0) +
    (flags & VALUE ? 8 : 0) +
    (flags & PEER ? 4 : 0) +
    (flags & CELL ? 4 : 0) +
    (flags & ORIGIN ? 16 : 0) +
    (flags & OFFSET ? 2 : 0)
  );
}
