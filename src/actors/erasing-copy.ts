import type { UnitCopy } from "./unit-copy.ts";

/** What a copy tells of users that it was made to forget. */
export type ErasingView = Readonly<{
  /** The newest place of its log at which it forgot somebody, since it was opened; 0 for none. */
  erasedThrough(): number;
  /** Whether its store holds what the log makes of it up to a place, and nothing that is still to be published of that. */
  isSettled(sequence: number): boolean;
}>;

/** A copy that forgets users. */
export interface ErasingCopy<View extends ErasingView = ErasingView> extends UnitCopy {
  readonly erasing: View;
}
