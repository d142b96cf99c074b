/** Every limit on what comes from outside, named once. docs/events.md lists them for senders. */
export const LIMITS = {
  /** UTF-8 bytes of all texts of one event; a number, a truth value or null counts eight. */
  eventBytes: 16_384,
  /** Bytes of a whole request: a full batch of the largest events. */
  requestBytes: 16_777_216,
  /** Events a request. */
  requestEvents: 1_000,
  /** Events in one message of a log, and its bytes once an event more goes into the next: under NATS's 1 MiB. */
  bundleEvents: 64,
  bundleBytes: 65_536,
  /** Users a request. */
  requestUsers: 1_000,
  /** Characters of an id: event, user, item, peer, decision. */
  idChars: 128,
  /** UTF-8 bytes of any other text. */
  textBytes: 1_024,
  /** UTF-8 bytes of a type. */
  typeBytes: 64,
  /** UTF-8 bytes of a currency. */
  currencyBytes: 8,
  categories: 32,
  /** Entries of traits, context, segments or consent. */
  recordEntries: 32,
  /** UTF-8 bytes of a key in those. */
  keyBytes: 64,
  /** Keywords kept of query and text together. */
  keywords: 32,
  /** Nesting of a MessagePack request: more than the deepest segment rule, far less than its decoder's stack bears. */
  depth: 64,
  /** An event time further ahead than this is not skew but a mistake. */
  futureMs: 86_400_000,
  /** An event time ahead by more than this is set to now (METHODS 5.1). */
  skewMs: 5_000,
  /** 1990-01-01: nothing was clicked before. */
  earliestMs: 631_152_000_000,
} as const;
