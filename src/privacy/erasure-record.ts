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
  /** Blobs of snapshots that were replaced, for all erasures that were done together. */
  snapshots: number;
}>;

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

export const NOTHING_REMOVED: Removed = {
  contexts: 0,
  events: 0,
  entries: 0,
  samples: 0,
  messages: { log: 0, samples: 0, decisions: 0, deadLetters: 0, transitions: 0 },
  snapshots: 0,
};

/** Of two counts of one erasure, before and after a crash, the greater ones: what was gone by then was counted by the first. */
export function mostRemoved(a: Removed, b: Removed): Removed {
  const streams = Object.keys(a.messages) as (keyof Removed["messages"])[];
  return {
    contexts: Math.max(a.contexts, b.contexts),
    events: Math.max(a.events, b.events),
    entries: Math.max(a.entries, b.entries),
    samples: Math.max(a.samples, b.samples),
    messages: Object.fromEntries(
      streams.map((stream) => [stream, Math.max(a.messages[stream], b.messages[stream])]),
    ) as Removed["messages"],
    snapshots: Math.max(a.snapshots, b.snapshots),
  };
}
