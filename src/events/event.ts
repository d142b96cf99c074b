/** What a service sends: one thing that a user did, already validated. See docs/events.md for the limits. */
export type Event = Readonly<{
  /** 1 to 128 printable characters; a repeated id inside the dedupe window has no effect. */
  id: string;
  /** 1 to 128 printable characters. */
  user: string;
  /** One of the known types or any other word; see {@link KNOWN_TYPES}. */
  type: string;
  /** Event time in epoch milliseconds. */
  tsMs: number;
  item?: string;
  categories?: readonly string[];
  query?: string;
  text?: string;
  value?: number;
  currency?: string;
  /** The other user of an interaction: whom a message went to, who was followed. */
  peer?: string;
  location?: Readonly<{ lat: number; lon: number }>;
  context?: Readonly<Record<string, string>>;
  traits?: Readonly<Record<string, TraitValue>>;
  /** Labels by map; null takes the user out of that map's segments. */
  segments?: Readonly<Record<string, string | null>>;
  consent?: Readonly<Record<string, boolean>>;
  decision?: string;
}>;

export type TraitValue = string | number | boolean;

/** The types that features know by name. Any other is accepted and hashed. */
export const KNOWN_TYPES = [
  "view",
  "click",
  "search",
  "purchase",
  "add_to_cart",
  "rate",
  "listen",
  "share",
  "like",
  "follow",
  "message",
  "app_open",
  "app_close",
  "checkin",
  "identify",
  "consent",
  "impression",
] as const;
