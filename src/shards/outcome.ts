import type { Removal, Sample, TallyChange } from "../profiles/sample.ts";
import type { Context } from "./context.ts";

/** A user entered or left resonating with a segment. */
export type Transition = Readonly<{
  /** `shard:sequence:index`: a repeat is recognised by it. */
  id: string;
  map: string;
  segment: string;
  user: string;
  kind: "entered" | "left";
  probability: number;
  /** Event time, epoch ms. */
  at: number;
}>;

/** A packed event at its place in a user's ring. */
export type RingSlot = Readonly<{ user: string; slot: number; bytes: Uint8Array }>;

/** Somebody who was erased, and where. */
export type Leaver = Readonly<{
  /** Of the erasure's entry in the log. */
  sequence: number;
  /** {@link import("../privacy/user-hash.ts").HashUser} of the user. */
  hash: string;
  /** Left out if the entry tells it no more. */
  user?: string;
}>;

/** What a batch asks the host to commit together with the last applied sequence, and to publish after that. */
export type Outcome = {
  readonly touched: Set<Context>;
  readonly ring: RingSlot[];
  readonly authenticated: string[];
  /** Users of whom everything goes, before anything else is written. */
  readonly erased: string[];
  /** Users of whom nothing is published any more that follows from entries before. */
  readonly leavers: Leaver[];
  readonly transitions: Transition[];
  readonly samples: Sample[];
  /** Users to be taken out of the profiles, numbered among the samples. */
  readonly removals: Removal[];
  /** Encoders whose preparation is complete with this batch. */
  readonly prepared: string[];
  /** What entries add to sums over all shards. */
  readonly tallies: TallyChange[];
};

/** An outcome of nothing. */
export function emptyOutcome(): Outcome {
  return {
    touched: new Set(),
    ring: [],
    authenticated: [],
    erased: [],
    leavers: [],
    transitions: [],
    samples: [],
    removals: [],
    prepared: [],
    tallies: [],
  };
}
