import type { CapCount } from "../content/eligibility.ts";
import { addEvidence, type Evidence, type Ledger } from "../content/ledger.ts";
import type { Responsibilities } from "../content/responsibilities.ts";
import { hash32 } from "../kernel/hash.ts";
import { DAY_MS } from "./pace.ts";

/** A content that the user was shown, as long as something may still be heard of it. */
export type Impression = {
  /** Hashes of its decision's id, 64 bits together. */
  readonly low: number;
  readonly high: number;
  readonly placement: string;
  readonly map: string;
  readonly content: string;
  /** Epoch ms. */
  readonly shownAtMs: number;
  /** After so long without a click it counts as one that is not to come. */
  readonly timeoutMs: number;
  /** Who answered for it when it was shown: what is counted later is counted for the same. */
  readonly who: Responsibilities;
  /** Whether it counts in the rates, and with it what follows: see {@link UserFeedback.mayCount}. */
  readonly isCounted: boolean;
  isClicked: boolean;
  isPurchased: boolean;
  /** What it says of the user that they did not click; undefined if it says nothing, or not any more. */
  unclicked: Evidence | undefined;
  /** The time as of which that was added to the ledger, epoch ms; undefined before. */
  addedAtMs: number | undefined;
};

/** Impressions kept a user: what is heard later of older ones counts as an impression of its own. */
export const IMPRESSIONS_MAX = 12;
/** Contents whose impressions are counted a user; beyond, the counts that began first are forgotten. */
export const CAPS_MAX = 64;

/**
 * Impressions of one user that count in the rates on one day of the log: of all contents, and of one at one placement. Each may be
 * clicked once and bought once, so these bound what one user adds to a rate.
 */
export const COUNTED_A_DAY = 100;
export const COUNTED_OF_A_CONTENT = 10;

/** What feedback has told of a user. It belongs to their context, which changes it in place. */
export class UserFeedback {
  /** In the order in which they were heard of. */
  readonly impressions: Impression[] = [];
  /** By map. */
  readonly ledgers = new Map<string, Ledger>();
  /** Of contents that are capped, by id. */
  readonly capCounts = new Map<string, CapCount>();
  /** The day of the log's time, since 1970, and the impressions that were counted on it, by {@link counterOf}. */
  day = 0;
  readonly counted = new Map<number, number>();

  /** Counts an impression into the day's rates, if there is room for it. @param loggedAtMs - The log's own time. */
  mayCount(placement: string, content: string, loggedAtMs: number): boolean {
    const day = Math.floor(loggedAtMs / DAY_MS);
    if (day > this.day) {
      this.day = day;
      this.counted.clear();
    }
    const counter = counterOf(placement, content);
    const before = this.counted.get(counter) ?? 0;
    let all = 0;
    for (const count of this.counted.values()) all += count;
    if (all >= COUNTED_A_DAY || before >= COUNTED_OF_A_CONTENT) return false;
    this.counted.set(counter, before + 1);
    return true;
  }

  /** The impression of a decision. */
  find(decision: string): Impression | undefined {
    const [low, high] = hashesOf(decision);
    return this.impressions.find((one) => one.low === low && one.high === high);
  }

  /** Keeps an impression. Of too many the oldest goes: it was not clicked, as far as anybody will know. */
  add(impression: Impression): void {
    this.impressions.push(impression);
    while (this.impressions.length > IMPRESSIONS_MAX) {
      const [oldest] = this.impressions.splice(0, 1);
      if (oldest !== undefined) this.#giveUp(oldest, dueMs(oldest));
    }
  }

  /** Adds to the ledgers what the lack of clicks says whose time-out has passed. */
  settle(nowMs: number): void {
    for (const impression of this.impressions)
      if (dueMs(impression) <= nowMs) this.#giveUp(impression, dueMs(impression));
  }

  /** Says of an impression before its time-out that it will not be clicked. */
  dismiss(impression: Impression, atMs: number): void {
    this.#giveUp(impression, atMs);
  }

  /** Takes back that an impression was not clicked, for good. */
  reverse(impression: Impression): void {
    const { unclicked, addedAtMs, map } = impression;
    if (unclicked !== undefined && addedAtMs !== undefined)
      this.ledgers.set(map, addEvidence(this.ledgers.get(map), unclicked, addedAtMs, undefined, -1));
    impression.unclicked = undefined;
    impression.addedAtMs = undefined;
  }

  /** Adds what an outcome says. */
  learn(map: string, evidence: Evidence, atMs: number, sign: 1 | -1 = 1): void {
    this.ledgers.set(map, addEvidence(this.ledgers.get(map), evidence, atMs, undefined, sign));
  }

  /**
   * The ledger of a map as it would be at a time, if nothing were heard until then. Nothing is changed.
   *
   * @returns Undefined if feedback says nothing.
   */
  ledgerAt(map: string, nowMs: number): Ledger | undefined {
    let ledger = this.ledgers.get(map);
    for (const one of this.impressions) {
      const isDue = one.map === map && one.unclicked !== undefined && one.addedAtMs === undefined;
      if (isDue && dueMs(one) <= nowMs && one.unclicked !== undefined)
        ledger = addEvidence(ledger, one.unclicked, dueMs(one));
    }
    return ledger;
  }

  /** Counts an impression of a content that is capped. */
  count(content: string, count: CapCount): void {
    this.capCounts.delete(content); // So that it is the last one.
    this.capCounts.set(content, count);
    for (const oldest of this.capCounts.keys()) {
      if (this.capCounts.size <= CAPS_MAX) break;
      this.capCounts.delete(oldest);
    }
  }

  #giveUp(impression: Impression, atMs: number): void {
    const { unclicked, addedAtMs, map } = impression;
    if (unclicked === undefined || addedAtMs !== undefined) return;
    this.learn(map, unclicked, atMs);
    impression.addedAtMs = atMs;
  }
}

/** When an impression counts as not clicked, epoch ms. */
function dueMs({ shownAtMs, timeoutMs }: Impression): number {
  return shownAtMs + timeoutMs;
}

/** What a decision's id is kept as. */
export function hashesOf(decision: string): readonly [low: number, high: number] {
  return [hash32(decision, 1), hash32(decision, 2)];
}

/** What an impression is counted under. Two contents that share a counter share its room. */
function counterOf(placement: string, content: string): number {
  return hash32(`${placement} ${content}`, 3);
}
