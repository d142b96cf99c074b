/** The right to answer and to publish for a unit, for as long as it is held. */
export type Lease = Readonly<{
  /** Grows with each owner of the unit. */
  epoch: number;
  /** Number of the node's session that the lease ends with: tells a thread which deadline counts. */
  session: number;
  /** Whether it is still held, by this node's own monotonic clock: asked before each answer and each publication. */
  isHeld(): boolean;
}>;

/**
 * One node's copy of a unit of work: a shard, or the profile actor. Every copy folds the unit's log into its own
 * store, so all hold the same; the one with the lease answers requests and publishes what follows from the log.
 */
export interface UnitCopy {
  /** Rejects when the copy can't go on; resolves after {@link UnitCopy.stop}. */
  readonly done: Promise<void>;
  /** Answers and publishes from now on, also after {@link UnitCopy.drain}. Resolves once requests are answered. */
  own(lease: Lease): Promise<void>;
  /** Publishes what is committed by now, so that the next owner repeats little, then no more; goes on answering. */
  drain(): Promise<void>;
  /** Stops answering, after the requests under way, and publishing; goes on folding as a standby. */
  rest(): Promise<void>;
  /** Log entries that are not folded yet, by the log's own end. */
  lag(): Promise<number>;
  /** Commits what is folded, and closes. */
  stop(): Promise<void>;
}
