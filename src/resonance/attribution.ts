import type { Part } from "./explanation.ts";

/** A part of every logit of a map. */
export type Share = Readonly<{
  label: Omit<Part, "value">;
  /** Shape [segments + 1]; "none" is last. */
  values: Float64Array;
}>;

/** Parts of the logits in two groupings; each adds up to them. */
export type Attribution = Readonly<{
  method: "exact" | "ordered";
  bySource: readonly Share[];
  byEvent: readonly Share[];
}>;

/** The events told of those held: the newest. @returns The first of them, as a place among those held. */
export function firstTold(held: number, told: number): number {
  return Math.max(0, held - told);
}

/** A share made of a number a segment. */
export function shareOf(label: Share["label"], count: number, of: (k: number) => number): Share {
  return { label, values: Float64Array.from({ length: count }, (_, k) => of(k)) };
}

/** The sum of some shares, under another label. */
export function sumOf(label: Share["label"], count: number, shares: readonly Share[]): Share {
  return shareOf(label, count, (k) => shares.reduce((sum, { values }) => sum + (values[k] ?? 0), 0));
}
