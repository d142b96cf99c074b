import { KNOWN_TYPES } from "./events/event.ts";
import { type ExplainLimits, type ExplainWorld, heldState } from "./explain.ts";
import type { FeatureEvent } from "./features/feature-event.ts";
import type { JourneyEvent, JourneyQuestion, VisitorJourney, VisitorPerson } from "./gateway/visitor-lens.ts";
import { decode } from "./kernel/msgpack.ts";
import { scoreJourney } from "./resonance/journey.ts";
import type { ScoreAnswer } from "./resonance/score-answer.ts";
import { allowedOf, mayBeKnown } from "./shards/allowed-of.ts";
import { explainUser, scoredUser } from "./shards/explain-user.ts";
import { ScoreAnswers } from "./shards/score-answers.ts";
import type { ShardState } from "./shards/shard-state.ts";

/**
 * Tells what a user is answered now, why, and how it came to that, from what their shard handed out.
 *
 * @throws EngineError `UNKNOWN_MAP`, `NO_SEGMENTS`, `RELEASE_MISSING` (retryable).
 */
export async function visitorJourney(
  world: ExplainWorld,
  question: JourneyQuestion,
  { ringEvents }: ExplainLimits,
): Promise<VisitorJourney> {
  const { user, map } = question;
  const state = await heldState(world, question, ringEvents);
  const atMs = world.clock.nowMs();
  const answers = new ScoreAnswers(state, { ...world.clock, nowMs: () => atMs }, world.decisions);
  const answer = decode(answers.score(user, { map }, "application/msgpack")) as ScoreAnswer;
  const { thresholds, flip, events: flipEvents } = explainUser(state, user, { map, segments: [] }, atMs);
  const { context, parts, scored, shiftsAt } = scoredUser(state, user, { map }, atMs);
  const told = scored.events.slice(-question.events);
  const first = context.events - told.length;
  const event = question.done === undefined ? undefined : question.done - first - 1;
  const journey = scoreJourney(parts, scored, {
    events: question.events,
    done: context.events,
    event,
    shiftsAt,
  });
  return {
    answer,
    atMs,
    mode: parts.scorer.mode,
    segments: parts.scorer.segments,
    thresholds,
    flip: { ...flip, told: flipEvents.length },
    counts: { done: context.events, held: scored.events.length, told: told.length },
    events: told.map((one, e) => toldEvent(one, first + e + 1)),
    ...journey,
    person: personOf(state, user),
  };
}

/** What a ring tells of an event: it keeps hashes, not names. */
function toldEvent(event: FeatureEvent, done: number): JourneyEvent {
  const type = KNOWN_TYPES[event.typeCode];
  return {
    done,
    tsMs: event.tsMs,
    ...(type === undefined ? {} : { type }),
    hasItem: event.itemHash !== 0,
    categories: event.categoryHashes.length,
    keywords: event.keywordHashes.length,
    ...(Number.isNaN(event.value) ? {} : { value: event.value }),
  };
}

/** What is known of the user beside their behaviour; undefined if nothing is held. */
function personOf(state: ShardState, user: string): VisitorPerson | null {
  const held = state.contexts.find(user);
  if (held === undefined) return null;
  const allowed = allowedOf(state, held);
  const { consent } = state;
  return {
    isAuthenticated: held.authenticated,
    isProgram: held.pace.isBot,
    mayBeKnown: mayBeKnown(state, held),
    firstTsMs: held.firstTsMs,
    lastTsMs: held.lastTsMs,
    labels: Object.fromEntries(held.labels),
    purposes: consent.purposes.map((purpose) => ({
      purpose,
      isAllowed: (allowed & consent.bitOf(purpose)) !== 0,
      answer: held.consents.get(purpose) ?? null,
    })),
  };
}
