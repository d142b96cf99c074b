import { encode } from "../kernel/msgpack.ts";

/** What the outputs of one generation's shards are known by: `count` keys, from `from` on. */
export type ShardKeys = Readonly<{ from: number; count: number }>;

/**
 * Messages of the samples' stream beside the samples themselves: everything that changes the profile actor's state
 * goes through its log, so that every copy of it comes to the same.
 */
export type ProfileControl =
  /** Definitions that are in force from here on; they are written before the message. */
  | Readonly<{ control: "definitions"; version: number }>
  /**
   * Samples of this encoder are taken, beside those of the one in force, which it replaces once these shards have
   * sampled their members. Older messages do not say which: then those that the node knows.
   */
  | Readonly<{
      control: "prepare";
      encoder: string;
      shards?: ShardKeys;
      /** It does not replace the one in force before it is promoted. */
      hold?: boolean;
    }>
  /** A candidate that is held may serve, as soon as it is prepared. */
  | Readonly<{ control: "promote"; encoder: string }>
  /** A candidate will not serve. */
  | Readonly<{ control: "discard"; encoder: string }>
  /** The encoder that was in force before this one is put in force again. */
  | Readonly<{ control: "rollback"; from: string }>
  /** Profiles for these definitions are built, beside those in force, which they replace once these shards have told of their members. */
  | Readonly<{ control: "definitions-prepared"; version: number; shards: ShardKeys }>
  /** The stored calibrations of this name take the place of those in force, if the encoder is still the same. */
  | Readonly<{ control: "calibrate"; encoder: string; calibration: string }>
  /** The profiles are to be published as they are at this place. */
  | Readonly<{ control: "publish" }>
  /** The sums over all shards are to be published as they are at this place. */
  | Readonly<{ control: "publish-tallies" }>
  /** So late it is by the owner's clock, epoch ms: buckets of private maps that end before that are closed. */
  | Readonly<{ control: "clock"; atMs: number }>
  /**
   * Sums of a closed bucket of a private map, with their noise: whole numbers, a vector's coordinates and then the count's; of the
   * background, whose segment is empty, the count's alone. What comes first of a bucket's segment stays: noise is drawn once.
   */
  | Readonly<{
      control: "noised";
      encoder: string;
      /** The map's key. */
      key: string;
      bucket: number;
      segments: readonly (readonly [segment: string, values: readonly number[]])[];
    }>
  /** A release is carried out: nobody need carry it out again. */
  | Readonly<{ control: "published"; id: string }>;

/** A control message as the stream keeps it. */
export function encodeProfileControl(message: ProfileControl): Uint8Array {
  return encode(message);
}
