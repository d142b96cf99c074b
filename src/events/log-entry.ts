import type { TraitValue } from "./event.ts";

/** What an event's decision had chosen, as its id tells: named by the gateway, which knows the catalogue that it was of. */
export type Feedback = Readonly<{
  placement: string;
  /** The map whose distribution decided. */
  map: string;
  content: string;
  /** When it was chosen, epoch ms. */
  chosenMs: number;
  /** Probability with which it was. */
  propensity: number;
}>;

/**
 * That a user is served something for the first time in which an experiment's arms differ. The shard's owner puts it
 * into the log; its decision is the one that was answered.
 */
export type ExposureFact = Readonly<{
  experiment: string;
  /** Place of the arm that was served. */
  arm: number;
  /** What the user was assigned by, and the number in [0, 1) that it was hashed to. */
  hashKey: string;
  bucket: number;
  /** What each arm would have chosen. */
  contents: readonly string[];
  /** Probability with which the one that was served was chosen. */
  propensity: number;
}>;

/**
 * An event as the log keeps it: text and query are already reduced to keyword hashes and a sentiment, the
 * location to a coarse cell, and what the user did not consent to is gone.
 */
export type Behaviour = Readonly<{
  kind: "behaviour";
  id: string;
  user: string;
  type: string;
  /** Event time in epoch milliseconds, never later than the gateway's time plus the allowed skew. */
  tsMs: number;
  item?: string;
  categories?: readonly string[];
  /** Up to 32 unsigned 32-bit hashes of the words of query and text. */
  keywords?: readonly number[];
  /** In [-1, 1]. */
  sentiment?: number;
  value?: number;
  currency?: string;
  peer?: string;
  /** A coarse geohash of 4 characters, about 20 by 40 km. */
  cell?: string;
  context?: Readonly<Record<string, string>>;
  traits?: Readonly<Record<string, TraitValue>>;
  segments?: Readonly<Record<string, string | null>>;
  consent?: Readonly<Record<string, boolean>>;
  decision?: string;
  /** Of a decision that chose content. */
  feedback?: Feedback;
  /** Of nothing that the user did: see {@link ExposureFact}. */
  exposure?: ExposureFact;
}>;

/** Messages to every shard that change how its contexts are read. Versions only ever grow inside a log. */
export type Control =
  /** Start sampling members under a new encoder, beside the one in force, so that its profiles can be built. */
  | Readonly<{ kind: "encoder-prepared"; encoder: string }>
  /** Switch to an encoder, with profiles built under it (map to version). */
  | Readonly<{
      kind: "encoder-activated";
      encoder: string;
      profiles: Readonly<Record<string, number>>;
      /** Place in the samples' stream at which the switch was decided: a repeat that comes late is not newer. */
      order: number;
    }>
  | Readonly<{ kind: "profiles-activated"; map: string; version: number; encoder: string }>
  /** A candidate will not serve: members are not sampled under it any more. */
  | Readonly<{ kind: "encoder-discarded"; encoder: string; order: number }>
  /** Start telling the members' segments under definitions that are to follow those in force. */
  | Readonly<{ kind: "segments-prepared"; version: number }>
  | Readonly<{
      kind: "segments-activated";
      version: number;
      /** Map to version of profiles that were built for them, and the encoder that these are of. */
      profiles?: Readonly<Record<string, number>>;
      encoder?: string;
    }>
  /** Choose from this catalogue of contents. */
  | Readonly<{ kind: "content-activated"; version: number }>
  /** Choose, and judge feedback, by these rates. */
  | Readonly<{ kind: "rates-activated"; version: number }>
  /** These experiments run, and no others. */
  | Readonly<{ kind: "experiments-activated"; version: number }>
  /** Keep and use of users' data what this policy of consent allows. */
  | Readonly<{ kind: "policy-activated"; version: number }>
  /**
   * Samples the next members of a warm-up: of the one of that kind that the entry `since` began, if `slice` of its slices
   * were done before. The shard's owner appends these, one after the other.
   */
  | Readonly<{
      kind: "warm-up-continued";
      warmUp: "encoder" | "segments";
      since: number;
      slice: number;
      /** Members at most. */
      users: number;
    }>;

export type LogEntry = Behaviour | Control;

/** An entry at its place in a shard's log. */
export type PositionedEntry = Readonly<{
  /** The stream's sequence, from 1. */
  sequence: number;
  /** Its place among the entries of one message, from 0: those that came in one request lie together. */
  place?: number;
  /** The log's own timestamp in epoch milliseconds. */
  loggedAtMs: number;
  entry: LogEntry;
}>;

/** A place in one shard's log. */
export type Position = Readonly<{ shard: number; sequence: number }>;
