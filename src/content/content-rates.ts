import { assert } from "../kernel/assert.ts";
import { ByteReader } from "../kernel/byte-reader.ts";
import { ByteWriter } from "../kernel/byte-writer.ts";
import { compareIds } from "../kernel/compare-ids.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { RateCell, type RateKind } from "./rate-cell.ts";
import { lastMatureMinute, minuteOf, RATE_TIME, type RateTime } from "./rate-time.ts";
import type { Responsibilities } from "./responsibilities.ts";

/** One outcome of one impression. */
export type Outcome = Readonly<{
  placement: string;
  content: string;
  /** `clicked` is said of an impression that was `shown` before, at whatever time, and `purchased` of a clicked one. */
  kind: RateKind;
  /** When the content was shown, epoch ms: for all kinds, so that they weigh the same. */
  shownAtMs: number;
  /** The same for all kinds of one impression. */
  who: Responsibilities;
}>;

/** Stands for all users together; no segment has this name. */
export const EVERYBODY = "";

const FORMAT = 1;
/** Before anything is settled. */
const NEVER = 0;

type PlacementSums = { settled: number; readonly contents: Map<string, Map<string, RateCell>> };

/**
 * How often each content of each placement was clicked in each segment: decayed sums. They are whole numbers inside, so
 * that sums of parts (of shards, of batches) can be merged in any order and grouping with the same bytes, and that what
 * was added can be taken back without a trace.
 *
 * What a shard adds up for others and what is in force everywhere are both of this class. It belongs to its owner and
 * changes in place.
 */
export class ContentRates {
  readonly time: RateTime;
  readonly #placements = new Map<string, PlacementSums>();

  constructor(time: RateTime = RATE_TIME) {
    this.time = time;
  }

  /** Counts an outcome, or with `sign` -1 takes it back. Everybody's sum counts it whole, whoever it was. */
  add({ placement, content, kind, shownAtMs, who }: Outcome, sign: 1 | -1 = 1): void {
    const sums = this.#placement(placement);
    const cells = cellsOf(sums, content);
    const minute = minuteOf(shownAtMs);
    cellOf(cells, EVERYBODY).add(kind, minute, sign, sums.settled, this.time);
    for (const [i, segment] of who.segments.entries())
      cellOf(cells, segment).add(kind, minute, sign * who.shares[i]!, sums.settled, this.time);
  }

  /**
   * From now on minutes that are past their time-out are summed with all older ones. It changes no sum that is read at
   * `nowMs` or later: it only saves space.
   */
  settle(placement: string, nowMs: number, timeoutMs: number): void {
    const sums = this.#placements.get(placement);
    const settled = lastMatureMinute(nowMs, timeoutMs);
    if (sums === undefined || settled <= sums.settled) return;
    sums.settled = settled;
    for (const [content, cells] of sums.contents) {
      for (const [segment, cell] of cells) {
        cell.settle(settled, this.time);
        if (cell.isEmpty) cells.delete(segment);
      }
      if (cells.size === 0) sums.contents.delete(content);
    }
  }

  /** Adds what another one has summed, which is left as it was. */
  merge(other: ContentRates): void {
    assert(other.time.halfLifeMinutes === this.time.halfLifeMinutes, "rates that merge forget alike");
    for (const [placement, theirs] of other.#placements) {
      const ours = this.#placement(placement);
      const isLater = theirs.settled > ours.settled;
      ours.settled = Math.max(ours.settled, theirs.settled);
      for (const [content, cells] of theirs.contents) {
        const into = cellsOf(ours, content);
        for (const [segment, cell] of cells) cellOf(into, segment).merge(cell, ours.settled, this.time);
      }
      if (!isLater) continue;
      for (const cells of ours.contents.values())
        for (const cell of cells.values()) cell.settle(ours.settled, this.time);
    }
  }

  /**
   * Reads one cell.
   *
   * @param segment - Or {@link EVERYBODY}.
   * @param out - Gets `[shown, clicked, purchased]`, decayed to `atMs`; shape [3].
   * @param timeoutMs - Impressions that are younger do not count yet, clicked or not.
   */
  readInto(
    out: Float64Array,
    cell: { readonly placement: string; readonly content: string; readonly segment: string },
    atMs: number,
    timeoutMs: number,
  ): void {
    const found = this.#placements.get(cell.placement)?.contents.get(cell.content)?.get(cell.segment);
    if (found === undefined) out.fill(0);
    else found.readInto(out, atMs, lastMatureMinute(atMs, timeoutMs), this.time);
  }

  get isEmpty(): boolean {
    for (const { contents } of this.#placements.values())
      for (const cells of contents.values())
        for (const cell of cells.values()) if (!cell.isEmpty) return false;
    return true;
  }

  /**
   * Equal sums have equal bytes, whatever way they came about.
   *
   * @param what - `settled`: without minutes that are not settled yet, which are most of it and do not count.
   */
  encode(what: "all" | "settled" = "all"): Uint8Array {
    const writer = new ByteWriter();
    writer.u8(FORMAT);
    writer.f64(this.time.halfLifeMinutes);
    const placements = sorted(this.#placements);
    writer.u16(placements.length);
    for (const [name, { settled, contents }] of placements) {
      writer.text(name);
      writer.u32(settled);
      encodeContents(contents, writer, what);
    }
    return writer.finish();
  }

  /** @throws EngineError `RATES_UNREADABLE` or `RECORD_TRUNCATED`. */
  static decode(bytes: Uint8Array): ContentRates {
    const reader = new ByteReader(bytes);
    const format = reader.u8();
    if (format !== FORMAT) {
      const message = `rates of format ${format}; this build reads ${FORMAT}`;
      throw new EngineError({ code: "RATES_UNREADABLE", message, retryable: false });
    }
    const rates = new ContentRates({ halfLifeMinutes: reader.f64() });
    for (let placements = reader.u16(); placements > 0; placements--) {
      const sums = rates.#placement(reader.text());
      sums.settled = reader.u32();
      decodeContents(sums, reader);
    }
    return rates;
  }

  #placement(name: string): PlacementSums {
    return entryOf(this.#placements, name, () => ({ settled: NEVER, contents: new Map() }));
  }
}

/** Names of segments are many times as long as their numbers: they are written once. */
function encodeContents(
  contents: PlacementSums["contents"],
  writer: ByteWriter,
  what: "all" | "settled",
): void {
  const holds = (cell: RateCell): boolean => (what === "all" ? !cell.isEmpty : cell.hasSettled);
  const filled = sorted(contents)
    .map(([content, cells]) => [content, sorted(cells).filter(([, cell]) => holds(cell))] as const)
    .filter(([, cells]) => cells.length > 0);
  const names = [...new Set(filled.flatMap(([, cells]) => cells.map(([segment]) => segment)))].sort(
    compareIds,
  );
  const places = new Map(names.map((name, at) => [name, at]));
  writer.u32(names.length);
  for (const name of names) writer.text(name);
  writer.u32(filled.length);
  for (const [content, cells] of filled) {
    writer.text(content);
    writer.u32(cells.length);
    for (const [segment, cell] of cells) {
      writer.u32(places.get(segment)!);
      cell.encode(writer, what);
    }
  }
}

function decodeContents(sums: PlacementSums, reader: ByteReader): void {
  const names: string[] = [];
  for (let count = reader.u32(); count > 0; count--) names.push(reader.text());
  for (let contents = reader.u32(); contents > 0; contents--) {
    const cells = cellsOf(sums, reader.text());
    for (let count = reader.u32(); count > 0; count--) {
      const name = names[reader.u32()];
      assert(name !== undefined, "a cell is of a segment that is named");
      cells.set(name, RateCell.decode(reader));
    }
  }
}

function cellsOf({ contents }: PlacementSums, content: string): Map<string, RateCell> {
  return entryOf(contents, content, () => new Map());
}

function cellOf(cells: Map<string, RateCell>, segment: string): RateCell {
  return entryOf(cells, segment, () => new RateCell());
}

function entryOf<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const held = map.get(key);
  if (held !== undefined) return held;
  const made = make();
  map.set(key, made);
  return made;
}

function sorted<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
  return [...map].sort(([a], [b]) => compareIds(a, b));
}
