import { EngineError } from "../kernel/engine-error.ts";
import { newScoreBuffer, scoreEmbedded } from "../resonance/scorer.ts";
import { MoveCounter, NO_MOVES } from "../resonance/threshold-moves.ts";
import type { StandingReply, StandingRequest } from "../resonance/user-standing.ts";
import { mayBeKnown } from "./allowed-of.ts";
import { embedContext, rebuildIfStale } from "./embed-context.ts";
import { offsetsOf } from "./log-offsets.ts";
import type { ShardState } from "./shard-state.ts";

/**
 * Tells how some users in memory stand to the segments of a map. Nothing is changed.
 *
 * @param nowMs - Feedback fades until then.
 * @throws EngineError `UNKNOWN_MAP`.
 */
export function standingPage(shard: ShardState, request: StandingRequest, nowMs: number): StandingReply {
  const { map, segment, activeMs, from, step, limit } = request;
  const m = shard.scorers.findIndex((scorer) => scorer.map === map);
  const scorer = shard.scorers[m];
  if (scorer === undefined) throw unknownMap();
  const users = shard.contexts.users();
  const newestMs = newestOf(shard);
  const place = segment === undefined ? -1 : scorer.segments.indexOf(segment);
  const resonating = scorer.segments.map(() => 0);
  const scores = newScoreBuffer(scorer.segments.length);
  const counter = new MoveCounter();
  let seen = 0;
  let at = from;
  for (; at < users.length && seen < limit; at += step) {
    const context = shard.contexts.resident(users[at] ?? "");
    if (context === undefined || context.events === 0 || context.lastTsMs < newestMs - activeMs) continue;
    if (context.pace.isBot || !mayBeKnown(shard, context)) continue;
    seen++;
    const held = context.resonating.get(map);
    for (const [k, name] of scorer.segments.entries()) if (held?.has(name) === true) resonating[k]! += 1;
    if (place < 0) continue;
    rebuildIfStale(shard, context);
    const evidence = embedContext(shard, context);
    const offsets = offsetsOf(shard, context, m, { nowMs, evidence });
    scoreEmbedded(scorer, shard.scratch, evidence, scores, offsets);
    const isOn = held?.has(segment ?? "") === true;
    counter.add(scores.probabilities[place]!, isOn, evidence >= scorer.thresholds.minEvidence[place]!);
  }
  const moves = place < 0 ? NO_MOVES : counter.moves();
  const reply = { users: seen, resonating, moves, resident: users.length, segments: scorer.segments };
  return at < users.length ? { ...reply, next: at } : reply;
}

/** Event time of the newest event in memory, epoch ms: what is lately is told by events, since logs may be replayed. */
function newestOf(shard: ShardState): number {
  let newestMs = 0;
  for (const { lastTsMs } of shard.contexts.values()) newestMs = Math.max(newestMs, lastTsMs);
  return newestMs;
}

function unknownMap(): EngineError<"UNKNOWN_MAP"> {
  const message = "no such map is in force in this shard";
  return new EngineError({ code: "UNKNOWN_MAP", message, retryable: true });
}
