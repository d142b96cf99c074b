import type { ShardKeys } from "../events/profile-control.ts";

/** A publication whose steps may not all be carried out yet. */
export type PendingPublication = Readonly<{
  /** Blobs to write: key and bytes. */
  blobs: readonly (readonly [key: string, bytes: Uint8Array])[];
  /** The control entry that every shard's log gets, encoded; left out for what no shard uses. */
  entry?: Uint8Array;
  id: string;
}>;

/** An encoder that was in force, and the event time, epoch ms, up to which it may be put in force again. */
export type PreviousEncoder = Readonly<{
  encoder: string;
  /** Name of the calibrations that it served with; empty for those of its fit. */
  calibration: string;
  untilMs: number;
}>;

/** What the profile actor knows beside the ledgers. */
export type ProfileMeta = Readonly<{
  /** Sequence of the last message of the samples' stream that is applied. */
  applied: number;
  /** Shard to the (sequence, index) of its last sample: what is not newer is a repeat. */
  marks: Readonly<Record<string, readonly [sequence: number, index: number]>>;
  /** The encoder in force; empty before the first sample tells. */
  encoder: string;
  /** Name of the encoder's calibrations in force; left out for those that came with it. */
  calibration?: string;
  /** The encoder whose profiles are being built beside it; empty for none. */
  candidate: string;
  /** Shards that the candidate waits for, by the keys of their outputs; left out if its preparation did not say. */
  candidateShards?: ShardKeys;
  /** Shards that have sampled all their members under the candidate. */
  preparedShards: readonly number[];
  /** Whether the candidate waits to be promoted; left out if it does not. */
  isHeld?: true;
  /** The encoder that was in force before, while it may be put in force again. */
  previous?: PreviousEncoder;
  /** The encoder that the last rollback has turned away from. */
  rolledBackFrom?: string;
  /** Definitions whose profiles are being built beside those in force. */
  next?: Readonly<{ version: number; shards: ShardKeys; prepared: readonly number[] }>;
  /** Map to the last version published. */
  versions: Readonly<Record<string, number>>;
  /** Encoder to the event time of its newest sample, epoch ms. */
  watermarksMs: Readonly<Record<string, number>>;
  /** Encoder to the length of its vectors; left out before the first. */
  dims?: Readonly<Record<string, number>>;
  definitions: number;
  /** How late it is, as the log has told for private maps, epoch ms; left out before. */
  clockMs?: number;
  /** Of the sums over shards; left out before the first change. */
  tallies?: Readonly<{
    /** Shard to the (sequence, index) of its last change. */
    marks: Readonly<Record<string, readonly [sequence: number, index: number]>>;
    /** Name of every kind to the last version published; 0 before the first. */
    versions: Readonly<Record<string, number>>;
    /** Names of those that changed since. */
    dirty: readonly string[];
  }>;
  /** Whether anything changed since the last publication. */
  isDirty: boolean;
  repeats: number;
  dropped: number;
}>;

/** Everything that a batch of samples or a publication changed: one transaction. A missing value is removed. */
export type ProfileCommit = Readonly<{
  members: readonly (readonly [encoder: string, user: string, bytes: Uint8Array | undefined])[];
  sums: readonly (readonly [encoder: string, key: string, bytes: Uint8Array | undefined])[];
  meta: ProfileMeta;
  /** All publications that are not known to be carried out, oldest first; left out if they are as before. */
  pending?: readonly PendingPublication[];
  /** Encoders whose ledgers go, before anything is written. */
  dropEncoders?: readonly string[];
}>;

/** Where the profile actor keeps its ledgers. Reads are synchronous. */
export interface ProfileStore {
  meta(): ProfileMeta | undefined;
  pending(): readonly PendingPublication[];
  member(encoder: string, user: string): Uint8Array | undefined;
  /** Members after `after`, at most `limit`, in an order that does not change. */
  membersAfter(
    encoder: string,
    after: string | undefined,
    limit: number,
  ): readonly (readonly [user: string, bytes: Uint8Array])[];
  sums(encoder: string): Iterable<readonly [key: string, bytes: Uint8Array]>;
  /** One transaction; resolves when it is committed. */
  commit(commit: ProfileCommit): Promise<void>;
  /**
   * Leaves no byte of what was removed, or replaced, by the commits that are done: also not in places of a file that
   * nobody reads. Reads go on meanwhile, commits may wait.
   *
   * @throws EngineError `DISK_FULL` (retryable): nothing has changed.
   */
  scrub(): Promise<void>;
  close(): Promise<void>;
}
