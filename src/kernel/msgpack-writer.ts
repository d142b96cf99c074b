/** Bytes that are handed out piece by piece before others are allocated. */
const CHUNK_BYTES = 65_536;
/** Longer texts are worth a call of the built-in encoder. */
const LOOP_CHARS = 64;
/** A text's header and its characters, at three bytes of UTF-8 each at most. */
const TEXT_ROOM = 5;
const NIL = 0xc0;

/**
 * Packs plain values as MessagePack, for what is packed 100,000 times a second: a general packer copies each message
 * into bytes of its own, which costs as much as the packing. Here messages lie behind each other in chunks, which are
 * given up when they are full and never written to again.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export class MsgpackWriter {
  #bytes = new Uint8Array(CHUNK_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #start = 0;
  #at = 0;
  readonly #encoder = new TextEncoder();

  /** The bytes written since the last call; they stay as they are. */
  finish(): Uint8Array {
    const written = this.#bytes.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return written;
  }

  /** Bytes written since the last {@link finish}. */
  get length(): number {
    return this.#at - this.#start;
  }

  /** Forgets what was written since the last {@link finish}. */
  reset(): void {
    this.#at = this.#start;
  }

  /** A byte that is no MessagePack: a format's version. */
  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  nil(): void {
    this.byte(NIL);
  }

  /** As many values follow as the list has. */
  list(length: number): void {
    this.#room(5);
    this.#head(length, 0x90, 0xdc);
  }

  /** As many keys and values follow in turn as the map has. */
  map(size: number): void {
    this.#room(5);
    this.#head(size, 0x80, 0xde);
  }

  /** Begins a map of fewer than 16 keys that are not counted yet. @returns What {@link endMap} is handed. */
  beginMap(): number {
    this.#room(1);
    return this.#at++ - this.#start;
  }

  /** Ends a map of so many keys; of none, it is nil. */
  endMap(begun: number, size: number): void {
    this.#bytes[this.#start + begun] = size === 0 ? NIL : 0x80 | size;
  }

  /** Begins a list of fewer than 65,536 values that are not counted yet. @returns What {@link endList} is handed. */
  beginList(): number {
    this.#room(3);
    this.#bytes[this.#at] = 0xdc;
    this.#at += 3;
    return this.#at - 2 - this.#start;
  }

  /** Ends a list of so many values. */
  endList(begun: number, length: number): void {
    this.#view.setUint16(this.#start + begun, length);
  }

  text(value: string): void {
    const { length } = value;
    this.#room(TEXT_ROOM + 3 * length);
    if (length > LOOP_CHARS || !this.#isAsciiWritten(value)) this.#longText(value);
  }

  /** An integer in the fewest bytes, else a float of 64 bits. Minus zero becomes zero. */
  number(value: number): void {
    this.#room(9);
    const bytes = this.#bytes;
    if (value >>> 0 === value) {
      if (value < 0x80) bytes[this.#at++] = value;
      else if (value < 0x100) {
        bytes[this.#at++] = 0xcc;
        bytes[this.#at++] = value;
      } else if (value < 0x10000) {
        bytes[this.#at] = 0xcd;
        this.#view.setUint16(this.#at + 1, value);
        this.#at += 3;
      } else {
        bytes[this.#at] = 0xce;
        this.#view.setUint32(this.#at + 1, value);
        this.#at += 5;
      }
      return;
    }
    if ((value | 0) === value) {
      if (value >= -0x20) bytes[this.#at++] = value & 0xff;
      else {
        bytes[this.#at] = 0xd2;
        this.#view.setInt32(this.#at + 1, value);
        this.#at += 5;
      }
      return;
    }
    bytes[this.#at] = 0xcb;
    this.#view.setFloat64(this.#at + 1, value);
    this.#at += 9;
  }

  /** Any plain value: text, number, truth value, null, or a list or record of them. */
  value(value: unknown): void {
    if (typeof value === "string") this.text(value);
    else if (typeof value === "number") this.number(value);
    else if (typeof value === "boolean") this.byte(value ? 0xc3 : 0xc2);
    else if (value === null || value === undefined) this.nil();
    else if (Array.isArray(value)) {
      this.list(value.length);
      for (const one of value) this.value(one);
    } else if (typeof value === "object") {
      const keys = Object.keys(value);
      this.map(keys.length);
      for (const key of keys) {
        this.text(key);
        this.value((value as Readonly<Record<string, unknown>>)[key]);
      }
    } else throw new TypeError(`a ${typeof value} can't be packed`);
  }

  /** @param many - First byte of the form with 16 bits of length; the one with 32 follows it. */
  #head(length: number, few: number, many: number): void {
    if (length < 16) this.#bytes[this.#at++] = few | length;
    else if (length < 0x10000) {
      this.#bytes[this.#at] = many;
      this.#view.setUint16(this.#at + 1, length);
      this.#at += 3;
    } else {
      this.#bytes[this.#at] = many + 1;
      this.#view.setUint32(this.#at + 1, length);
      this.#at += 5;
    }
  }

  /** Writes a short text if it is ASCII. */
  #isAsciiWritten(value: string): boolean {
    const { length } = value;
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start + (length < 32 ? 1 : 2);
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[at++] = code;
    }
    if (length < 32) bytes[start] = 0xa0 | length;
    else {
      bytes[start] = 0xd9;
      bytes[start + 1] = length;
    }
    this.#at = at;
    return true;
  }

  /** The header is chosen by the most bytes that the text may have: its length is known only after it is written. */
  #longText(value: string): void {
    const most = 3 * value.length;
    const head = most < 0x100 ? 2 : most < 0x10000 ? 3 : 5;
    const start = this.#at;
    const { written } = this.#encoder.encodeInto(value, this.#bytes.subarray(start + head));
    if (head === 2) {
      this.#bytes[start] = 0xd9;
      this.#bytes[start + 1] = written;
    } else if (head === 3) {
      this.#bytes[start] = 0xda;
      this.#view.setUint16(start + 1, written);
    } else {
      this.#bytes[start] = 0xdb;
      this.#view.setUint32(start + 1, written);
    }
    this.#at = start + head + written;
  }

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const begun = this.#bytes.subarray(this.#start, this.#at);
    const bytes = new Uint8Array(Math.max(CHUNK_BYTES, 2 * (begun.length + size)));
    bytes.set(begun);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#start = 0;
    this.#at = begun.length;
  }
}
