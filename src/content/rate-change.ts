import type { Outcome } from "./content-rates.ts";
import { TRUST_GRID } from "./feedback-trust.ts";
import type { RateKind } from "./rate-cell.ts";

/** What sums over shards know rates by, and what their releases are stored under. */
export const RATES_TALLY = "rates";

/** One outcome on its way from a shard to the sums over all of them; an array, since names would be most of it. */
export type RateChange = readonly [
  placement: string,
  content: string,
  kind: RateKind,
  shownAtMs: number,
  /** The placement's: minutes that are younger do not count yet. */
  timeoutMs: number,
  segments: readonly string[],
  shares: readonly number[],
];

/** Losses of a member's ledger, on their way to the same sums: see `feedback-trust.ts`. */
export type TrustChange = Readonly<{ map: string; losses: readonly number[] }>;

/** The losses that were told; undefined for anything else. */
export function readTrustChange(change: unknown): TrustChange | undefined {
  if (typeof change !== "object" || change === null || Array.isArray(change)) return undefined;
  const { map, losses } = change as Partial<Record<keyof TrustChange, unknown>>;
  const isOne =
    typeof map === "string" &&
    isListOf(losses, "number") &&
    losses.length === TRUST_GRID.length &&
    losses.every(Number.isFinite);
  return isOne ? { map, losses: losses as readonly number[] } : undefined;
}

const KINDS: ReadonlySet<unknown> = new Set<RateKind>(["shown", "clicked", "purchased"]);

/** An outcome, to be told. */
export function toRateChange(outcome: Outcome, timeoutMs: number): RateChange {
  const { placement, content, kind, shownAtMs, who } = outcome;
  return [placement, content, kind, shownAtMs, timeoutMs, who.segments, who.shares];
}

/** The outcome that was told; undefined for anything else. */
export function readRateChange(
  change: unknown,
): Readonly<{ outcome: Outcome; timeoutMs: number }> | undefined {
  if (!Array.isArray(change)) return undefined;
  const [placement, content, kind, shownAtMs, timeoutMs, segments, shares] = change as readonly unknown[];
  const isOne =
    typeof placement === "string" &&
    typeof content === "string" &&
    KINDS.has(kind) &&
    Number.isFinite(shownAtMs) &&
    Number.isFinite(timeoutMs) &&
    isListOf(segments, "string") &&
    isListOf(shares, "number") &&
    segments.length === shares.length;
  if (!isOne) return undefined;
  const who = { segments: segments as readonly string[], shares: shares as readonly number[] };
  return {
    outcome: { placement, content, kind: kind as RateKind, shownAtMs: shownAtMs as number, who },
    timeoutMs: timeoutMs as number,
  };
}

function isListOf(value: unknown, type: "string" | "number"): value is readonly unknown[] {
  return Array.isArray(value) && value.every((one) => typeof one === type);
}
