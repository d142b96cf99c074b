import type { Arrival } from "../features/arrival.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { Share } from "../resonance/attribution.ts";
import { explainScore } from "../resonance/explain-score.ts";
import type { Explanation } from "../resonance/explanation.ts";
import type { ScoredUser, ScoringParts } from "../resonance/rescore.ts";
import { noSegments } from "../resonance/score-request.ts";
import type { Scorer } from "../resonance/scorer.ts";
import { allowedOf, mayBeKnown } from "./allowed-of.ts";
import { arrivalOf } from "./arrival-of.ts";
import { Context } from "./context.ts";
import { rebuildIfStale } from "./embed-context.ts";
import { shiftsOf } from "./log-offsets.ts";
import type { ShardState } from "./shard-state.ts";

/**
 * Explains what a shard answers of a user in one map.
 *
 * @param asked - `arrival`: how they come, as the request tells.
 * @param nowMs - When it is, or was, answered: feedback fades.
 * @param user - Undefined for somebody of whom nothing is held: they get the prior.
 * @throws EngineError `UNKNOWN_MAP`, `UNKNOWN_SEGMENT`, `NO_SEGMENTS`.
 */
export function explainUser(
  state: ShardState,
  user: string | undefined,
  asked: AskedOfUser & Readonly<{ segments: readonly string[] }>,
  nowMs: number,
): Explanation {
  const { context, parts, scored } = scoredUser(state, user, asked, nowMs);
  const unknown = asked.segments.find((segment) => !parts.scorer.segments.includes(segment));
  if (unknown !== undefined) throw unknownSegment(parts.scorer);
  return explainScore(parts, scored, {
    segments: asked.segments,
    resonating: context.resonating.get(asked.map) ?? new Set(),
    done: context.events,
  });
}

/** In which map, and how they come, as the request tells. */
type AskedOfUser = Readonly<{ map: string; arrival?: Arrival | undefined }>;

/**
 * A user as their score is computed from them.
 *
 * @param nowMs - When it is answered.
 * @param user - As {@link explainUser} takes it.
 * @throws EngineError `UNKNOWN_MAP`, `NO_SEGMENTS`.
 */
export function scoredUser(
  state: ShardState,
  user: string | undefined,
  asked: AskedOfUser,
  nowMs: number,
): Readonly<{
  /** Of nothing for somebody of whom nothing is held, or may be used. */
  context: Context;
  parts: ScoringParts;
  scored: ScoredUser;
  /** What the log prior differs by from everybody's, with so many effective events. */
  shiftsAt(evidence: number): readonly Share[];
}> {
  const { encoder, features: schema } = state;
  const scorer = scorerOf(state, asked.map);
  const found = user === undefined ? undefined : state.contexts.find(user);
  const held = found !== undefined && mayBeKnown(state, found) ? found : undefined;
  if (held !== undefined) rebuildIfStale(state, held);
  const context = held ?? new Context("", encoder.slots, encoder.version);
  const events = state.recent.events(context);
  const restrictions = state.consent.restrictions(allowedOf(state, context));
  const atMs = context.lastTsMs;
  const map = state.scorers.indexOf(scorer);
  const arrival = arrivalOf(context, asked.arrival);
  const shiftsAt = (evidence: number) => shiftsOf(state, context, map, { nowMs, evidence }, arrival);
  const shifts = shiftsAt(encoder.evidence(context.slab, 0, atMs));
  const scored = {
    held: context,
    events,
    isWhole: context.events <= events.length && restrictions.isByInputs,
    atMs,
    ...(shifts.length === 0 ? {} : { shifts }),
  };
  return { context, parts: { encoder, schema, scorer }, scored, shiftsAt };
}

function scorerOf({ scorers }: ShardState, map: string): Scorer {
  const scorer = scorers.find((one) => one.map === map);
  if (scorer !== undefined) return scorer;
  if (scorers.length === 0) throw noSegments();
  const message = `no such map is defined: ${scorers.map((one) => one.map).join(", ")}`;
  throw new EngineError({ code: "UNKNOWN_MAP", message, retryable: false });
}

function unknownSegment({ segments }: Scorer): EngineError {
  const message = `the map has no such segment: ${segments.join(", ")}`;
  return new EngineError({ code: "UNKNOWN_SEGMENT", message, retryable: false });
}
