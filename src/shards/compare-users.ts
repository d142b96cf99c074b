import { VersionMismatch } from "../embedding/version-mismatch.ts";
import { sha256Hex } from "../kernel/hash.ts";
import {
  addMatrix,
  countCell,
  countMove,
  type MapMoves,
  NO_SEGMENT,
  newMapMoves,
} from "../resonance/move-counts.ts";
import type { PublishedProfiles } from "../resonance/published-profiles.ts";
import { newScoreBuffer, prepareScorer, type Scorer, scoreEmbedded } from "../resonance/scorer.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import { nextResonating } from "../resonance/thresholds.ts";
import { mayBeKnown } from "./allowed-of.ts";
import type { Context } from "./context.ts";
import type { ContextStore } from "./context-store.ts";
import { embedContext, rebuildIfStale, shadowOf } from "./embed-context.ts";
import { mayBeMember } from "./may-be-member.ts";
import { membershipsOf } from "./sampling.ts";
import type { ShardState } from "./shard-state.ts";

/** Profiles on the wire: centroids as the bytes of float32, little-endian. */
export type WireProfiles = Omit<PublishedProfiles, "profiles"> &
  Readonly<{ profiles: readonly Readonly<{ segment: string; members: number; centroid: Uint8Array }>[] }>;

/** Asks what other profiles would tell of users in memory, on `internal.shard.<n>.compare`, as MessagePack. */
export type CompareRequest = Readonly<{
  /** Profiles of the encoder in force, or of one that is being warmed up. */
  profiles: readonly WireProfiles[];
  /** Of the users in memory each `step`-th one, from the `from`-th on, at most `limit`. */
  from: number;
  step: number;
  limit: number;
  /** Tell users by their ids, instead of digests. */
  named: boolean;
}>;

export type CompareReply = Readonly<{
  /** By map. */
  moves: Readonly<Record<string, MapMoves>>;
  /** Some of those who would move. */
  movers: readonly string[];
  users: number;
  /** The `from` of the following page; absent at the end. */
  next?: number;
  /** Users in memory. */
  resident: number;
}>;

/** Asks who would be a member of what, on `internal.shard.<n>.memberships`, as MessagePack. */
export type MembershipsRequest = Readonly<{ maps: readonly SegmentMap[]; after?: string; limit: number }>;

export type MembershipsReply = Readonly<{
  /** Encoder that the sums are of. */
  encoder: string;
  dim: number;
  members: number;
  /** Map, then segment before, then after, to members; empty for none. */
  matrix: Readonly<Record<string, MapMoves["matrix"]>>;
  /** Map, then segment (empty for none) to the sum of its members' embeddings and their number. */
  sums: Readonly<
    Record<string, Readonly<Record<string, Readonly<{ sum: readonly number[]; count: number }>>>>
  >;
  next?: string;
}>;

/** Users told of a page at most. */
const MOVERS_MAX = 20;
const DIGEST_LETTERS = 12;

/**
 * Compares what is in force with other profiles, for some users in memory. Nothing is changed.
 *
 * @throws {@link VersionMismatch} if profiles are of an encoder that is neither in force nor being warmed up.
 */
export function compareUsers(shard: ShardState, request: CompareRequest): CompareReply {
  const { from, step, limit, named } = request;
  const scorers = request.profiles.map((profiles) => prepareScorer(fromWire(profiles)));
  const users = shard.contexts.users();
  const moves: Record<string, MapMoves> = {};
  const movers: string[] = [];
  let at = from;
  let compared = 0;
  for (; at < users.length && compared < limit; at += step) {
    const context = shard.contexts.resident(users[at] ?? "");
    if (context === undefined || context.events === 0 || !mayBeKnown(shard, context)) continue;
    compared++;
    let isMover = false;
    for (const scorer of scorers) {
      moves[scorer.map] ??= newMapMoves();
      isMover = compareOne(shard, context, scorer, moves[scorer.map]!) || isMover;
    }
    if (isMover && movers.length < MOVERS_MAX)
      movers.push(named ? context.user : sha256Hex(context.user).slice(0, DIGEST_LETTERS));
  }
  const reply = { moves, movers, users: compared, resident: users.length };
  return at < users.length ? { ...reply, next: at } : reply;
}

/** Tells a page of members whose memberships are, and would be, what, with the sums of their embeddings. */
export function compareMemberships(
  shard: ShardState,
  store: ContextStore,
  { maps, after, limit }: MembershipsRequest,
): MembershipsReply {
  const { dim, version: encoder } = shard.encoder;
  const users = store.authenticatedAfter(after, limit);
  const matrix: Record<string, MapMoves["matrix"]> = {};
  const sums: Record<string, Record<string, { sum: number[]; count: number }>> = {};
  let members = 0;
  for (const user of users) {
    const context = shard.contexts.peek(user);
    if (context === undefined || context.events === 0 || !mayBeMember(shard, context)) continue;
    members++;
    const before = membershipsOf(shard.definitions.maps, context);
    const will = membershipsOf(maps, context);
    rebuildIfStale(shard, context);
    embedContext(shard, context);
    for (const { name } of maps) {
      const segment = will[name] ?? NO_SEGMENT;
      const counts: MapMoves["matrix"] = {};
      countCell(counts, before[name] ?? NO_SEGMENT, segment, 1);
      matrix[name] ??= {};
      addMatrix(matrix[name], counts);
      sums[name] ??= {};
      sums[name][segment] ??= { sum: Array.from({ length: dim }, () => 0), count: 0 };
      const held = sums[name][segment];
      for (let i = 0; i < dim; i++) held.sum[i] = (held.sum[i] ?? 0) + (shard.scratch.embedding[i] ?? 0);
      held.count++;
    }
    if (!shard.contexts.holds(context)) context.release();
  }
  const last = users.at(-1);
  const reply = { encoder, dim, members, matrix, sums };
  return users.length < limit || last === undefined ? reply : { ...reply, next: last };
}

function compareOne(shard: ShardState, context: Context, scorer: Scorer, moves: MapMoves): boolean {
  const inForce = shard.scorers.find(({ map }) => map === scorer.map);
  const now = context.resonating.get(scorer.map) ?? NOTHING;
  const before = newScoreBuffer(inForce?.segments.length ?? 0);
  if (inForce !== undefined) {
    rebuildIfStale(shard, context);
    scoreEmbedded(inForce, shard.scratch, embedContext(shard, context), before);
  } else before.probabilities[0] = 1; // A new map: nobody was anything.
  const after = newScoreBuffer(scorer.segments.length);
  const evidence = embedFor(shard, scorer.encoder, context, (embedded, behind) => {
    scoreEmbedded(scorer, embedded, behind, after);
    return behind;
  });
  const resonating = new Set<string>();
  for (const [k, segment] of scorer.segments.entries()) {
    const probability = after.probabilities[k] ?? 0;
    const was = now.has(segment);
    if (nextResonating(was, probability, evidence, scorer.thresholds, k)) resonating.add(segment);
  }
  return countMove(
    moves,
    { segments: inForce?.segments ?? [], probabilities: before.probabilities, resonating: now },
    { segments: scorer.segments, probabilities: after.probabilities, resonating },
  );
}

const NOTHING: ReadonlySet<string> = new Set<string>();

/** Embeds a context under the encoder in force, or one that is being warmed up. */
function embedFor<Result>(
  shard: ShardState,
  version: string,
  context: Context,
  act: (embedded: { embedding: Float32Array; embeddedBy: string }, evidence: number) => Result,
): Result {
  if (version === shard.encoder.version) {
    rebuildIfStale(shard, context);
    return act(shard.scratch, embedContext(shard, context));
  }
  const candidate = shard.warmUps.find(({ encoder }) => encoder?.version === version)?.encoder;
  if (candidate === undefined)
    throw new VersionMismatch({ expected: shard.encoder.version, actual: version });
  const state = shadowOf(shard, candidate, context);
  shard.features.readSparse(context, context.lastTsMs, shard.scratch.features);
  const embedding = new Float32Array(candidate.dim);
  candidate.embed(state, 0, shard.scratch.features, context.lastTsMs, embedding);
  return act({ embedding, embeddedBy: version }, candidate.evidence(state, 0, context.lastTsMs));
}

function fromWire(wire: WireProfiles): PublishedProfiles {
  return {
    ...wire,
    profiles: wire.profiles.map(({ segment, members, centroid }) => {
      const bytes = centroid.slice();
      return { segment, members, centroid: new Float32Array(bytes.buffer, 0, bytes.length / 4) };
    }),
  };
}
