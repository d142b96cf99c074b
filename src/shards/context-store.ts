import type { ErasureReason } from "../events/log-entry.ts";
import type { RingSlot } from "./outcome.ts";
import type { StoredWarmUp } from "./warm-up-state.ts";

/** An erasure that is folded, and not done everywhere. Whom it is of, the log's entry tells as long as it has to be known. */
export type PendingErasure = Readonly<{
  id: string;
  /** Of the user. */
  hash: string;
  /** The place of its entry, and the log's time of it, epoch ms. */
  sequence: number;
  askedMs: number;
  reason: ErasureReason;
  /** Contexts that went with it, 0 or 1, and the acts that they had counted. */
  contexts: number;
  events: number;
}>;

/** Versions in force as of the last committed entry. */
export type ShardMeta = Readonly<{
  /** Sequence of the last entry that the contexts contain; 0 before the first. */
  applied: number;
  /** What the contexts are written by: features and format. */
  schema: string;
  encoder: string;
  /** What contexts call the states that are of it; its version if left out. */
  stateKey?: string;
  /** Place of the last activation of an encoder in the samples' stream; 0 before any. */
  encoderOrder: number;
  /** Map to version of the profiles in force. */
  profiles: Readonly<Record<string, number>>;
  /** Map to the log's time at which they were activated, epoch ms. */
  activatedMs: Readonly<Record<string, number>>;
  segments: number;
  /** Definitions that are to be in force once their profiles are built; left out for none. */
  nextSegments?: number;
  /** Version of the catalogue of contents, and of the rates of their clicks; left out before any. */
  content?: number;
  rates?: number;
  /** Version of the experiments' definitions; left out before any. */
  experiments?: number;
  /** Version of the policy of consent; left out before any. */
  privacy?: number;
  /** Warm-ups under way, or done and waiting for the switch; left out for none. */
  warmUps?: readonly StoredWarmUp[];
  /** Erasures that are not done everywhere, oldest first; left out for none. */
  erasures?: readonly PendingErasure[];
  /** Key of the next outbox item. */
  nextOutbox: number;
}>;

/** What is to be published after its transaction. `key` orders it. */
export type OutboxItem = Readonly<{
  key: number;
  /** The entries that it follows from: those behind `after`, up to `through`. */
  after: number;
  through: number;
  stream: string;
  id: string;
  data: Uint8Array;
  subject?: string;
}>;

/** Everything that one batch changed: it is written in one transaction, or not at all. */
export type ShardCommit = Readonly<{
  contexts: readonly (readonly [user: string, bytes: Uint8Array])[];
  ring: readonly RingSlot[];
  /** Users who became authenticated. */
  authenticated: readonly string[];
  outbox: readonly OutboxItem[];
  /** Keys of outbox items that were published, and go; left out for none. */
  published?: readonly number[];
  /**
   * Users of whom nothing is kept any more: they go first, so that one who came back meanwhile begins anew. With any,
   * the commit before must be done.
   */
  erased?: readonly string[];
  meta: ShardMeta;
}>;

/** Reads that a fold may need; synchronous, since LMDB's are. */
export interface ContextSource {
  load(user: string): Uint8Array | undefined;
  /** Packed events of a user's ring by slot; slots that were never written are left out. */
  loadRing(user: string): readonly (readonly [slot: number, bytes: Uint8Array])[];
  /** Every user of whom a context is held. */
  held(): Iterable<string>;
  /** Every authenticated user, in the order of their ids' bytes. */
  authenticated(): Iterable<string>;
  /** Authenticated users after `after`, in that order. */
  authenticatedAfter(after: string | undefined, limit: number): readonly string[];
}

/** Rows of a store, as {@link ShardCommit} has them. */
export type ContextRows = Omit<ShardCommit, "meta" | "erased" | "published">;

/**
 * A store as it was at one commit, whatever is committed meanwhile. It holds on to that state until it is closed,
 * so it is for seconds.
 */
export interface ContextSnapshot extends ContextSource {
  readonly meta: ShardMeta | undefined;
  /** Every context held, in the order of the users' bytes. */
  contexts(): Iterable<readonly [user: string, bytes: Uint8Array]>;
  isAuthenticated(user: string): boolean;
  outbox(): readonly OutboxItem[];
  users(): number;
  close(): void;
}

/** Fills an empty store. Until it is finished the store counts as empty: opened again, it has none of the rows. */
export interface ContextImport {
  /** Adds rows, or replaces those of the same key; resolves when they are committed. May be called meanwhile. */
  put(rows: ContextRows): Promise<void>;
  /** From here on the rows count. */
  finish(meta: ShardMeta): Promise<void>;
  /** Drops all rows, so that another import may begin. */
  abandon(): Promise<void>;
}

/** Where a shard keeps its contexts. */
export interface ContextStore extends ContextSource {
  meta(): ShardMeta | undefined;
  outbox(): readonly OutboxItem[];
  /** One transaction; resolves when it is committed. Commits are in order. */
  commit(commit: ShardCommit): Promise<void>;
  /** Forgets what was published. */
  removeOutbox(keys: readonly number[]): Promise<void>;
  /** Every context held, in the order of the users' bytes. */
  contexts(): Iterable<readonly [user: string, bytes: Uint8Array]>;
  /** Contexts of users after `after`, at most `limit`, in that order. */
  contextsAfter(
    after: string | undefined,
    limit: number,
  ): readonly (readonly [user: string, bytes: Uint8Array])[];
  /** Number of users held. */
  users(): number;
  /**
   * Leaves no byte of what was removed, or replaced, by the commits that are done: also not in places of a file that
   * nobody reads. Reads go on meanwhile, commits may wait; resolves after snapshots taken before are closed. Everything held is
   * looked through, so it is for many users at once.
   *
   * @throws EngineError `DISK_FULL` (retryable): nothing has changed.
   */
  scrub(): Promise<void>;
  /** The state of the last commit, to be read at leisure. */
  snapshot(): ContextSnapshot;
  /** Only for a store without meta, and with nobody else at it until the import is finished or abandoned. */
  import(): ContextImport;
  close(): Promise<void>;
}
