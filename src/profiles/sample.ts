import type { HashUser } from "../privacy/user-hash.ts";

/** The user of a sample, or a removal, whose user was erased. Nobody else has it. */
export const ERASED_USER = "";

/**
 * A member's embedding on its way from a shard to the profile actor.
 *
 * Its id is (shard, sequence, index): samples of one shard arrive in that order, so whatever is not newer
 * than the last one applied is a repeat.
 */
export type Sample = Readonly<{
  sequence: number;
  index: number;
  /** {@link ERASED_USER} if they were erased: then only its time counts. */
  user: string;
  encoder: string;
  /** Event time, epoch ms: picks the bucket. */
  tsMs: number;
  /** The user's segment in each map; empty for a background user. A map left out means: no longer a member. */
  labels: Readonly<Record<string, string>>;
  /** The embedding on the grid 2^-12, truncated toward zero: int16, little-endian, shape [dim]. */
  vector: Uint8Array;
  /** Length of the vector that was here; only of a user who was erased. */
  dim?: number;
}>;

/**
 * A member who is to be taken out of every profile: all that they contributed, under every encoder and to every map. It is
 * numbered among its shard's samples: those before it are undone, those after it count.
 */
export type Removal = Readonly<{
  sequence: number;
  index: number;
  /** {@link ERASED_USER} if they were erased: then `hash` tells who it was. */
  user: string;
  /** {@link import("../privacy/user-hash.ts").HashUser} of the user. */
  hash?: string;
}>;

/**
 * What one log entry adds to sums over all shards, on its way to the profile actor. Its id is (shard, sequence, index), as a
 * sample's, in an order of its own.
 */
export type TallyChange = Readonly<{
  sequence: number;
  index: number;
  /** Which sums: `rates`, for one. */
  tally: string;
  /** Plain data that the tally reads. */
  change: unknown;
}>;

/** Samples of one commit of one shard: one message. */
export type SampleBatch = Readonly<{
  /** What the shard's outputs are known by: its number, in the first generation of shards. */
  shard: number;
  samples: readonly Sample[];
  /** Members to be taken out, in the order of their numbers, as the samples are. */
  removals?: readonly Removal[];
  /** Encoders whose preparation this shard finished: every member's sample under them was sent before. */
  prepared?: readonly string[];
  tallies?: readonly TallyChange[];
}>;

/** Samples and removals in the order in which they count. */
export function inOrder(
  samples: readonly Sample[],
  removals: readonly Removal[],
): readonly (Sample | Removal)[] {
  if (removals.length === 0) return samples;
  return [...samples, ...removals].sort((a, b) => a.sequence - b.sequence || a.index - b.index);
}

/** Whether it adds something; else it takes a member out. */
export function isSample(one: Sample | Removal): one is Sample {
  return "vector" in one;
}

/** Grid of quantised embeddings (METHODS 1.2c): sums of integers are exact in any order. */
export const GRID = 2 ** -12;

const NO_VECTOR = new Uint8Array();

/**
 * Samples without what is of some users: of a sample its number, encoder, time and length are left, which move marks and windows,
 * of a removal its number and the user's hash.
 *
 * @param isGone - Whether what follows of a user from an entry of the shard's log is to go.
 * @returns With how many samples and removals were theirs; undefined if none.
 */
export function withoutUsers(
  batch: SampleBatch,
  isGone: (user: string, sequence: number) => boolean,
  hashUser: HashUser,
): Readonly<{ batch: SampleBatch; entries: number }> | undefined {
  let entries = 0;
  const isOf = ({ user, sequence }: Sample | Removal): boolean => {
    const isIts = user !== ERASED_USER && isGone(user, sequence);
    if (isIts) entries++;
    return isIts;
  };
  const samples = batch.samples.map((sample) =>
    isOf(sample)
      ? { ...sample, user: ERASED_USER, labels: {}, vector: NO_VECTOR, dim: sample.vector.length / 2 }
      : sample,
  );
  const removals = batch.removals?.map((removal) =>
    isOf(removal) ? { ...removal, user: ERASED_USER, hash: hashUser(removal.user) } : removal,
  );
  if (entries === 0) return undefined;
  return { batch: { ...batch, samples, ...(removals === undefined ? {} : { removals }) }, entries };
}
