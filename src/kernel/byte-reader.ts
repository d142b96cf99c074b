import { EngineError } from "./engine-error.ts";

/** Reads what a ByteWriter wrote. The bytes may start anywhere in their buffer: nothing needs alignment. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  readonly #decoder = new TextDecoder();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  text(): string {
    return this.#decoder.decode(this.raw(this.u16()));
  }

  /** A view, valid as long as the bytes are. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A copy that starts its own buffer, so that any typed array may view it. (`slice` of a Buffer does not copy.) */
  copy(length: number): ArrayBuffer {
    return new Uint8Array(this.raw(length)).buffer;
  }

  #take(size: number): number {
    const at = this.#at;
    this.#at += size;
    if (this.#at > this.#bytes.length) {
      const message = `a record of ${this.#bytes.length} bytes ends before its content`;
      throw new EngineError({ code: "RECORD_TRUNCATED", message, retryable: false });
    }
    return at;
  }
}
