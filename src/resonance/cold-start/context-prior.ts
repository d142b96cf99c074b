import type { ArrivalField } from "../../features/arrival.ts";

/** A field that a context prior looks at, behind those before it. */
export type BackOffLevel = Readonly<{
  field: ArrivalField;
  /** What is known without the field counts as so many members: of fewer, the field's own count less. */
  tau: number;
}>;

/** How many nats a context tells of members before any event, each told by the others. */
export type ContextGain = Readonly<{
  members: number;
  /** Mean negative log-likelihood with the context, and by the shares alone. */
  logLoss: number;
  without: number;
}>;

/**
 * What the context of a first visit tells of a user's segment: p(k | context) by back-off. Where the finest cell of the context has
 * few members it is the coarser one's, and that of nobody known is the segments' shares.
 *
 * @see METHODS 2.3.
 */
export type ContextPrior = Readonly<{
  /** Fields in the order of back-off, the coarsest first. */
  levels: readonly BackOffLevel[];
  /**
   * What log p(k | context) - log p(k) is multiplied by: before any event, then by the calibration's bins of history length.
   * In [0, 1], not rising.
   */
  weights: readonly number[];
  gain: ContextGain;
  /** Members by class and cell. A publication leaves them out: they stay where the calibration is stored. */
  counts?: StoredCounts;
}>;

/** Members by cell of a context, as JSON. */
export type StoredCounts = Readonly<{
  /** Members by class: the segments in order; behind them those without one, where they are counted. */
  root: readonly number[];
  /** Of each cell: the cell above it (-1: none), the hash of its field's value, then class and members, in turn. */
  cells: readonly (readonly number[])[];
}>;
