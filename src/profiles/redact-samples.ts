import { encode } from "../kernel/msgpack.ts";
import type { HashUser } from "../privacy/user-hash.ts";
import { readSampleMessage } from "./read-sample-message.ts";
import { withoutUsers } from "./sample.ts";

/** A message of the samples' stream without some users, and how many of its samples and removals were theirs. */
export type RedactedSamples = Readonly<{ data: Uint8Array; entries: number }>;

/**
 * A message of the samples' stream without what is of some users, as {@link withoutUsers} has it.
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
  const rest = withoutUsers(batch, (user, sequence) => isGone(user, shard, sequence), hashUser);
  return rest === undefined ? undefined : { data: encode(rest.batch), entries: rest.entries };
}

/** Ids of all whom a message of the samples' stream names; undefined if it can't be read. */
export function membersIn(data: Uint8Array): Set<string> | undefined {
  const batch = readSampleMessage(data);
  if (batch === undefined) return undefined;
  if ("control" in batch) return new Set();
  const { samples, removals = [] } = batch;
  return new Set([...samples, ...removals].map(({ user }) => user));
}
