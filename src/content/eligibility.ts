import type { TraitValue } from "../events/event.ts";
import { passes } from "../resonance/condition.ts";
import type { Content, ImpressionCap } from "./catalogue.ts";

/** Impressions of one content to one user since its cap's time last began. */
export type CapCount = Readonly<{ openedMs: number; impressions: number }>;

/** The count after one more impression: a time that has run out begins anew with it. */
export function countImpression(cap: ImpressionCap, count: CapCount | undefined, atMs: number): CapCount {
  if (count === undefined || atMs >= count.openedMs + cap.perMs) return { openedMs: atMs, impressions: 1 };
  return { openedMs: count.openedMs, impressions: count.impressions + 1 };
}

/** Whether one more impression is allowed. */
export function isUnderCap(cap: ImpressionCap, count: CapCount | undefined, atMs: number): boolean {
  return count === undefined || atMs >= count.openedMs + cap.perMs || count.impressions < cap.impressions;
}

/** Who asks, and when. */
export type Asker = Readonly<{
  traits: ReadonlyMap<string, TraitValue>;
  atMs: number;
  /** Counts of the contents that have a cap, by id. */
  capCounts: ReadonlyMap<string, CapCount>;
}>;

/**
 * Finds what may be shown to a user now.
 *
 * @param contents - Of one placement, as {@link contentsOf} orders them.
 * @param out - Gets their places, ascending; shape [contents] at least.
 * @returns How many there are.
 */
export function eligibleInto(contents: readonly Content[], asker: Asker, out: Uint16Array): number {
  let count = 0;
  for (let at = 0; at < contents.length; at++) if (isEligible(contents[at]!, asker)) out[count++] = at;
  return count;
}

function isEligible({ id, eligible, fromMs, untilMs, cap }: Content, asker: Asker): boolean {
  const { atMs, traits, capCounts } = asker;
  if (fromMs !== undefined && atMs < fromMs) return false;
  if (untilMs !== undefined && atMs >= untilMs) return false;
  if (cap !== undefined && !isUnderCap(cap, capCounts.get(id), atMs)) return false;
  return eligible === undefined || passes(eligible, traits);
}
