import type { FeatureEvent } from "../features/feature-event.ts";
import { PACKED_BYTES_MAX, packFeatureEventInto } from "../features/pack-feature-event.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { contextMemory } from "./context-memory.ts";

/** Events of a chunk: the ring is written a chunk at a time, so that an event costs a sixteenth of a row. */
export const CHUNK_EVENTS = 16;
/** Bytes that an event's length takes in front of it. */
const LENGTH_BYTES = 2;
/** Bytes of room are a multiple of this, and so of the slots that contexts are made of. */
const ROOM_STEP = 128;
const NO_BYTES = new Uint8Array();
const NO_SLOTS = new Float64Array();

/** The newest events of a user, packed one behind the other, until they fill a chunk of the ring. */
export class RingTail {
  #bytes: Uint8Array = NO_BYTES;
  /** The memory behind the bytes. */
  #slots: Float64Array = NO_SLOTS;
  #length = 0;

  /** What is held, as {@link unpackChunk} reads it: a view, valid until the next change. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#length);
  }

  get sizeBytes(): number {
    return this.#length;
  }

  /** Copies what is held to `out[at ..]`. */
  writeTo(out: Uint8Array, at: number): void {
    for (let i = 0; i < this.#length; i++) out[at + i] = this.#bytes[i]!;
  }

  append(event: FeatureEvent): void {
    const length = packFeatureEventInto(event, scratch, LENGTH_BYTES);
    scratch[0] = length & 0xff;
    scratch[1] = length >>> 8;
    this.#makeRoom(LENGTH_BYTES + length);
    for (let i = 0; i < LENGTH_BYTES + length; i++) this.#bytes[this.#length + i] = scratch[i]!;
    this.#length += LENGTH_BYTES + length;
  }

  /** The bytes of a full chunk, which are the caller's; the tail begins anew. */
  take(): Uint8Array {
    const chunk = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return chunk;
  }

  /** Takes in what {@link bytes} gave. */
  restore(bytes: Uint8Array): void {
    this.#length = 0;
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes);
    this.#length = bytes.length;
  }

  /** Gives its memory back. */
  release(): void {
    contextMemory.give(this.#slots);
    this.#slots = NO_SLOTS;
    this.#bytes = NO_BYTES;
    this.#length = 0;
  }

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const room = Math.ceil(Math.max(needed, this.#bytes.length * 2) / ROOM_STEP) * ROOM_STEP;
    const slots = contextMemory.take(room / Float64Array.BYTES_PER_ELEMENT);
    const grown = new Uint8Array(slots.buffer, slots.byteOffset, room);
    for (let i = 0; i < this.#length; i++) grown[i] = this.#bytes[i]!;
    contextMemory.give(this.#slots);
    this.#slots = slots;
    this.#bytes = grown;
  }
}

const scratch = new Uint8Array(LENGTH_BYTES + PACKED_BYTES_MAX);

/**
 * The packed events of a chunk, oldest first, as views.
 *
 * @throws EngineError `RECORD_TRUNCATED` if the bytes end inside an event.
 */
export function unpackChunk(chunk: Uint8Array): Uint8Array[] {
  const events: Uint8Array[] = [];
  for (let at = 0; at < chunk.length; ) {
    const end = at + LENGTH_BYTES + ((chunk[at] ?? 0) | ((chunk[at + 1] ?? 0) << 8));
    if (end > chunk.length) {
      const message = `a chunk of ${chunk.length} bytes of recent events ends inside an event`;
      throw new EngineError({ code: "RECORD_TRUNCATED", message, retryable: false });
    }
    events.push(new Uint8Array(chunk.buffer, chunk.byteOffset + at + LENGTH_BYTES, end - at - LENGTH_BYTES));
    at = end;
  }
  return events;
}
