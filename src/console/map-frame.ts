/** What the page is sent of a map's picture when its profiles have changed, as the event `plane`. */
export type PlaneFrame = Readonly<{
  map: string;
  mode: "exclusive" | "independent";
  /** Of the profiles; 0 before any are published: then there is no picture yet. */
  version: number;
  segments: readonly Readonly<{
    segment: string;
    members: number;
    /** In [-1, 1]; null without members. */
    place: readonly [x: number, y: number] | null;
  }>[];
  /** Share of what sets the segments apart that the plane shows, in [0, 1]. */
  shown: number;
}>;

/** What has changed of the visitors since the frame before, as the event `points`: a row a visitor, in columns. */
export type PointsFrame = Readonly<{
  /** The node's time, epoch ms. */
  atMs: number;
  /** Numbers of visitors: only this node knows whose they are, and only while they are shown. */
  n: readonly number[];
  /** Places, in ten-thousandths. */
  x: readonly number[];
  y: readonly number[];
  /** Index of the strongest segment; -1 where "none" is stronger. */
  s: readonly number[];
  /** Its probability, or that of "none", in thousandths. */
  p: readonly number[];
  /** Milliseconds since their newest event. */
  a: readonly number[];
  /** Visitors who are not shown any more. */
  gone: readonly number[];
  /** Visitors shown now. */
  active: number;
  /** Events a second that the shards fold; null until it is known. */
  eventsPerSecond: number | null;
  /** Shards that did not answer in time: their visitors stand still. */
  silentShards: number;
  shards: number;
}>;

/** Places are sent as whole numbers of this size, probabilities of the other. */
export const PLACE_SCALE = 10_000;
export const PROBABILITY_SCALE = 1_000;
/** Visitors without an event for so long are not shown. */
export const ACTIVE_MS = 120_000;
/** Visitors shown at most: those who were active most recently. */
export const VISITORS_MAX = 5_000;
