/** How far an erasure is: asked for; being carried out; done everywhere that could be reached. */
export type ErasureState = "asked" | "erasing" | "done";

/** What was removed. Counts of messages are those that held the user; what is in them of others stays. */
export type Removed = Readonly<{
  contexts: number;
  /** Acts that the context had counted. */
  events: number;
  /** Of the shard's log. */
  entries: number;
  samples: number;
  /** Messages by stream. `decisions`, `deadLetters` and `transitions` count for all erasures that were done together. */
  messages: Readonly<Record<"log" | "samples" | "decisions" | "deadLetters" | "transitions", number>>;
  /** Blobs of the profile actor's and the shard's snapshots that were replaced, for all erasures that were done together. */
  snapshots: number;
  shardSnapshots: number;
}>;

/** What one step has removed. */
export type PartlyRemoved = Partial<Omit<Removed, "messages">> & {
  readonly messages?: Partial<Removed["messages"]>;
};

/** What is kept of an erasure for ever, and what proves it: nothing in it tells whom it was of. */
export type ErasureRecord = Readonly<{
  erasure: string;
  state: ErasureState;
  reason: "asked" | "idle";
  shard: number;
  /** The place of its entry in the shard's log. */
  sequence: number;
  /** When the log had it, and when it was done, epoch ms. */
  askedMs?: number;
  doneMs?: number;
  removed?: Removed;
  /** Erasures that were carried out together with it, itself included. */
  together?: number;
  /** Whether log and samples were read once more, and held nothing of the user. */
  verified?: boolean;
}>;

/** Where the record of an erasure is stored. */
export function erasureKey(id: string): string {
  return `erasures.${id}`;
}

/**
 * What a backup from before an erasure needs to be restored without the user: kept for ever, as the log keeps the hash until
 * it is trimmed. Noted before the log has the erasure, so that none is missing.
 */
export type ErasedHash = Readonly<{
  erasure: string;
  /** {@link import("./user-hash.ts").HashUser} of the user. */
  hash: string;
  /** Where the user was, of how many. */
  shard: number;
  shards: number;
}>;

export const ERASED_PREFIX = "erased.";

/** Where the hash of an erased user is stored. */
export function erasedKey(erasure: string): string {
  return ERASED_PREFIX + erasure;
}

export const NOTHING_REMOVED: Removed = {
  contexts: 0,
  events: 0,
  entries: 0,
  samples: 0,
  messages: { log: 0, samples: 0, decisions: 0, deadLetters: 0, transitions: 0 },
  snapshots: 0,
  shardSnapshots: 0,
};

/** Counts with those of a step; of two of the same, from before and after a crash, the greater: the first had counted what was gone. */
export function mostRemoved(held: Removed, { messages = {}, ...counts }: PartlyRemoved): Removed {
  return { ...most(held, counts), messages: most(held.messages, messages) };
}

function most<Counts extends Readonly<Record<string, unknown>>>(
  held: Counts,
  more: Readonly<Record<string, number | undefined>>,
): Counts {
  const greater = Object.entries(more).filter(
    ([name, count = 0]) => count > ((held[name] as number | undefined) ?? 0),
  );
  return { ...held, ...Object.fromEntries(greater) };
}

/** Ids of erasures that are done, as erasers tell those who wait. */
export type ErasuresDone = readonly string[];
