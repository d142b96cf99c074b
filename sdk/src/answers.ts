import type { Position } from "./event.ts";
import type { MapsShape, NameIn, PlacementsShape } from "./maps.ts";

/** Which way a request went: straight to the owner of the user's shard, or over a gateway. */
export type Way = "shard" | "gateway";

export type SegmentScore<Segment extends string = string> = Readonly<{
  segment: Segment;
  /** In [0, 1]; over the segments of an exclusive map and `none` they sum to 1. */
  probability: number;
  /** Centred cosine to the segment's profile, in [-1, 1]. */
  similarity: number;
  /** Whether its threshold is passed, with hysteresis. */
  resonating: boolean;
}>;

/** What an answer was computed with. */
export type Versions = Readonly<{
  encoder: string;
  trained: boolean;
  profiles: Readonly<Record<string, number>>;
  segments: number;
}>;

/** A user's live distribution over the segments of one map. */
export type ScoreOf<Map extends string, Segment extends string> = Readonly<{
  user: string;
  map: Map;
  /** In the order of the map's definition; with `top`, the strongest first. */
  segments: readonly SegmentScore<Segment>[];
  /** Probability of no segment; 0 in an independent map. */
  none: number;
  /** Why the prior is told of somebody of whom something is held. */
  reason?: "consent";
  /** Whether anything is held, and may be used, of this user. */
  known: boolean;
  /** Effective events behind the answer. */
  evidence: number;
  versions: Versions;
  ages: Readonly<{
    contextMs: number | null;
    profilesMs: Readonly<Record<string, number | null>>;
  }>;
  /** What the answer contains. */
  position: Position;
  /** Id of this answer: feedback and explanations refer to it. */
  decision: string;
  /** Why the answer is what it is, if that was asked for: docs/explain.md. */
  explanation?: Readonly<Record<string, unknown>>;
  way: Way;
}>;

export type Score<Maps extends MapsShape = MapsShape, Name extends NameIn<Maps> = NameIn<Maps>> = {
  [Map in Name]: ScoreOf<Map, Maps[Map]>;
}[Name];

/** What to show a user at a placement. */
export type ContentOf<Placement extends string, Content extends string> = Readonly<{
  user: string;
  placement: Placement;
  /** Null if nothing may be shown. */
  content: Content | null;
  reason?: "nothing-eligible" | "consent";
  /** The user's likeliest segment in the placement's map; null if that is none, or not known. */
  segment: string | null;
  /** The policy that chose. */
  arm: string;
  /** The experiment that the user is in at this placement. The engine logs the exposure by itself. */
  experiment?: Readonly<{ name: string; arm: string }>;
  basis: "member" | "resonance" | "context" | "prior" | "popularity";
  /** Probability with which this content is chosen for this user now, in [0, 1]. */
  propensity: number;
  /** To be sent with what is heard of the content. */
  decision: string;
  versions: Readonly<{ content: number; rates: number; profiles: number }>;
  ages: Readonly<{ contextMs: number | null; profilesMs: number | null }>;
  position: Position | null;
}>;

export type Content<
  Placements extends PlacementsShape = PlacementsShape,
  Name extends NameIn<Placements> = NameIn<Placements>,
> = { [Placement in Name]: ContentOf<Placement, Placements[Placement]> }[Name];

/** A user entered or left resonating with a segment. */
export type TransitionOf<Map extends string, Segment extends string> = Readonly<{
  /** A repeat is recognised by it. */
  id: string;
  map: Map;
  segment: Segment;
  user: string;
  kind: "entered" | "left";
  probability: number;
  /** Event time, epoch ms. */
  at: number;
}>;

export type Transition<Maps extends MapsShape = MapsShape, Name extends NameIn<Maps> = NameIn<Maps>> = {
  [Map in Name]: TransitionOf<Map, Maps[Map]>;
}[Name];

/** A visitor of whom nothing is stored, and what they are to carry. */
export type SessionScore<
  Maps extends MapsShape = MapsShape,
  Name extends NameIn<Maps> = NameIn<Maps>,
> = Score<Maps, Name> &
  Readonly<{
    /** Sent with the next request, it goes on from here; left out if none was wanted. */
    token?: string;
    tokenExpires?: number;
    carried?: "nothing" | "all" | "recent" | "outdated";
  }>;

/** Why an answer is what it is: docs/explain.md names the parts of `explanation`. */
export type Explained<Maps extends MapsShape = MapsShape> = Readonly<{
  answer: Omit<Score<Maps>, "way">;
  /** When it was made, epoch ms. */
  atMs: number;
  content?: Readonly<Record<string, unknown>>;
  explanation: Readonly<Record<string, unknown>>;
}>;

/** What is published of a map. */
export type ProfilesOf<Map extends string, Segment extends string> = Readonly<{
  map: Map;
  mode: "exclusive" | "independent";
  /** 0 before the first publication. */
  version: number;
  encoder: string | null;
  ageMs: number | null;
  segments: readonly Readonly<{
    segment: Segment;
    members: number;
    threshold: Readonly<{ enter: number; leave: number }> | null;
    off?: string;
  }>[];
  background: number;
  overlap: readonly Readonly<{ a: Segment; b: Segment; similarity: number }>[];
}> &
  Readonly<Record<string, unknown>>;

export type Profiles<Maps extends MapsShape = MapsShape> = {
  [Map in NameIn<Maps>]: ProfilesOf<Map, Maps[Map]>;
}[NameIn<Maps>];

/** How the deployment is: docs/operations.md. */
export type Status = Readonly<{
  node: string;
  /** Whether every shard has an owner that answers. */
  ready: boolean;
  shards: readonly (Readonly<{ shard: number; ready: boolean; lag: number | null }> &
    Readonly<Record<string, unknown>>)[];
  /** Log entries not folded yet, over all shards. */
  lag: number;
  users: number;
  events: number;
}> &
  Readonly<Record<string, unknown>>;

/** The definitions of segments in force. */
export type Definitions = Readonly<{
  version: number;
  maps: readonly Readonly<{
    name: string;
    mode: "exclusive" | "independent";
    segments: readonly (Readonly<{ name: string }> & Readonly<Record<string, unknown>>)[];
  }>[];
}>;

/** The catalogue of contents in force. */
export type Catalogue = Readonly<{
  version: number;
  placements: readonly (Readonly<{ name: string; map: string }> & Readonly<Record<string, unknown>>)[];
  items: readonly (Readonly<{ id: string; placements: readonly string[] }> &
    Readonly<Record<string, unknown>>)[];
}>;
