/** A share of a logit, in log odds. */
export type Part = Readonly<{
  /**
   * `prior`, `context` (of the first visit), `feedback` (what impressions and clicks of content say), `intercept` (of the calibration), `center`
   * (the profiles' centre, from which users are seen), `bias` (of the
   * encoder), `family` (of features), `features` (all families), `tokens` (what the newest events named), `history` (what
   * the encoder keeps of all events), `event` (one of those told), `earlier` (all events before those told).
   */
  kind:
    | "prior"
    | "context"
    | "feedback"
    | "intercept"
    | "center"
    | "bias"
    | "family"
    | "features"
    | "tokens"
    | "history"
    | "event"
    | "earlier";
  /** Of a family or a group of tokens. */
  name?: string;
  /** Place among the events told. */
  event?: number;
  value: number;
}>;

/** A number of log odds, taken apart twice: each list adds up to it. */
export type Breakdown = Readonly<{
  value: number;
  bySource: readonly Part[];
  byEvent: readonly Part[];
}>;

/** A segment, or none of them (null), with its share. */
export type Contender = Readonly<{ segment: string | null; probability: number }>;

/** An event as far as the ring of recent events tells. */
export type ToldEvent = Readonly<{
  tsMs: number;
  /** Undefined for a type that is not known by name. */
  type?: string;
}>;

/** What it would have taken to come to another top. */
export type Flip = Readonly<{
  /** Without so many of the newest events another segment would lead; null if no number that is held is enough. */
  newest: Readonly<{ events: number; becomes: string | null }> | null;
  /** Fewer events than that, which need not be the newest: places among those told. Null if none were found. */
  fewest: Readonly<{ events: readonly number[]; becomes: string | null }> | null;
  /** False if older events than those held have a part in it that can't be computed again. */
  isExact: boolean;
}>;

/** How far a segment is from starting, or ceasing, to resonate. */
export type ThresholdDistance = Readonly<{
  segment: string;
  probability: number;
  resonating: boolean;
  /** Null, like what follows, where the segment's threshold is off. */
  enter: number | null;
  leave: number | null;
  minEvidence: number | null;
  /** Log odds to the threshold that would change it, above 0 beyond it. */
  distance: number | null;
}>;

/** Why a user's distribution is what it is. */
export type Explanation = Readonly<{
  map: string;
  /** `exact`: the score is a sum. `ordered`: parts come one after the other, and each counts what it changes. */
  method: "exact" | "ordered";
  top: Contender;
  /** Null in an independent map of one segment: then the lead is that over even odds. */
  runnerUp: Contender | null;
  /** The top's logit minus that of the runner-up. */
  lead: Breakdown;
  /** Logits of the top, the runner-up and the segments asked for. */
  segments: readonly (Contender & Breakdown)[];
  thresholds: readonly ThresholdDistance[];
  /** The newest events, oldest first. */
  events: readonly ToldEvent[];
  /** Events that the user has done, that are held, and that are told. */
  counts: Readonly<{ done: number; held: number; told: number }>;
  flip: Flip;
}>;
