import type { Encoder } from "../embedding/encoder.ts";
import { compareIds } from "../kernel/compare-ids.ts";
import type { Context } from "./context.ts";
import { embedContext, embedUnder, rebuildIfStale } from "./embed-context.ts";
import { mayBeMember } from "./may-be-member.ts";
import type { Outcome } from "./outcome.ts";
import { labelsOf, sampleOf } from "./sampling.ts";
import type { ShardState } from "./shard-state.ts";
import type { WarmUp, WarmUpKind } from "./warm-up-state.ts";

/** Begins a warm-up, in the place of another of its kind. Where there is nobody to sample it is done at once. */
export function beginWarmUp(
  shard: ShardState,
  { kind, version, encoder }: Pick<WarmUp, "kind" | "version" | "encoder">,
  since: number,
  outcome: Outcome,
): void {
  endWarmUp(shard, kind);
  const begun = { kind, version, since, encoder, slices: 0, after: "", sampled: 0, done: false };
  shard.warmUps.push(begun);
  if (encoder !== undefined) shard.shadows.begin(encoder);
  if (membersAfter(shard, "", 1).length === 0) finish(shard, begun, outcome);
}

/** Ends the warm-up of a kind, if there is one. */
export function endWarmUp(shard: ShardState, kind: WarmUpKind): void {
  const at = shard.warmUps.findIndex((one) => one.kind === kind);
  if (at >= 0) shard.warmUps.splice(at, 1);
}

/** Samples the next members of a warm-up. A slice that is not the next one is a repeat. */
export function warmUpSlice(
  shard: ShardState,
  entry: Readonly<{ warmUp: WarmUpKind; since: number; slice: number; users: number }>,
  sequence: number,
  outcome: Outcome,
): void {
  const warmUp = shard.warmUps.find(({ kind, since }) => kind === entry.warmUp && since === entry.since);
  if (warmUp === undefined || warmUp.done || warmUp.slices !== entry.slice) return;
  const users = membersAfter(shard, warmUp.after, entry.users);
  let index = 0;
  for (const user of users) {
    const context = shard.contexts.peek(user);
    if (context === undefined) continue;
    if (context.events > 0 && context.isMember && mayBeMember(shard, context)) {
      sampleFor(shard, warmUp.encoder, context, { sequence, index: index++ }, outcome);
      warmUp.sampled++;
    }
    if (!shard.contexts.holds(context)) context.release();
  }
  warmUp.slices++;
  warmUp.after = users.at(-1) ?? warmUp.after;
  if (users.length < entry.users) finish(shard, warmUp, outcome);
}

function finish(shard: ShardState, warmUp: WarmUp, outcome: Outcome): void {
  warmUp.done = true;
  // What members were sampled for may be in force already: then nobody waits for it.
  const isAwaited = warmUp.kind === "encoder" || shard.nextDefinitions !== undefined;
  if (isAwaited) outcome.prepared.push(warmUp.version);
  if (!isAwaited || warmUp.encoder?.version === shard.encoder.version) endWarmUp(shard, warmUp.kind);
}

/** Samples a member who did something under a candidate as well, unless its warm-up has yet to come to them. */
export function sampleForCandidate(
  shard: ShardState,
  context: Context,
  at: Readonly<{ sequence: number; index: number; tsMs: number }>,
  outcome: Outcome,
): void {
  for (const { encoder, done, after } of shard.warmUps) {
    if (encoder === undefined || encoder.version === shard.encoder.version) continue;
    if (!done && compareIds(context.user, after) > 0) continue;
    sampleFor(shard, encoder, context, at, outcome);
  }
}

function sampleFor(
  shard: ShardState,
  encoder: Encoder | undefined,
  context: Context,
  at: Readonly<{ sequence: number; index: number; tsMs?: number }>,
  outcome: Outcome,
): void {
  let embedding: Float32Array;
  if (encoder === undefined) {
    rebuildIfStale(shard, context);
    embedContext(shard, context);
    embedding = shard.scratch.embedding;
  } else embedding = embedUnder(shard, encoder, context);
  const embedded = {
    encoder: encoder?.version ?? shard.encoder.version,
    embedding,
    tsMs: at.tsMs ?? context.lastTsMs,
  };
  outcome.samples.push(sampleOf(context, embedded, labelsOf(shard, context), at));
}

/** The next authenticated users in the order of their ids' bytes, committed or not. */
function membersAfter(shard: ShardState, after: string, limit: number): readonly string[] {
  const stored = shard.source.authenticatedAfter(after === "" ? undefined : after, limit);
  const fresh = [...shard.newlyAuthenticated.keys()].filter((user) => compareIds(user, after) > 0);
  if (fresh.length === 0) return stored;
  return [...new Set([...stored, ...fresh])].sort(compareIds).slice(0, limit);
}
