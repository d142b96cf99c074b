import { encode } from "../kernel/msgpack.ts";
import type { HashUser } from "../privacy/user-hash.ts";
import { readSampleMessage } from "./read-sample-message.ts";
import { ERASED_USER, type Removal, type Sample } from "./sample.ts";

/** A message of the samples' stream without some users, and how many of its samples and removals were theirs. */
export type RedactedSamples = Readonly<{ data: Uint8Array; entries: number }>;

const NO_VECTOR = new Uint8Array();

/**
 * A message of the samples' stream without what is of some users: of a sample its number, encoder, time and length are left, which
 * move marks and windows, of a removal its number and the user's hash.
 *
 * @param isGone - Whether what a shard, by its outputs' key, has sent of a user as of a sequence is to go.
 * @returns Undefined if it holds nothing of them.
 */
export function redactSamples(
  data: Uint8Array,
  isGone: (user: string, shard: number, sequence: number) => boolean,
  hashUser: HashUser,
): RedactedSamples | undefined {
  const batch = readSampleMessage(data);
  if (batch === undefined || "control" in batch) return undefined;
  const { shard } = batch;
  let entries = 0;
  const isOf = ({ user, sequence }: Sample | Removal): boolean => {
    const isIts = user !== ERASED_USER && isGone(user, shard, sequence);
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
  return { data: encode({ ...batch, samples, ...(removals === undefined ? {} : { removals }) }), entries };
}

/** Ids of all whom a message of the samples' stream names; undefined if it can't be read. */
export function membersIn(data: Uint8Array): Set<string> | undefined {
  const batch = readSampleMessage(data);
  if (batch === undefined) return undefined;
  if ("control" in batch) return new Set();
  const { samples, removals = [] } = batch;
  return new Set([...samples, ...removals].map(({ user }) => user));
}
