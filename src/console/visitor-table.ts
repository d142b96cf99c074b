import type { LatelyReply } from "../resonance/lately-answer.ts";
import { ACTIVE_MS, PLACE_SCALE, type PointsFrame, PROBABILITY_SCALE, VISITORS_MAX } from "./map-frame.ts";

type Row = {
  readonly number: number;
  readonly shard: number;
  x: number;
  y: number;
  segment: number;
  probability: number;
  atMs: number;
  /** The table's change at which it was told last. */
  change: number;
};

/** What one who looks has seen. */
export type Seen = { change: number; readonly shown: Set<number> };

/** One who has seen nothing yet. */
export function nothingSeen(): Seen {
  return { change: 0, shown: new Set() };
}

/**
 * The visitors of a map who have been active lately, with what each of several who look has not seen yet. Visitors are known by
 * numbers, which say nothing of them.
 */
export class VisitorTable {
  /** By user, the most recently active last. */
  readonly #rows = new Map<string, Row>();
  readonly #users = new Map<number, string>();
  #numbers = 0;
  #change = 0;

  get size(): number {
    return this.#rows.size;
  }

  /** Whose number it is, while they are shown. */
  userOf(number: number): string | undefined {
    return this.#users.get(number);
  }

  /** Takes in what a shard tells. */
  take(shard: number, told: LatelyReply): void {
    const change = ++this.#change;
    for (const [i, user] of told.users.entries()) {
      const held = this.#rows.get(user);
      const row = held ?? {
        number: ++this.#numbers,
        shard,
        change,
        ...{ x: 0, y: 0, segment: 0, probability: 0, atMs: 0 },
      };
      row.x = Math.round((told.x[i] ?? 0) * PLACE_SCALE);
      row.y = Math.round((told.y[i] ?? 0) * PLACE_SCALE);
      row.segment = told.segment[i] ?? -1;
      row.probability = Math.round((told.probability[i] ?? 0) * PROBABILITY_SCALE);
      row.atMs = told.atMs[i] ?? 0;
      row.change = change;
      if (held !== undefined)
        this.#rows.delete(user); // To the end, behind all others.
      else this.#users.set(row.number, user);
      this.#rows.set(user, row);
    }
    for (const user of told.hidden) this.#remove(user);
  }

  /** Drops a shard's visitors: what it tells now begins anew. */
  dropShard(shard: number): void {
    for (const [user, row] of this.#rows) if (row.shard === shard) this.#remove(user);
  }

  /** Drops those who have done nothing for long, and beyond the bound those who have done nothing the longest. */
  dropIdle(nowMs: number): void {
    for (const [user, { atMs }] of this.#rows) {
      if (this.#rows.size > VISITORS_MAX || atMs < nowMs - ACTIVE_MS) this.#remove(user);
      else break;
    }
  }

  /** What somebody has not seen yet; it counts as seen once {@link markSeen} is told of it. */
  newsFor(
    seen: Seen,
    nowMs: number,
  ): Pick<PointsFrame, "a" | "active" | "gone" | "n" | "p" | "s" | "x" | "y"> {
    const news = {
      n: [] as number[],
      x: [] as number[],
      y: [] as number[],
      s: [] as number[],
      p: [] as number[],
    };
    const a: number[] = [];
    for (const row of this.#rows.values()) {
      if (row.change <= seen.change) continue;
      news.n.push(row.number);
      news.x.push(row.x);
      news.y.push(row.y);
      news.s.push(row.segment);
      news.p.push(row.probability);
      a.push(Math.max(0, nowMs - row.atMs));
    }
    const gone = [...seen.shown].filter((number) => !this.#users.has(number));
    return { ...news, a, gone, active: this.#rows.size };
  }

  /** The news was sent. */
  markSeen(seen: Seen, { n, gone }: Pick<PointsFrame, "gone" | "n">): void {
    seen.change = this.#change;
    for (const number of n) seen.shown.add(number);
    for (const number of gone) seen.shown.delete(number);
  }

  #remove(user: string): void {
    const row = this.#rows.get(user);
    if (row === undefined) return;
    this.#rows.delete(user);
    this.#users.delete(row.number);
  }
}
