/** Types that the engine knows by name; any other word is taken, too. */
export type KnownType =
  | "view"
  | "click"
  | "search"
  | "purchase"
  | "add_to_cart"
  | "rate"
  | "listen"
  | "share"
  | "like"
  | "follow"
  | "message"
  | "app_open"
  | "app_close"
  | "checkin"
  | "identify"
  | "consent"
  | "impression"
  | "dismiss"
  | "prefer";

/** One thing that one user did: docs/events.md has the limits of every field. */
export type ResonanceEvent = Readonly<{
  /** Made if left out. A repeated id of the same user has no effect. */
  id?: string;
  user: string;
  type: KnownType | (string & {});
  /** Epoch ms, ISO 8601 with its zone, or a date; now if left out. */
  ts?: number | string | Date;
  item?: string;
  categories?: readonly string[];
  query?: string;
  text?: string;
  value?: number;
  currency?: string;
  /** The other user of an interaction. */
  peer?: string;
  location?: Readonly<{ lat: number; lon: number }>;
  /** Where the user comes from, and on what. */
  context?: Context;
  traits?: Readonly<Record<string, string | number | boolean>>;
  /** Segment by map; null takes the user out of that map's segments. */
  segments?: Readonly<Record<string, string | null>>;
  consent?: Readonly<Record<string, boolean>>;
  /** Of the answer that this is the feedback of. */
  decision?: string;
}>;

/** How a visitor comes: referrer, user agent, campaign, country, zone. */
export type Context = Readonly<Record<string, string>>;

/** A place in a shard's log. */
export type Position = Readonly<{ shard: number; sequence: number }>;

/** An event that the engine has not stored, and never will as it is. */
export type Refusal = Readonly<{
  /** Its place in the call. */
  index: number;
  id: string;
  code: string;
  message: string;
}>;

/** What became of the events of one call. */
export type Ingested = Readonly<{
  /** The events' ids in their order, also those that were made. */
  ids: readonly string[];
  accepted: number;
  refused: readonly Refusal[];
  /** To be handed to `score` as `atLeast`: the answer then contains these events. */
  positions: readonly Position[];
}>;
