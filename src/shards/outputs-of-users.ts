import { decodeEntries } from "../events/log-codec.ts";
import type { Subjects } from "../events/subjects.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type { HashUser } from "../privacy/user-hash.ts";
import { type SampleBatch, withoutUsers } from "../profiles/sample.ts";
import type { OutboxItem } from "./context-store.ts";
import type { Leaver, Transition } from "./outcome.ts";
import type { DeadLetter } from "./shard-messages.ts";

const utf8 = new TextDecoder();
const NOTHING = new Uint8Array();

/** Tells whether what followed from an entry of the log is of somebody who was erased behind it. */
export type IsErased = (user: string, sequence: number) => boolean;

/** @param hashUser - Finds those whose erasures' entries tell only a hash by now. */
export function erasedBy(leavers: readonly Leaver[], hashUser: HashUser): IsErased {
  const unnamed = leavers.some(({ user }) => user === undefined);
  return (user, sequence) => {
    const hash = unnamed ? hashUser(user) : "";
    return leavers.some(
      (leaver) => sequence < leaver.sequence && (leaver.user === user || leaver.hash === hash),
    );
  };
}

/**
 * What is to be published, without users who were erased behind the entries that it follows from: of samples what a redacted
 * stream has of them, of transitions and dead letters no bytes, which stands for nothing to publish.
 *
 * @returns The item itself if it holds nothing of them.
 */
export function outputWithout(
  item: OutboxItem,
  isErased: IsErased,
  subjects: Subjects,
  hashUser: HashUser,
): OutboxItem {
  const { data, stream } = item;
  if (data.length === 0) return item;
  if (stream === subjects.samples) {
    const rest = withoutUsers(decode(data) as SampleBatch, isErased, hashUser);
    return rest === undefined ? item : { ...item, data: encode(rest.batch) };
  }
  const isTheirs = usersIn(item, subjects).some(({ user, sequence }) => isErased(user, sequence));
  return isTheirs ? { ...item, data: NOTHING } : item;
}

/** Whom an item is of, each with the entry that it follows from. */
export function usersIn(
  { data, stream }: OutboxItem,
  subjects: Subjects,
): readonly Readonly<{ user: string; sequence: number }>[] {
  if (data.length === 0) return [];
  if (stream === subjects.samples) {
    const { samples, removals = [] } = decode(data) as SampleBatch;
    return [...samples, ...removals];
  }
  if (stream === subjects.transitions) {
    const { id, user } = JSON.parse(utf8.decode(data)) as Transition;
    return [{ user, sequence: Number(id.split(":")[1]) }];
  }
  const { sequence, data: entries } = decode(data) as DeadLetter;
  return usersOfEntries(entries).map((user) => ({ user, sequence }));
}

/** Of an entry that can't be read nobody knows whom it names. */
function usersOfEntries(data: Uint8Array): string[] {
  try {
    return decodeEntries(data).flatMap((entry) =>
      entry.kind !== "behaviour" ? [] : entry.peer === undefined ? [entry.user] : [entry.user, entry.peer],
    );
  } catch {
    return [];
  }
}
