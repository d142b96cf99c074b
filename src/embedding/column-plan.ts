import type { FitOptions } from "./fit-options.ts";

/** Which columns a fit affords: their number grows with the segments, and its time with the square of that. */
export type ColumnPlan = Readonly<{
  /** Of the regressions; none are fitted if empty. */
  penalties: readonly number[];
  /** Whether what tokens say is told once more by how new the visitor is. */
  early: boolean;
}>;

/** Segments of all maps up to which a fit has all columns, and up to which it has one regression. */
const ALL_SEGMENTS = 32;
const SOME_SEGMENTS = 256;

/** @param segments - Of all maps together. */
export function columnPlan(segments: number, { penalties }: Pick<FitOptions, "penalties">): ColumnPlan {
  if (segments <= ALL_SEGMENTS) return { penalties, early: true };
  return { penalties: segments <= SOME_SEGMENTS ? penalties.slice(0, 1) : [], early: false };
}
