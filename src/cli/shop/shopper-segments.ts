/** What a visitor of the shop does. Each is a known type of event. */
export const ACTIONS = [
  "view",
  "click",
  "search",
  "add_to_cart",
  "purchase",
  "rate",
  "like",
  "share",
] as const;
export type Action = (typeof ACTIONS)[number];

export const REFERRERS = [
  "direct",
  "search-engine",
  "newsletter",
  "social",
  "price-comparison",
  "blog",
] as const;
export const DEVICES = ["phone", "desktop", "tablet"] as const;

/**
 * A hidden kind of shopper. Nothing here sets one apart alone: all do everything, only in other proportions.
 */
export type ShopperSegment = Readonly<{
  name: string;
  /** Of all visitors. */
  share: number;
  sessionsPerDay: number;
  /** Mean number of actions in a session. */
  actionsMean: number;
  /** Median pause between two actions. */
  pauseMedianMs: number;
  /** Weights of the actions, in the order of {@link ACTIONS}. */
  actions: readonly number[];
  /** How much more often than others this segment visits a department; 1 if left out. */
  tastes: Readonly<Record<string, number>>;
  /** Above 0 leans to the dear items of a shelf, below 0 to the cheap ones. */
  priceLean: number;
  /** Words typed beside those of the shelf. */
  words: readonly string[];
  /** Hours of the day (UTC) around which visits gather. */
  peakHours: readonly number[];
  /** Visits on a day of the weekend, relative to a working day. */
  weekend: number;
  /** Weights in the order of {@link REFERRERS}. */
  referrers: readonly number[];
  /** Weights in the order of {@link DEVICES}. */
  devices: readonly number[];
  /** What such a shopper may turn into. */
  becomes: readonly string[];
}>;

/** The shop's segments, the largest first. Shares sum to 1. */
export const SHOPPER_SEGMENTS: readonly ShopperSegment[] = [
  {
    name: "browsers",
    share: 0.34,
    sessionsPerDay: 0.8,
    actionsMean: 13,
    pauseMedianMs: 9_000,
    actions: [60, 22, 6, 2, 0.4, 1, 6, 3],
    tastes: { fashion: 2.8, home: 2.2, beauty: 1.8, electronics: 0.6, tools: 0.3, jewellery: 0.6 },
    priceLean: 0.5,
    words: ["new", "ideas", "trend", "inspiration"],
    peakHours: [20, 13],
    weekend: 1.2,
    referrers: [3, 2, 1, 5, 0.5, 1.5],
    devices: [6, 2, 2],
    becomes: ["bargain-hunters", "gift-shoppers", "researchers"],
  },
  {
    name: "bargain-hunters",
    share: 0.24,
    sessionsPerDay: 1.1,
    actionsMean: 15,
    pauseMedianMs: 14_000,
    actions: [42, 14, 18, 12, 4, 1, 2, 2],
    tastes: { groceries: 2.6, kitchen: 2, toys: 1.5, fashion: 1.2, jewellery: 0.3, garden: 0.7 },
    priceLean: -3,
    words: ["cheap", "sale", "discount", "coupon", "bundle"],
    peakHours: [7, 21],
    weekend: 0.9,
    referrers: [1, 2, 4, 1, 4, 0.5],
    devices: [5, 4, 1],
    becomes: ["loyal-buyers", "browsers"],
  },
  {
    name: "researchers",
    share: 0.18,
    sessionsPerDay: 0.7,
    actionsMean: 18,
    pauseMedianMs: 32_000,
    actions: [50, 16, 20, 3, 1, 2, 1, 1],
    tastes: { electronics: 4, tools: 3.2, sports: 2, books: 1.2, fashion: 0.3, beauty: 0.5 },
    priceLean: 1,
    words: ["review", "compare", "best", "test", "manual"],
    peakHours: [11, 15],
    weekend: 0.6,
    referrers: [1, 6, 0.5, 0.5, 2.5, 3],
    devices: [2, 7, 1],
    becomes: ["loyal-buyers", "bargain-hunters"],
  },
  {
    name: "loyal-buyers",
    share: 0.14,
    sessionsPerDay: 0.9,
    actionsMean: 11,
    pauseMedianMs: 11_000,
    actions: [38, 10, 10, 18, 14, 6, 4, 2],
    tastes: { beauty: 2.6, garden: 2.6, groceries: 2.2, kitchen: 1.4, electronics: 0.6, fashion: 0.7 },
    priceLean: 1.5,
    words: ["refill", "again", "delivery", "subscription"],
    peakHours: [9, 18],
    weekend: 0.9,
    referrers: [6, 1, 4, 0.5, 0.3, 0.3],
    devices: [4, 4, 2],
    becomes: ["browsers", "gift-shoppers"],
  },
  {
    name: "gift-shoppers",
    share: 0.1,
    sessionsPerDay: 0.5,
    actionsMean: 13,
    pauseMedianMs: 18_000,
    actions: [44, 15, 14, 9, 6, 1, 5, 6],
    tastes: { jewellery: 5, toys: 4, books: 2.4, fashion: 0.7, tools: 0.4 },
    priceLean: 0.8,
    words: ["gift", "birthday", "present", "wrapped", "card"],
    peakHours: [12, 19],
    weekend: 1.8,
    referrers: [1.5, 4, 1.5, 3, 0.7, 2],
    devices: [5, 3, 3],
    becomes: ["browsers", "loyal-buyers"],
  },
];
