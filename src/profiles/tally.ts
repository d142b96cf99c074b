import type { Control } from "../events/log-entry.ts";

/**
 * Sums of one kind over all shards, in the profile actor's memory. What a shard adds is applied exactly once and in the order
 * of the samples' stream, so that every copy comes to the same bytes.
 */
export interface Tally {
  /** Takes in what one log entry adds. @returns False, and nothing changes, if it can't be read. */
  add(change: unknown): boolean;
  /** Puts a row back as the store has it. */
  restore(key: string, bytes: Uint8Array): void;
  /** Rows that changed since the last call, by keys of 1 to 512 characters; without bytes those that are gone. */
  takeChanges(): readonly (readonly [key: string, bytes: Uint8Array | undefined])[];
  /** The sums as they are published: the same sums give the same bytes. Undefined: there is nothing to publish. */
  release(): Uint8Array | undefined;
}

/** A kind of sums that the profile actor keeps. */
export type TallyKind = Readonly<{
  /** What shards call it, and what its releases are stored under: `<name>.<version>`, and `<name>.current`. */
  name: string;
  /** A tally of nothing. */
  open(): Tally;
  /** The control entry that puts a release in force in every shard; left out for sums that no shard uses. */
  activation?(version: number): Control;
}>;
