import type { FeatureEvent } from "../features/feature-event.ts";
import { PACKED_BYTES_MAX, packFeatureEventInto } from "../features/pack-feature-event.ts";
import { EngineError } from "../kernel/engine-error.ts";

/** Events of a chunk: the ring is written a chunk at a time, so that an event costs a sixteenth of a row. */
export const CHUNK_EVENTS = 16;
/** Bytes that an event's length takes in front of it. */
const LENGTH_BYTES = 2;
const FIRST_ROOM = 160;
const NO_BYTES = new Uint8Array();

/** The newest events of a user, packed one behind the other, until they fill a chunk of the ring. */
export class RingTail {
  #bytes: Uint8Array = NO_BYTES;
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
    this.#bytes = bytes;
    this.#length = bytes.length;
  }

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(FIRST_ROOM, needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
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
