/** Texts up to this long are tried as ASCII first. */
const SHORT_CHARS = 64;

/** Writes numbers and texts into bytes, little-endian. It is reused: one grows to the largest record and stays. */
export class ByteWriter {
  #bytes = new Uint8Array(1_024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #encoder = new TextEncoder();

  /** Starts anew. */
  reset(): this {
    this.#length = 0;
    return this;
  }

  /** Bytes written since the last reset. */
  get length(): number {
    return this.#length;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  u8(value: number): void {
    const at = this.#room(1); // First: it may replace the view.
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#room(2); // First: it may replace the view.
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#room(4); // First: it may replace the view.
    this.#view.setUint32(at, value, true);
  }

  f64(value: number): void {
    const at = this.#room(8); // First: it may replace the view.
    this.#view.setFloat64(at, value, true);
  }

  /** UTF-8 with its length in front; at most 65,535 bytes. */
  text(value: string): void {
    const most = value.length * 3;
    const at = this.#room(2 + most);
    if (this.#asciiAt(value, at + 2)) {
      this.#view.setUint16(at, value.length, true);
      this.#length = at + 2 + value.length;
      return;
    }
    const { written } = this.#encoder.encodeInto(value, this.#bytes.subarray(at + 2));
    this.#view.setUint16(at, written, true);
    this.#length = at + 2 + written;
  }

  /** Bytes without their length. */
  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Most texts are short ASCII, and a call of the encoder costs more than they do. @returns Whether it was. */
  #asciiAt(value: string, at: number): boolean {
    if (value.length > SHORT_CHARS) return false;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) return false;
      this.#bytes[at + i] = unit;
    }
    return true;
  }

  #room(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
