import { Buffer } from "node:buffer";
import type { Log } from "./actors/log.ts";
import type { SnapshotPorts } from "./actors/write-snapshot.ts";
import type { ContentAnswer } from "./content/content-answer.ts";
import { untrainedEncoder } from "./embedding/untrained-encoder.ts";
import { type ContentType, encodeReply } from "./events/decode-request.ts";
import type { Behaviour } from "./events/log-entry.ts";
import type { Subjects } from "./events/subjects.ts";
import { FEATURES } from "./features/all-families.ts";
import type { ExplainQuestion } from "./gateway/gateway-ports.ts";
import type { Clock } from "./kernel/clock.ts";
import { EngineError } from "./kernel/engine-error.ts";
import { decode } from "./kernel/msgpack.ts";
import type { HashUser } from "./privacy/user-hash.ts";
import type { Releases } from "./releases.ts";
import {
  type Decision,
  type DecisionIds,
  type DecisionPlace,
  decisionTooOld,
} from "./resonance/decision-id.ts";
import type { Explanation, ToldEvent } from "./resonance/explanation.ts";
import { extendAnswer } from "./resonance/extend-answer.ts";
import type { ScoreAnswer } from "./resonance/score-answer.ts";
import { noSegments } from "./resonance/score-request.ts";
import { ContentAnswers } from "./shards/content-answers.ts";
import { contextSchema } from "./shards/context-codec.ts";
import { explainUser } from "./shards/explain-user.ts";
import { isAct } from "./shards/fold-batch.ts";
import { takeIn, type WantedUser } from "./shards/held-user.ts";
import { replayDecision, tooLong } from "./shards/replay-decision.ts";
import { missingProfiles, restoreVersions } from "./shards/restore-versions.ts";
import { ScoreAnswers } from "./shards/score-answers.ts";
import { newShardState, type ShardState } from "./shards/shard-state.ts";
import { readHeldUser } from "./shards/snapshot-read.ts";
import { shardUnit } from "./units.ts";

/** What explaining needs of the world. */
export type ExplainWorld = Readonly<{
  log: Log;
  releases: Releases;
  snapshots: SnapshotPorts;
  subjects: Subjects;
  clock: Clock;
  decisions: DecisionIds;
  /** What stands for erased users in the logs. */
  hashUser: HashUser;
}>;

export type ExplainLimits = Readonly<{
  /** Newest events kept a user. */
  ringEvents: number;
  /** Messages of a log that one replay reads at most. */
  messagesMax: number;
  /** Time that reading them may take, ms. */
  patienceMs: number;
}>;

/** Ids tell propensities no finer. */
const PROPENSITY_GRAIN = 2 ** -35;

/** An event told, by its own names where the log still has it. */
type NamedEvent = ToldEvent & Readonly<{ ageMs: number; id?: string; item?: string }>;

/** The reply of `explain`. */
export type ExplainReply = Readonly<{
  /** The answer that is explained; of a decision, as it was served. */
  answer: ScoreAnswer;
  /** When it was made, epoch ms. */
  atMs: number;
  /** What a decision of content had answered. */
  content?: ContentAnswer;
  explanation: Omit<Explanation, "events"> & Readonly<{ events: readonly NamedEvent[] }>;
}>;

/**
 * Answers what `explain` was asked, from a replay of the log or from what a shard handed out.
 *
 * @returns The reply as bytes of the type asked for: an {@link ExplainReply}; for a score that is to be explained, the answer with
 * `explanation` in it.
 * @throws EngineError `DECISION_TOO_OLD`, `REPLAY_TOO_LONG`, `REPLAY_DIFFERS`, `UNKNOWN_MAP`, `UNKNOWN_SEGMENT`, `NO_SEGMENTS`,
 * and what log and releases throw.
 */
export async function explain(
  world: ExplainWorld,
  question: ExplainQuestion,
  limits: ExplainLimits,
): Promise<Uint8Array> {
  return question.kind === "decision"
    ? explainDecision(world, question, limits)
    : explainNow(world, question, limits);
}

async function explainDecision(
  world: ExplainWorld,
  { decision: id, type, segments }: Extract<ExplainQuestion, { kind: "decision" }>,
  limits: ExplainLimits,
): Promise<Uint8Array> {
  const decision = world.decisions.read(id);
  const { state, user, behaviours } = await replay(world, decision, limits);
  const map = state.scorers[decision.map]?.map;
  if (map === undefined) throw noSegments();
  const then = { nowMs: () => decision.atMs, monotonicMs: () => world.clock.monotonicMs() };
  let again: DecisionPlace | undefined;
  const ids = {
    next(place: DecisionPlace) {
      again = place;
      return id;
    },
  };
  const answers = new ScoreAnswers(state, then, ids);
  const answer = answers.score(user ?? "", { map }, type);
  refuseOther(again, decision);
  const content = chosenAgain(state, answers, user ?? "", decision, id);
  const explanation = explainUser(state, user, { map, segments }, decision.atMs);
  const told = named(explanation, decision.atMs, behaviours);
  const chosen = content === undefined ? {} : { content };
  return written({ answer, atMs: decision.atMs, ...chosen, explanation: told }, type);
}

/** The content of a decision, chosen again; undefined if it chose none. */
function chosenAgain(
  state: ShardState,
  answers: ScoreAnswers,
  user: string,
  decision: Decision,
  id: string,
): ContentAnswer | undefined {
  const { chosen, chance, atMs } = decision;
  if (chosen === undefined) return undefined;
  const placement = state.content.catalogue.placements[chosen.placement]?.name ?? "";
  let again: DecisionPlace | undefined;
  const ids = {
    upcoming: chance,
    next(place: DecisionPlace) {
      again = place;
      return id;
    },
  };
  const contents = new ContentAnswers(
    state,
    answers,
    { nowMs: () => atMs },
    ids,
    () => {},
    () => {},
  );
  const answer = decode(
    contents.choose(user, { placement }, "application/msgpack", { again: chosen.arm }),
  ) as ContentAnswer;
  const now = again?.chosen;
  const isSame =
    now?.catalogue === chosen.catalogue &&
    now.content === chosen.content &&
    now.arm === chosen.arm &&
    Math.abs(now.propensity - chosen.propensity) < PROPENSITY_GRAIN;
  if (!isSame) throw replayDiffers();
  return answer;
}

async function explainNow(
  { clock, decisions, releases, subjects }: ExplainWorld,
  question: Extract<ExplainQuestion, { kind: "user" }>,
  { ringEvents }: ExplainLimits,
): Promise<Uint8Array> {
  const { user, map, segments, type, top } = question;
  const arrival = question.arrival === undefined ? undefined : Uint32Array.from(question.arrival);
  const state = await heldState({ releases, subjects }, question, ringEvents);
  const atMs = clock.nowMs();
  const answers = new ScoreAnswers(state, { ...clock, nowMs: () => atMs }, decisions);
  const answer = answers.score(user, { map, ...(top === undefined ? {} : { top }) }, type, arrival);
  const explanation = named(explainUser(state, user, { map, segments, arrival }, atMs), atMs, []);
  return question.inAnswer
    ? extendAnswer(answer, { explanation }, type)
    : written({ answer, atMs, explanation }, type);
}

/**
 * A shard of one user, as theirs handed them out.
 *
 * @throws EngineError `RELEASE_MISSING` (retryable).
 */
export async function heldState(
  { releases, subjects }: Pick<ExplainWorld, "releases" | "subjects">,
  { shard, held: bytes }: Readonly<{ shard: number; held: Uint8Array }>,
  ringEvents: number,
): Promise<ShardState> {
  const held = takeIn(bytes);
  const state = newShardState({
    shard,
    key: subjects.outputKey(shard),
    features: FEATURES,
    encoder: untrainedEncoder(FEATURES),
    source: held,
    residentUsers: 1,
    ringEvents,
  });
  if (held.meta !== undefined) await putInForce(state, held.meta, releases);
  return state;
}

/**
 * Puts in force what was in force when a shard handed out a user.
 *
 * @throws EngineError `RELEASE_MISSING` (retryable).
 */
export async function putInForce(
  state: ShardState,
  meta: Parameters<typeof restoreVersions>[1],
  releases: Releases,
): Promise<void> {
  await restoreVersions(state, meta, releases);
  state.applied = meta.applied;
  const missing = missingProfiles(state, meta);
  if (missing === undefined) return;
  throw new EngineError({ code: "RELEASE_MISSING", message: `${missing} is not there`, retryable: true });
}

function replay(
  { clock, hashUser, log, releases, snapshots, subjects }: ExplainWorld,
  decision: Decision,
  limits: ExplainLimits,
): ReturnType<typeof replayDecision> {
  const shard = subjects.shardOfOutputKey(decision.key);
  if (shard === undefined) throw decisionTooOld("the shards were split since");
  const stream = subjects.shardLog(shard);
  const deadlineMs = clock.monotonicMs() + limits.patienceMs;
  const pause = async (): Promise<void> => {
    if (clock.monotonicMs() > deadlineMs)
      throw tooLong(`the snapshot took more than ${limits.patienceMs} ms`);
    await snapshots.pause();
  };
  const heldAt = async (sequence: number, wanted: WantedUser) => {
    const { first } = await log.bounds(stream);
    const accepts = (manifest: { facts: Readonly<Record<string, unknown>>; sequence: number }): boolean =>
      manifest.facts["schema"] === contextSchema(FEATURES) &&
      manifest.sequence <= sequence &&
      manifest.sequence + 1 >= first;
    const options = { unit: subjects.snapshotsOf(shardUnit(shard)), accepts, report: () => {} }; // An older one is taken.
    return readHeldUser({ ...snapshots, pause }, options, wanted);
  };
  const ports = { log, releases, heldAt, monotonicMs: () => clock.monotonicMs() };
  return replayDecision(ports, decision, {
    ...limits,
    shard,
    stream,
    beginsEmpty: subjects.generation === 1,
    hashUser,
  });
}

/** Whatever the reason, an answer that is not the one that was served must not be told as such. */
function refuseOther(again: DecisionPlace | undefined, { digest, kind, lastSequence }: Decision): void {
  const isSame = again?.digest === digest && again.kind === kind && again.lastSequence === lastSequence;
  if (!isSame) throw replayDiffers();
}

function replayDiffers(): EngineError {
  const message =
    "the replay of this decision gives another answer than was served: the number of events kept a user was changed since, or an encoder was put back into force";
  return new EngineError({ code: "REPLAY_DIFFERS", message, retryable: false });
}

/** The explanation with the names of events, as far as the log told them: the newest acts are the events told. */
function named(
  explanation: Explanation,
  atMs: number,
  behaviours: readonly Behaviour[],
): ExplainReply["explanation"] {
  const acts = behaviours.filter(isAct);
  const { events } = explanation;
  const from = acts.length - events.length;
  return {
    ...explanation,
    events: events.map((event, e) => {
      const act = acts[from + e];
      const age = { ageMs: Math.max(0, atMs - event.tsMs) };
      if (act === undefined) return { ...event, ...age };
      return {
        ...event,
        ...age,
        id: act.id,
        type: act.type,
        ...(act.item === undefined ? {} : { item: act.item }),
      };
    }),
  };
}

/** The answer's bytes stay as they were written: a replay is compared with what was served. */
function written(
  { answer, ...rest }: Omit<ExplainReply, "answer"> & { readonly answer: Uint8Array },
  type: ContentType,
): Uint8Array {
  if (type === "application/msgpack") return encodeReply({ answer: decode(answer), ...rest }, type);
  return Buffer.concat([Buffer.from('{"answer":'), answer, Buffer.from(`,${JSON.stringify(rest).slice(1)}`)]);
}
