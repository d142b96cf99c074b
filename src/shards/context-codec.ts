import type { TraitValue } from "../events/event.ts";
import { ARRIVAL_FIELDS, type Arrival } from "../features/arrival.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { ByteReader } from "../kernel/byte-reader.ts";
import type { ByteWriter } from "../kernel/byte-writer.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { type Jurisdiction, UNKNOWN_JURISDICTION } from "../privacy/consent/jurisdiction.ts";
import { Context, NO_ENTRIES, withEntry } from "./context.ts";
import { readExposure, writeExposure } from "./exposure-codec.ts";
import { readFeedback, writeFeedback } from "./feedback-codec.ts";
import { readPace, writePace } from "./pace-codec.ts";
import { SeenIds } from "./seen-ids.ts";

/** First byte of a stored context. */
const CONTEXT_FORMAT = 5;
/** Bits of its second byte. */
const AUTHENTICATED = 1;
const MEMBER = 2;
const TRAIT_TAGS = { string: 0, number: 1, boolean: 2 } as const;
/** Slots that a byte of the map of zeros tells of. */
const SLOTS_A_BYTE = 8;

/** What contexts are written by: features and format. Those of another one are never read. */
export function contextSchema(features: Pick<FeatureSchema, "version">): string {
  return `${features.version}-${CONTEXT_FORMAT}`;
}

/** A context as bytes. The same context gives the same bytes: records are written in the order of their keys. */
export function encodeContext(context: Context, writer: ByteWriter): Uint8Array {
  writer.reset();
  writeContext(context, writer);
  return writer.finish();
}

/** As {@link encodeContext}, behind what the writer holds already. */
export function writeContext(context: Context, writer: ByteWriter): void {
  writer.u8(CONTEXT_FORMAT);
  writer.u8((context.authenticated ? AUTHENTICATED : 0) | (context.isMember ? MEMBER : 0));
  writer.text(context.encoder);
  writer.f64(context.events);
  writer.f64(context.firstTsMs);
  writer.f64(context.lastTsMs);
  writer.f64(context.lastSequence);
  writer.f64(context.sampleBucket);
  writer.f64(context.bucketEvents);
  writer.u16(context.featuresAt);
  writer.u16(context.mask);
  writeSlab(context.slab, writer);
  writer.f64(context.seen.added);
  writer.u16(context.seen.size);
  writeIds(context.seen.hashes, context.seen.size * 2, writer);
  writer.u16(context.tail.sizeBytes);
  if (context.tail.sizeBytes > 0) writer.raw(context.tail.bytes);
  writeRecord(writer, context.labels, writeLabel);
  writeRecord(writer, context.traits, writeTrait);
  writeRecord(writer, context.consents, writeConsent);
  writeRecord(writer, context.resonating, writeSegments);
  writeArrival(writer, context.arrival);
  writeFeedback(context.feedback, writer);
  writeRecord(writer, context.exposures, writeExposure);
  writer.text(context.where.country);
  writer.text(context.where.region);
  writePace(context.pace, writer);
}

/**
 * The context that {@link encodeContext} wrote.
 *
 * @throws EngineError `CONTEXT_UNREADABLE` for another format, `RECORD_TRUNCATED` for cut bytes.
 */
export function decodeContext(user: string, bytes: Uint8Array): Context {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== CONTEXT_FORMAT) {
    const message = `the context of a user is stored in format ${format}, this build reads ${CONTEXT_FORMAT}`;
    throw new EngineError({ code: "CONTEXT_UNREADABLE", message, retryable: false });
  }
  const flags = reader.u8();
  const context = new Context(user, 0, reader.text());
  context.authenticated = (flags & AUTHENTICATED) !== 0;
  context.isMember = (flags & MEMBER) !== 0;
  context.events = reader.f64();
  context.firstTsMs = reader.f64();
  context.lastTsMs = reader.f64();
  context.lastSequence = reader.f64();
  context.sampleBucket = reader.f64();
  context.bucketEvents = reader.f64();
  context.featuresAt = reader.u16();
  context.mask = reader.u16();
  readSlab(reader, context);
  const added = reader.f64();
  const size = reader.u16();
  // LMDB hands out bytes at any address: a copy is aligned.
  context.seen = new SeenIds(new Uint32Array(reader.copy(size * 8)), added);
  const tail = reader.u16();
  if (tail > 0) context.tail.restore(reader.raw(tail));
  context.labels = readRecord(reader, readLabel);
  context.traits = readRecord(reader, readTrait);
  context.consents = readRecord(reader, readConsent);
  context.resonating = readRecord(reader, readSegments);
  context.arrival = readArrival(reader);
  context.feedback = readFeedback(reader);
  context.exposures = readRecord(reader, readExposure);
  context.where = readWhere(reader);
  context.pace = readPace(reader);
  return context;
}

/** Most slots of most users are zero: a bit a slot tells which, and only the others are written. */
function writeSlab(slab: Float64Array, writer: ByteWriter): void {
  const slots = slab.length;
  writer.u16(slots);
  for (let at = 0; at < slots; at += SLOTS_A_BYTE) {
    const end = Math.min(slots, at + SLOTS_A_BYTE);
    let held = 0;
    // Minus zero is no zero: a replay must give back every bit.
    for (let slot = at; slot < end; slot++) if (!Object.is(slab[slot], 0)) held |= 1 << (slot - at);
    writer.u8(held);
    for (let slot = at; slot < end; slot++) if ((held & (1 << (slot - at))) !== 0) writer.f64(slab[slot]!);
  }
}

function readSlab(reader: ByteReader, context: Context): void {
  context.exchange(reader.u16(), () => {});
  const { slab } = context;
  for (let at = 0; at < slab.length; at += SLOTS_A_BYTE) {
    const held = reader.u8();
    for (let bit = 0; bit < SLOTS_A_BYTE && at + bit < slab.length; bit++)
      if ((held & (1 << bit)) !== 0) slab[at + bit] = reader.f64();
  }
}

function writeIds(hashes: ArrayLike<number>, count: number, writer: ByteWriter): void {
  for (let i = 0; i < count; i++) writer.u32(hashes[i]! >>> 0);
}

/** Bytes of the numbers in front of a context's last event time: events, and the first one's; then comes the last sequence. */
const BEFORE_LAST_TIME = 2 * 8;
const BEFORE_LAST_SEQUENCE = 3 * 8;

/** The log sequence of the last entry that changed a stored context, without reading the rest of it. */
export function lastSequenceOf(bytes: Uint8Array): number {
  return numberOf(bytes, BEFORE_LAST_SEQUENCE);
}

/** The time of a stored context's newest event, epoch ms, without reading the rest of it; 0 if it has none. */
export function lastTsMsOf(bytes: Uint8Array): number {
  return numberOf(bytes, BEFORE_LAST_TIME);
}

function numberOf(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbersAt = 2 + 2 + view.getUint16(2, true); // Behind format, flag, and the encoder's name.
  return view.getFloat64(numbersAt + at, true);
}

/** A bit a field tells which are known, and only those are written. */
function writeArrival(writer: ByteWriter, arrival: Arrival | undefined): void {
  let known = 0;
  for (let f = 0; f < ARRIVAL_FIELDS.length; f++)
    if (arrival !== undefined && arrival[f] !== 0) known |= 1 << f;
  writer.u16(known);
  if (arrival !== undefined) for (const hash of arrival) if (hash !== 0) writer.u32(hash);
}

function readArrival(reader: ByteReader): Arrival | undefined {
  const known = reader.u16();
  if (known === 0) return undefined;
  const arrival = new Uint32Array(ARRIVAL_FIELDS.length);
  for (let f = 0; f < arrival.length; f++) if ((known & (1 << f)) !== 0) arrival[f] = reader.u32();
  return arrival;
}

function readWhere(reader: ByteReader): Jurisdiction {
  const country = reader.text();
  const region = reader.text();
  return country === "" && region === "" ? UNKNOWN_JURISDICTION : { country, region };
}

function writeRecord<Value>(
  writer: ByteWriter,
  record: ReadonlyMap<string, Value>,
  write: (writer: ByteWriter, value: Value) => void,
): void {
  writer.u16(record.size);
  if (record.size === 0) return;
  for (const key of [...record.keys()].sort()) {
    writer.text(key);
    write(writer, record.get(key) as Value);
  }
}

function readRecord<Value>(
  reader: ByteReader,
  read: (reader: ByteReader) => Value,
): ReadonlyMap<string, Value> {
  let record: ReadonlyMap<string, Value> = NO_ENTRIES;
  for (let left = reader.u16(); left > 0; left--) record = withEntry(record, reader.text(), read(reader));
  return record;
}

function writeLabel(writer: ByteWriter, label: string | null): void {
  writer.u8(label === null ? 0 : 1);
  if (label !== null) writer.text(label);
}

function readLabel(reader: ByteReader): string | null {
  return reader.u8() === 0 ? null : reader.text();
}

function writeTrait(writer: ByteWriter, value: TraitValue): void {
  const kind = typeof value as keyof typeof TRAIT_TAGS;
  writer.u8(TRAIT_TAGS[kind]);
  if (typeof value === "string") writer.text(value);
  else writer.f64(Number(value));
}

function readTrait(reader: ByteReader): TraitValue {
  const tag = reader.u8();
  if (tag === TRAIT_TAGS.string) return reader.text();
  const number = reader.f64();
  return tag === TRAIT_TAGS.boolean ? number === 1 : number;
}

function writeConsent(writer: ByteWriter, given: boolean): void {
  writer.u8(given ? 1 : 0);
}

function readConsent(reader: ByteReader): boolean {
  return reader.u8() === 1;
}

function writeSegments(writer: ByteWriter, segments: ReadonlySet<string>): void {
  writer.u16(segments.size);
  for (const segment of [...segments].sort()) writer.text(segment);
}

function readSegments(reader: ByteReader): ReadonlySet<string> {
  return new Set(Array.from({ length: reader.u16() }, () => reader.text()));
}
