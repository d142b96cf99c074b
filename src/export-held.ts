import { untrainedEncoder } from "./embedding/untrained-encoder.ts";
import { type ExplainWorld, putInForce } from "./explain.ts";
import { FEATURES } from "./features/all-families.ts";
import { ARRIVAL_FIELDS } from "./features/arrival.ts";
import type { ExportLine } from "./gateway/gateway-ports.ts";
import { decode } from "./kernel/msgpack.ts";
import type { ScoreAnswer } from "./resonance/score-answer.ts";
import { embedContext, rebuildIfStale } from "./shards/embed-context.ts";
import { takeIn } from "./shards/held-user.ts";
import { ScoreAnswers } from "./shards/score-answers.ts";
import { newShardState } from "./shards/shard-state.ts";

/**
 * What a shard holds of a user, in words: one line of who they are and how they behave, one of what they resonate with in
 * each map, and one for each of the newest events that are kept for another encoder.
 *
 * @param given - `held`: what the shard handed out.
 */
export async function describeHeld(
  { clock, decisions, releases, subjects }: ExplainWorld,
  given: Readonly<{ user: string; shard: number; held: Uint8Array }>,
  ringEvents: number,
): Promise<ExportLine[]> {
  const held = takeIn(given.held);
  const { user, meta } = held;
  if (user === undefined || meta === undefined) return [];
  const state = newShardState({
    shard: given.shard,
    key: subjects.outputKey(given.shard),
    features: FEATURES,
    encoder: untrainedEncoder(FEATURES),
    source: held,
    residentUsers: 1,
    ringEvents,
  });
  await putInForce(state, meta, releases);
  const context = state.contexts.find(user);
  if (context === undefined) return [];
  rebuildIfStale(state, context);
  const evidence = embedContext(state, context);
  const { scratch, encoder, scorers } = state;
  const line = {
    kind: "context",
    user,
    ...{ authenticated: context.authenticated, events: context.events, evidence, encoder: encoder.version },
    ...{ firstTsMs: context.firstTsMs, lastTsMs: context.lastTsMs, lastSequence: context.lastSequence },
    labels: plain(context.labels),
    traits: plain(context.traits),
    consents: plain(context.consents),
    /** Where they were last, as far as a policy of consent asks. */
    where: plain(context.where),
    resonating: plain(context.resonating),
    /** Hashes of what the first visit told, by field; 0 for what it did not. */
    arrival:
      context.arrival === undefined
        ? null
        : Object.fromEntries(ARRIVAL_FIELDS.map((field, f) => [String(field), context.arrival?.[f]])),
    features: Object.fromEntries(FEATURES.features.map((name, f) => [name, scratch.features[f]])),
    embedding: [...scratch.embedding],
    feedback:
      context.feedback === undefined
        ? null
        : plain({
            impressions: context.feedback.impressions,
            ledgers: context.feedback.ledgers,
            capCounts: context.feedback.capCounts,
          }),
    exposures: plain(context.exposures),
  };
  const answers = new ScoreAnswers(state, clock, decisions);
  const resonance = scorers.map(({ map }) => {
    const answer = decode(answers.score(user, { map }, "application/msgpack")) as ScoreAnswer;
    const { decision: _, user: __, ...told } = answer;
    return { kind: "resonance", ...told };
  });
  const recent = state.recent.events(context).map((event) => ({ kind: "recent-event", ...event }));
  return [line, ...resonance, ...recent];
}

/** Maps as objects, sets and typed arrays as lists. */
function plain(value: unknown): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, of]) => [String(key), plain(of)]));
  if (value instanceof Set) return [...value].map(plain);
  if (ArrayBuffer.isView(value)) return [...(value as Float64Array)];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, plain(of)]));
}
