import type { ReplyValues } from "./reply-writer.ts";

/** Writes a segment's values into its part of a reply, which ends at `end`. */
export type WriteSegment = (values: ReplyValues, segment: number, end: number) => void;

/** What a reply says of each segment, one part behind the other: a template in which the values have fixed places. */
export class SegmentParts {
  readonly #bytes: Uint8Array;
  /** Where each part begins; shape [segments + 1]. */
  readonly #starts: Uint32Array;
  readonly #writeValues: WriteSegment;

  constructor(parts: readonly Uint8Array[], writeValues: WriteSegment) {
    this.#starts = new Uint32Array(parts.length + 1);
    for (const [k, part] of parts.entries()) this.#starts[k + 1] = (this.#starts[k] ?? 0) + part.length;
    this.#bytes = new Uint8Array(this.#starts[parts.length] ?? 0);
    for (const [k, part] of parts.entries()) this.#bytes.set(part, this.#starts[k]);
    this.#writeValues = writeValues;
  }

  /** Bytes of all parts. */
  get length(): number {
    return this.#bytes.length;
  }

  /**
   * Writes the parts of some segments, in the order given, or those of all.
   *
   * @returns Where they end.
   */
  write(values: ReplyValues, segments: readonly number[] | undefined, to: Uint8Array, from: number): number {
    if (segments === undefined) {
      to.set(this.#bytes, from);
      const count = this.#starts.length - 1;
      for (let k = 0; k < count; k++) this.#writeValues(values, k, from + (this.#starts[k + 1] ?? 0));
      return from + this.#bytes.length;
    }
    let at = from;
    for (const k of segments) {
      const part = this.#bytes.subarray(this.#starts[k], this.#starts[k + 1]);
      to.set(part, at);
      at += part.length;
      this.#writeValues(values, k, at);
    }
    return at;
  }
}
