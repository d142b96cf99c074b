import { isUtf8 } from "node:buffer";

/** One line of a file of events. */
export type EventsFileLine =
  /** A JSON object; not validated any further. `line` counts from 1. */
  | Readonly<{ kind: "event"; line: number; value: Readonly<Record<string, unknown>> }>
  | Readonly<{ kind: "bad"; line: number; code: BadLineCode; message: string }>;

/** Why a line is no event. */
export type BadLineCode = "NOT_JSON" | "NOT_AN_OBJECT" | "NOT_UTF8" | "LINE_TOO_LONG";

const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = 0xfeff;

/** Turns chunks of bytes, cut anywhere, into JSON objects, one a line. Blank lines are counted and passed over. */
export class JsonLineSplitter {
  readonly #lineBytesMax: number;
  /** The beginning of a line whose end is in a later chunk. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #line = 0;

  /** @param lineBytesMax - A longer line is reported, not kept: memory stays bounded. */
  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The lines that this chunk completes. */
  *push(chunk: Buffer): Generator<EventsFileLine, void, undefined> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      if (line !== null) yield line;
    }
    this.#hold(chunk.subarray(start));
  }

  /** The last line, if the file does not end with a line break. */
  *end(): Generator<EventsFileLine, void, undefined> {
    const line = this.#heldBytes > 0 ? this.#complete(Buffer.alloc(0)) : null;
    if (line !== null) yield line;
  }

  #hold(part: Buffer): void {
    this.#heldBytes += part.length;
    if (this.#heldBytes > this.#lineBytesMax) this.#held = [];
    else if (part.length > 0) this.#held.push(Buffer.from(part)); // A copy: the chunk's memory may be used again.
  }

  #complete(last: Buffer): EventsFileLine | null {
    this.#line++;
    const sizeBytes = this.#heldBytes + last.length;
    const bytes = this.#held.length === 0 ? last : Buffer.concat([...this.#held, last]);
    this.#held = [];
    this.#heldBytes = 0;
    if (sizeBytes > this.#lineBytesMax) {
      return this.#bad("LINE_TOO_LONG", `${sizeBytes} bytes, ${this.#lineBytesMax} at most`);
    }
    return isUtf8(bytes)
      ? this.#parse(bytes.toString("utf8"))
      : this.#bad("NOT_UTF8", "the bytes are no UTF-8");
  }

  #parse(raw: string): EventsFileLine | null {
    const text = this.#line === 1 && raw.charCodeAt(0) === BYTE_ORDER_MARK ? raw.slice(1) : raw;
    if (text.trim() === "") return null;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      return this.#bad("NOT_JSON", error instanceof Error ? error.message : String(error));
    }
    if (!isRecord(value)) return this.#bad("NOT_AN_OBJECT", "an event is a JSON object");
    return { kind: "event", line: this.#line, value };
  }

  #bad(code: BadLineCode, message: string): EventsFileLine {
    return { kind: "bad", line: this.#line, code, message };
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
