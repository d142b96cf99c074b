import { ByteWriter } from "../kernel/byte-writer.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type { Context } from "./context.ts";
import { decodeContext, encodeContext } from "./context-codec.ts";
import type { ContextSource, ShardMeta } from "./context-store.ts";
import { metaOf, type ShardState } from "./shard-state.ts";
import type { UserRows } from "./snapshot-codec.ts";

/** All that a shard holds of one user, and the versions in force: a store of one user, to be folded on or read. */
export type HeldUser = ContextSource &
  Readonly<{
    /** Undefined if nothing is held of the user. */
    user: string | undefined;
    /** Undefined before anything was committed. */
    meta: ShardMeta | undefined;
  }>;

/** Whom to look for among a shard's users. */
export type WantedUser = Readonly<{
  isCandidate(user: string): boolean;
  /** Which of the candidates it is. */
  isIt(context: Context): boolean;
}>;

type Row = Readonly<{ user: string; context: Uint8Array; ring: ReadonlyMap<number, Uint8Array> }>;

/** A user's rows as a source of contexts. */
export function heldUser(row: Row | undefined, meta: ShardMeta | undefined): HeldUser {
  return {
    user: row?.user,
    meta,
    load: (user) => (user === row?.user ? row.context : undefined),
    loadRing: (user) => (row !== undefined && user === row.user ? [...row.ring] : []),
    held: () => (row === undefined ? [] : [row.user]),
    authenticated: () => [], // Nobody is sampled.
    authenticatedAfter: () => [],
  };
}

/** What a log that begins empty begins with. */
export const NOTHING_HELD: HeldUser = heldUser(undefined, undefined);

/** Picks one user's rows out of a snapshot, whose later parts change what earlier ones hold. */
export class HeldRows {
  readonly #wanted: WantedUser;
  readonly #rows = new Map<string, { context: Uint8Array; ring: Map<number, Uint8Array> }>();

  constructor(wanted: WantedUser) {
    this.#wanted = wanted;
  }

  add(users: readonly UserRows[]): void {
    for (const { user, context, ring } of users) {
      if (!this.#wanted.isCandidate(user)) continue;
      const slots = this.#rows.get(user)?.ring ?? new Map<number, Uint8Array>();
      for (const [slot, bytes] of ring) slots.set(slot, bytes.slice());
      this.#rows.set(user, { context: context.slice(), ring: slots });
    }
  }

  finish(meta: ShardMeta | undefined): HeldUser {
    for (const [user, row] of this.#rows)
      if (this.#wanted.isIt(decodeContext(user, row.context))) return heldUser({ user, ...row }, meta);
    return heldUser(undefined, meta);
  }
}

/** What the owner of a shard hands out of one user, as MessagePack: {@link HeldUser} as it is now. */
type Handout = Readonly<{
  user: string;
  meta: ShardMeta;
  /** Null if nothing is held. */
  context: Uint8Array | null;
  ring: readonly (readonly [slot: number, bytes: Uint8Array])[];
}>;

/** All that a shard holds of one user at this moment, as bytes. */
export function handOut(state: ShardState, user: string): Uint8Array {
  const context = state.contexts.peek(user);
  return encode({
    user,
    meta: metaOf(state, 0),
    context: context === undefined ? null : encodeContext(context, new ByteWriter()),
    ring: context === undefined ? [] : [...state.recent.slots(user)],
  } satisfies Handout);
}

/** What {@link handOut} gave. */
export function takeIn(bytes: Uint8Array): HeldUser {
  const { user, meta, context, ring } = decode(bytes) as Handout;
  return heldUser(context === null ? undefined : { user, context, ring: new Map(ring) }, meta);
}
