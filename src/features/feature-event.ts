/**
 * One behaviour as features and encoders see it: numbers only, so that it packs into a few bytes and a fold
 * compares no strings. Hashes are unsigned 32-bit; 0 means "absent" (a real hash of 0 is stored as 1).
 * The arrays are views that may be reused for the next event: a fold reads them and keeps none.
 */
export type FeatureEvent = {
  tsMs: number;
  /** Index into KNOWN_TYPES, or -1 for a type that is not known by name. */
  typeCode: number;
  typeHash: number;
  itemHash: number;
  /** Hashes of the categories, at most 32, in the event's order. */
  categoryHashes: readonly number[];
  /** Hashes of keywords, at most 32. */
  keywordHashes: readonly number[];
  /** In [-1, 1], NaN if absent. */
  sentiment: number;
  /** NaN if absent. */
  value: number;
  peerHash: number;
  /** Whether the peer acted on the user (types that end in `_received`) and not the other way round. */
  inbound: boolean;
  cellHash: number;
  /** Context: hashes of the values of `referrer`, `device`, `campaign`, `country`; 0 if absent. */
  referrerHash: number;
  deviceHash: number;
  campaignHash: number;
  countryHash: number;
  /** Minutes to add to UTC for the user's wall clock; 0 if not known. From `context.utcOffset`. */
  utcOffsetMinutes: number;
};
