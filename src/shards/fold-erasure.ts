import type { Control, PositionedEntry } from "../events/log-entry.ts";
import type { Outcome } from "./outcome.ts";
import type { ShardState } from "./shard-state.ts";

type Erasure = Extract<Control, { kind: "erase" }>;

/**
 * Forgets everything that is held of a user, as of this entry: what they do after it is a stranger's. What they contributed
 * to profiles leaves with a removal. The erasure stays pending until an entry says that it is done everywhere.
 */
export function foldErasure(
  shard: ShardState,
  { id, hash, user: named, reason, seen }: Erasure,
  { sequence, loggedAtMs }: PositionedEntry,
  outcome: Outcome,
): void {
  const user = named ?? shard.usersByHash.find(hash);
  const context = user === undefined ? undefined : shard.contexts.find(user);
  // Who came back meanwhile is idle no more, and who is gone already needs no second erasure.
  if (seen !== undefined && (context === undefined || context.lastSequence > seen)) return;
  shard.erasures = [
    ...shard.erasures,
    {
      id,
      hash,
      sequence,
      askedMs: loggedAtMs,
      reason,
      contexts: context === undefined ? 0 : 1,
      events: context?.events ?? 0,
    },
  ];
  // Also who was found by the hash alone: of a restored backup all that is held of them is still there.
  if (user !== undefined) shard.erasing.set(id, user);
  outcome.leavers.push({ sequence, hash, ...(user === undefined ? {} : { user }) });
  if (user === undefined) outcome.removals.push({ sequence, index: 0, user: "", hash });
  else {
    if (context !== undefined) outcome.touched.delete(context);
    eraseUser(shard, user, outcome);
    outcome.removals.push({ sequence, index: 0, user, hash });
  }
}

/** Ends erasures that are done everywhere. */
export function endErasures(shard: ShardState, ids: readonly string[]): void {
  shard.erasures = shard.erasures.filter(({ id }) => !ids.includes(id));
  for (const id of ids) shard.erasing.delete(id);
}

function eraseUser(shard: ShardState, user: string, outcome: Outcome): void {
  const { batch, contexts, newlyAuthenticated, onErased, recent, shadows } = shard;
  for (const tell of onErased) tell(user);
  contexts.erase(user, batch);
  recent.erase(user, batch);
  newlyAuthenticated.delete(user);
  shadows.erase(user);
  // What this batch was to write of them would come behind the erasure.
  keepOnly(outcome.ring, (slot) => slot.user !== user);
  keepOnly(outcome.authenticated, (one) => one !== user);
  outcome.erased.push(user);
}

function keepOnly<T>(list: T[], isKept: (one: T) => boolean): void {
  if (!list.every(isKept)) list.splice(0, list.length, ...list.filter(isKept));
}
