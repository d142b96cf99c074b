import type { ByteReader } from "../kernel/byte-reader.ts";
import type { ByteWriter } from "../kernel/byte-writer.ts";
import { periodOf, type RateTime, stepsAt, stepWorth } from "./rate-time.ts";

/** What a cell counts; all at the time of the impression, so that a click weighs what its impression weighed. */
export type RateKind = "shown" | "clicked" | "purchased";

const KINDS = 3;
const KIND_AT: Readonly<Record<RateKind, number>> = { shown: 0, clicked: 1, purchased: 2 };
/** A bin: its minute, then the kinds. */
const BIN = KINDS + 1;
/** Periods that are kept: what is older weighs less than 2^-16 of what is new. */
const PERIODS_KEPT = 16;

/**
 * The sums of one content in one segment. Whole periods are summed; minutes in which a click may still come lie in bins
 * beside them and do not count, clicked or not: clicks come at once and their absence is known only later, so that rates
 * of what is new would be far too high.
 */
export class RateCell {
  #first = 0;
  /** Three numbers a period, from `#first` on. */
  readonly #sums: number[] = [];
  /** Four numbers a bin, by minute. */
  #young: number[] = [];

  /** @param settled - The last minute whose bins are in the periods' sums. */
  add(kind: RateKind, minute: number, weight: number, settled: number, time: RateTime): void {
    const period = periodOf(minute, time);
    if (period < periodOf(settled, time) - PERIODS_KEPT) return;
    // Rounded without its sign: what is taken back is what was added.
    const steps = Math.sign(weight) * Math.round(Math.abs(weight) * stepsAt(minute, time));
    if (minute <= settled) this.#sums[this.#periodAt(period) + KIND_AT[kind]]! += steps;
    else this.#young[this.#binAt(minute) + 1 + KIND_AT[kind]]! += steps;
  }

  merge(other: RateCell, settled: number, time: RateTime): void {
    for (let at = 0; at < other.#sums.length; at += KINDS) {
      const into = this.#periodAt(other.#first + at / KINDS);
      for (let kind = 0; kind < KINDS; kind++) this.#sums[into + kind]! += other.#sums[at + kind]!;
    }
    for (let at = 0; at < other.#young.length; at += BIN) {
      const into = this.#binAt(other.#young[at]!);
      for (let kind = 1; kind < BIN; kind++) this.#young[into + kind]! += other.#young[at + kind]!;
    }
    this.settle(settled, time);
  }

  /** Takes bins up to a minute into their periods, and forgets periods that weigh nothing any more. */
  settle(settled: number, time: RateTime): void {
    let taken = 0;
    for (; taken < this.#young.length && this.#young[taken]! <= settled; taken += BIN) {
      const into = this.#periodAt(periodOf(this.#young[taken]!, time));
      for (let kind = 0; kind < KINDS; kind++) this.#sums[into + kind]! += this.#young[taken + 1 + kind]!;
    }
    if (taken > 0) this.#young = this.#young.slice(taken);
    const old = Math.min(periodOf(settled, time) - PERIODS_KEPT - this.#first, this.#sums.length / KINDS);
    if (old > 0) {
      this.#sums.splice(0, old * KINDS);
      this.#first += old;
    }
  }

  /**
   * @param out - Gets the decayed sums `[shown, clicked, purchased]`; shape [3].
   * @param mature - The last minute that counts.
   */
  readInto(out: Float64Array, atMs: number, mature: number, time: RateTime): void {
    out.fill(0);
    for (let at = 0; at < this.#sums.length; at += KINDS) {
      const worth = stepWorth(this.#first + at / KINDS, atMs, time);
      for (let kind = 0; kind < KINDS; kind++) out[kind]! += this.#sums[at + kind]! * worth;
    }
    for (let at = 0; at < this.#young.length && this.#young[at]! <= mature; at += BIN) {
      const worth = stepWorth(periodOf(this.#young[at]!, time), atMs, time);
      for (let kind = 0; kind < KINDS; kind++) out[kind]! += this.#young[at + 1 + kind]! * worth;
    }
  }

  get isEmpty(): boolean {
    return (
      this.#sums.every((sum) => sum === 0) && this.#young.every((sum, at) => at % BIN === 0 || sum === 0)
    );
  }

  /** Whether its periods hold anything. */
  get hasSettled(): boolean {
    return this.#sums.some((sum) => sum !== 0);
  }

  /** Equal sums have equal bytes: periods and bins of nothing are left out, and all bins if only what is settled is asked for. */
  encode(writer: ByteWriter, what: "all" | "settled" = "all"): void {
    const isSomething = (from: number, sums: readonly number[]): boolean => {
      for (let kind = 0; kind < KINDS; kind++) if (sums[from + kind] !== 0) return true;
      return false;
    };
    const periods: number[] = [];
    for (let at = 0; at < this.#sums.length; at += KINDS) if (isSomething(at, this.#sums)) periods.push(at);
    writer.u16(periods.length);
    for (const at of periods) {
      writer.u32(this.#first + at / KINDS);
      for (let kind = 0; kind < KINDS; kind++) writer.f64(this.#sums[at + kind]!);
    }
    const bins: number[] = [];
    const youngEnd = what === "all" ? this.#young.length : 0;
    for (let at = 0; at < youngEnd; at += BIN) if (isSomething(at + 1, this.#young)) bins.push(at);
    writer.u32(bins.length);
    for (const at of bins) {
      writer.u32(this.#young[at]!);
      for (let kind = 1; kind < BIN; kind++) writer.f64(this.#young[at + kind]!);
    }
  }

  static decode(reader: ByteReader): RateCell {
    const cell = new RateCell();
    for (let periods = reader.u16(); periods > 0; periods--) {
      const into = cell.#periodAt(reader.u32());
      for (let kind = 0; kind < KINDS; kind++) cell.#sums[into + kind] = reader.f64();
    }
    for (let bins = reader.u32(); bins > 0; bins--) {
      const into = cell.#binAt(reader.u32());
      for (let kind = 1; kind < BIN; kind++) cell.#young[into + kind] = reader.f64();
    }
    return cell;
  }

  /** Where a period's sums are; makes room for it. */
  #periodAt(period: number): number {
    if (this.#sums.length === 0) this.#first = period;
    for (; period < this.#first; this.#first--) this.#sums.unshift(0, 0, 0);
    const at = (period - this.#first) * KINDS;
    while (this.#sums.length <= at) this.#sums.push(0, 0, 0);
    return at;
  }

  /** Where a minute's bin is; makes room for it. Nearly always it is the last one, or behind that. */
  #binAt(minute: number): number {
    let at = this.#young.length;
    while (at > 0 && this.#young[at - BIN]! >= minute) at -= BIN;
    if (this.#young[at] !== minute) this.#young.splice(at, 0, minute, 0, 0, 0);
    return at;
  }
}
