import { Buffer } from "node:buffer";

/** Bytes of a piece of memory; many replies share one. */
const PIECE_BYTES = 65_536;

/**
 * Room for many short-lived byte strings: they lie one behind the other in pieces of memory, which are not cleared
 * first, and a piece is given back once nobody holds a string in it.
 */
export class ByteArena {
  /** The present piece; another one after {@link open}. */
  bytes = Buffer.alloc(0);
  view = new DataView(this.bytes.buffer, 0, 0);
  #at = 0;

  /** Where a byte string of at most so many bytes begins. */
  open(sizeMaxBytes: number): number {
    if (this.#at + sizeMaxBytes > this.bytes.length) {
      this.bytes = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, sizeMaxBytes));
      this.view = new DataView(this.bytes.buffer);
      this.#at = 0;
    }
    return this.#at;
  }

  /** The byte string that was written from {@link open}'s place up to `end`. */
  close(end: number): Uint8Array {
    const from = this.#at;
    this.#at = end;
    return this.bytes.subarray(from, end);
  }
}
