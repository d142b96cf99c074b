/** Every limit on what comes from outside, named once. docs/events.md lists them for senders. */
export const LIMITS = {
  /** UTF-8 bytes of all texts of one event. */
  eventBytes: 16_384,
  /** Events a request. */
  requestEvents: 1_000,
  /** Users a request. */
  requestUsers: 1_000,
  /** Characters of an id: event, user, item, peer, decision. */
  idChars: 128,
  /** Characters of any other text. */
  textChars: 1_024,
  /** Characters of a type. */
  typeChars: 64,
  categories: 32,
  /** Entries of traits, context, segments or consent. */
  recordEntries: 32,
  /** Characters of a key in those. */
  keyChars: 64,
  /** Keywords kept of query and text together. */
  keywords: 32,
  /** Nesting of a MessagePack request. */
  depth: 24,
  /** An event time further ahead than this is not skew but a mistake. */
  futureMs: 86_400_000,
  /** An event time ahead by more than this is set to now (METHODS 5.1). */
  skewMs: 5_000,
  /** 1990-01-01: nothing was clicked before. */
  earliestMs: 631_152_000_000,
} as const;
