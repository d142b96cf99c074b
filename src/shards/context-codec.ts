import type { TraitValue } from "../events/event.ts";
import { ByteReader } from "../kernel/byte-reader.ts";
import type { ByteWriter } from "../kernel/byte-writer.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { Context } from "./context.ts";
import { SeenIds } from "./seen-ids.ts";

/** First byte of a stored context. */
const FORMAT = 1;
const TRAIT_TAGS = { string: 0, number: 1, boolean: 2 } as const;

/** A context as bytes. The same context gives the same bytes: records are written in the order of their keys. */
export function encodeContext(context: Context, writer: ByteWriter): Uint8Array {
  writer.reset();
  writer.u8(FORMAT);
  writer.u8(context.authenticated ? 1 : 0);
  writer.text(context.encoder);
  for (const number of [context.events, context.firstTsMs, context.lastTsMs, context.lastSequence])
    writer.f64(number);
  writer.f64(context.sampleBucket);
  writer.f64(context.bucketEvents);
  writer.u32(context.slab.length);
  writer.raw(bytesOf(context.slab));
  writer.f64(context.seen.added);
  writer.u16(context.seen.size);
  writer.raw(bytesOf(context.seen.held));
  writeRecord(writer, context.labels, (label) => {
    writer.u8(label === null ? 0 : 1);
    if (label !== null) writer.text(label);
  });
  writeRecord(writer, context.traits, (value) => writeTrait(writer, value));
  writeRecord(writer, context.consents, (given) => writer.u8(given ? 1 : 0));
  writeRecord(writer, context.resonating, (segments) => {
    writer.u16(segments.size);
    for (const segment of [...segments].sort()) writer.text(segment);
  });
  return writer.finish();
}

/**
 * The context that {@link encodeContext} wrote.
 *
 * @throws EngineError `CONTEXT_UNREADABLE` for another format, `RECORD_TRUNCATED` for cut bytes.
 */
export function decodeContext(user: string, bytes: Uint8Array): Context {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== FORMAT) {
    const message = `the context of a user is stored in format ${format}, this build reads ${FORMAT}`;
    throw new EngineError({ code: "CONTEXT_UNREADABLE", message, retryable: false });
  }
  const authenticated = reader.u8() === 1;
  const context = new Context(user, 0, reader.text());
  context.authenticated = authenticated;
  context.events = reader.f64();
  context.firstTsMs = reader.f64();
  context.lastTsMs = reader.f64();
  context.lastSequence = reader.f64();
  context.sampleBucket = reader.f64();
  context.bucketEvents = reader.f64();
  // LMDB hands out bytes at any address: a copy is aligned.
  const slots = reader.u32();
  context.slab = new Float64Array(reader.copy(slots * 8));
  const added = reader.f64();
  const size = reader.u16();
  context.seen = new SeenIds(roomFor(new Uint32Array(reader.copy(size * 8))), added);
  readRecord(reader, (key) => context.labels.set(key, reader.u8() === 0 ? null : reader.text()));
  readRecord(reader, (key) => context.traits.set(key, readTrait(reader)));
  readRecord(reader, (key) => context.consents.set(key, reader.u8() === 1));
  readRecord(reader, (key) => {
    const segments = Array.from({ length: reader.u16() }, () => reader.text());
    context.resonating.set(key, new Set(segments));
  });
  return context;
}

/** Bytes of the numbers in front of a context's last sequence: events, first and last time. */
const BEFORE_LAST_SEQUENCE = 3 * 8;

/** The log sequence of the last entry that changed a stored context, without reading the rest of it. */
export function lastSequenceOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbersAt = 2 + 2 + view.getUint16(2, true); // Behind format, flag, and the encoder's name.
  return view.getFloat64(numbersAt + BEFORE_LAST_SEQUENCE, true);
}

function bytesOf(numbers: Float64Array | Uint32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/** The ring grows by doubling, so that what is loaded has the room that it would have had. */
function roomFor(held: Uint32Array): Uint32Array {
  let room = 16;
  while (room < held.length) room *= 2;
  const ring = new Uint32Array(room);
  ring.set(held);
  return ring;
}

function writeRecord<Value>(
  writer: ByteWriter,
  record: ReadonlyMap<string, Value>,
  write: (value: Value) => void,
): void {
  writer.u16(record.size);
  if (record.size === 0) return;
  for (const key of [...record.keys()].sort()) {
    writer.text(key);
    write(record.get(key) as Value);
  }
}

function readRecord(reader: ByteReader, read: (key: string) => void): void {
  for (let left = reader.u16(); left > 0; left--) read(reader.text());
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
