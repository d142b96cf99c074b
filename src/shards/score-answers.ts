import type { Behaviour } from "../events/log-entry.ts";
import type { Arrival } from "../features/arrival.ts";
import { ByteArena } from "../kernel/byte-arena.ts";
import type { Clock } from "../kernel/clock.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { tellsArrival } from "../resonance/cold-start/add-arrival.ts";
import {
  answerDigest,
  type DecisionIds,
  type DecisionKind,
  type DecisionPlace,
} from "../resonance/decision-id.ts";
import { JsonReplyWriter } from "../resonance/json-reply-writer.ts";
import { MsgpackReplyWriter } from "../resonance/msgpack-reply-writer.ts";
import type { ReplyValues, ReplyWriter } from "../resonance/reply-writer.ts";
import type {
  ColumnField,
  ScoreAspect,
  ShardColumns,
  ShardScoreRequest,
  Versions,
} from "../resonance/score-answer.ts";
import { newScoreBuffer, type ScoreBuffer, type Scorer, scoreEmbedded } from "../resonance/scorer.ts";
import { isOff } from "../resonance/thresholds.ts";
import { allowedOf, mayBeKnown } from "./allowed-of.ts";
import { arrivalOf } from "./arrival-of.ts";
import { CarriedSession } from "./carried-session.ts";
import { Context } from "./context.ts";
import { embedContext, rebuildIfStale } from "./embed-context.ts";
import { EmbeddingCache } from "./embedding-cache.ts";
import { offsetsOf } from "./log-offsets.ts";
import { ScoreColumns } from "./score-columns.ts";
import type { ShardState } from "./shard-state.ts";

/** How an answer is written. */
export type AnswerType = NonNullable<ShardScoreRequest["type"]>;

/** What scoring one map needs, until something else is put in force. */
type ReadyMap = Readonly<{
  scorer: Scorer | undefined;
  /** Its place among those defined. */
  index: number;
  scores: ScoreBuffer;
  /** The probabilities' bits. */
  bits: Uint32Array;
  places: ReadonlyMap<string, number>;
  resonating: Uint8Array;
  writers: Partial<Record<AnswerType, ReplyWriter>>;
}>;

/** A user as {@link ScoreAnswers.withScores} shows them. */
export type ScoredUser = Readonly<{
  context: Context;
  known: boolean;
  /** Whether something is held of them that may not be used: they may not be personalised for. */
  isRefused: boolean;
  /** Whether they may be counted in experiments, and what is decided for them be kept for analysis. */
  isCounted: boolean;
  /** How they came, as it counts for them. */
  arrival: Arrival | undefined;
  /** Whether that has a part in it. */
  isByArrival: boolean;
  /** Effective events. */
  evidence: number;
  scorer: Scorer | undefined;
  /** Shape [segments + 1]; "none" is last. Valid until the next score. */
  probabilities: Float64Array;
  place: DecisionPlace;
}>;

/** Scores a shard's users, and writes the answers as bytes. */
export class ScoreAnswers {
  readonly #state: ShardState;
  readonly #clock: Clock;
  readonly #decisions: Pick<DecisionIds, "next">;
  readonly #embeddings: EmbeddingCache;
  readonly #arena = new ByteArena();
  readonly #maps = new Map<string | undefined, ReadyMap>();
  #versions: Versions | undefined;
  /** What {@link #maps} and {@link #versions} are made of. */
  #madeOf: readonly unknown[] = [];

  /** @param decisions - Makes the ids of answers. */
  constructor(state: ShardState, clock: Clock, decisions: Pick<DecisionIds, "next">) {
    this.#state = state;
    this.#embeddings = new EmbeddingCache(state);
    this.#clock = clock;
    this.#decisions = decisions;
  }

  /**
   * Answers for a user.
   *
   * @param arrival - How they came, as the request tells: it counts while they have done nothing.
   * @throws EngineError `UNKNOWN_MAP`.
   */
  score(user: string, aspect: ScoreAspect, type: AnswerType, arrival?: Arrival): Uint8Array {
    const held = this.#held(user);
    if (held !== undefined && mayBeKnown(this.#state, held))
      return this.#answer(held, "known", aspect, type, arrival);
    return this.#asNobody(user, (nobody) =>
      held === undefined
        ? this.#answer(nobody, "unknown", aspect, type, arrival)
        : this.#answer(nobody, "unknown", aspect, type, undefined, true),
    );
  }

  /**
   * Answers for somebody of whom only these behaviours, how they came, and what the caller carries are known.
   *
   * @param use - Gets the session after the answer, before it is gone.
   * @throws EngineError `UNKNOWN_MAP`; `BAD_TOKEN` for what is carried of another visitor.
   */
  session(
    behaviours: readonly Behaviour[],
    aspect: ScoreAspect,
    type: AnswerType,
    { arrival, carried }: Readonly<{ arrival?: Arrival | undefined; carried?: Uint8Array | undefined }> = {},
    use: (session: CarriedSession) => void = () => {},
  ): Uint8Array {
    const session =
      carried === undefined
        ? CarriedSession.begin(this.#state, behaviours[0]?.user ?? "")
        : CarriedSession.resume(this.#state, carried, behaviours);
    const { context } = session;
    try {
      session.fold(behaviours);
      const isRefused = !mayBeKnown(this.#state, context);
      if (!isRefused) context.arrival ??= arrival;
      const answer = this.#answer(context, "session", aspect, type, undefined, isRefused);
      use(session);
      return answer;
    } finally {
      session.release();
    }
  }

  /** Answers for many users in columns. */
  columns(users: readonly string[], map: string | undefined, fields: readonly ColumnField[]): ShardColumns {
    const ready = this.#ready(map);
    const columns = new ScoreColumns(users.length, ready.scorer?.segments.length ?? 0, fields);
    const nowMs = this.#clock.nowMs();
    for (const user of users) {
      const held = this.#held(user);
      const context = held !== undefined && mayBeKnown(this.#state, held) ? held : undefined;
      const evidence =
        context === undefined
          ? this.#asNobody(user, (nobody) => this.#score(nobody, false, ready, nowMs, undefined))
          : this.#score(context, true, ready, nowMs, context.arrival);
      columns.add(context !== undefined, evidence, ready.scores, ready.resonating);
    }
    const { shard, applied } = this.#state;
    return columns.finish({
      segments: ready.scorer?.segments ?? [],
      versions: this.versions(),
      position: { shard, sequence: applied },
    });
  }

  /** A new id for answers that are told together. */
  newDecision(): string {
    const { key, applied } = this.#state;
    const place = { kind: "many", key, applied, lastSequence: 0, map: 0, digest: 0 } as const;
    return this.#decisions.next({ ...place, atMs: this.#clock.nowMs() }, "");
  }

  /**
   * Scores a user in a map, and acts on it before anything else is scored.
   *
   * @param asked - How they came, as the request tells: it counts while they have done nothing.
   * @param use - Gets the user's context, one of nothing for somebody unknown; `place` is that of the answer's id, but for what
   * was chosen.
   * @throws EngineError `UNKNOWN_MAP`.
   */
  withScores<Result>(
    user: string,
    map: string | undefined,
    nowMs: number,
    asked: Arrival | undefined,
    use: (scored: ScoredUser) => Result,
  ): Result {
    const ready = this.#ready(map);
    const held = this.#held(user);
    const isRefused = held !== undefined && !mayBeKnown(this.#state, held);
    const context = isRefused ? undefined : held;
    const act = (of: Context): Result => {
      const known = context !== undefined;
      const allowed = allowedOf(this.#state, held ?? of);
      const arrival = isRefused ? undefined : arrivalOf(of, asked);
      const evidence = this.#score(of, known, ready, nowMs, arrival);
      const { applied, key } = this.#state;
      const digest = answerDigest(ready.bits, ready.resonating.length);
      const isTold = isByArrival(ready, arrival, evidence);
      const isAsked = arrival !== of.arrival && isTold;
      const kind = isAsked ? "session" : known ? "known" : "unknown";
      const { lastSequence } = of;
      const place = { kind, key, applied, lastSequence, atMs: nowMs, map: ready.index, digest } as const;
      const { probabilities } = ready.scores;
      return use({
        context: of,
        known,
        isRefused,
        isCounted: this.#state.consent.isCounted(allowed),
        arrival,
        isByArrival: isTold,
        evidence,
        scorer: ready.scorer,
        probabilities,
        place,
      });
    };
    return context === undefined ? this.#asNobody(user, act) : act(context);
  }

  versions(): Versions {
    this.#forgetIfChanged();
    if (this.#versions === undefined) {
      const { encoder, scorers, definitions } = this.#state;
      this.#versions = {
        encoder: encoder.version,
        trained: encoder.trained,
        profiles: Object.fromEntries(scorers.map((scorer) => [scorer.map, scorer.version])),
        segments: definitions.version,
      };
    }
    return this.#versions;
  }

  #held(user: string): Context | undefined {
    const context = this.#state.contexts.find(user);
    if (context !== undefined) rebuildIfStale(this.#state, context);
    return context;
  }

  #answer(
    context: Context,
    whose: DecisionKind,
    { map, top }: ScoreAspect,
    type: AnswerType,
    asked?: Arrival,
    isRefused = false,
  ): Uint8Array {
    const ready = this.#ready(map);
    const known = whose === "known";
    const nowMs = this.#clock.nowMs();
    const arrival = arrivalOf(context, asked);
    const evidence = this.#score(context, known, ready, nowMs, arrival);
    const isAsked = arrival !== context.arrival && isByArrival(ready, arrival, evidence);
    // What a request tells is not in the log: such an answer is no more to be replayed than a session's.
    const kind = isAsked ? "session" : whose;
    const { scorers, activatedMs, applied, key } = this.#state;
    const { lastSequence } = context;
    const digest = answerDigest(ready.bits, ready.resonating.length);
    const place = { kind, key, applied, lastSequence, atMs: nowMs, map: ready.index, digest };
    const values: ReplyValues = {
      user: context.user,
      known,
      isRefused,
      probabilities: ready.scores.probabilities,
      similarities: ready.scores.similarities,
      resonating: ready.resonating,
      evidence,
      contextMs: context.events === 0 ? null : Math.max(0, nowMs - context.lastTsMs),
      profilesMs: scorers.map((scorer) => {
        const atMs = activatedMs.get(scorer.map);
        return atMs === undefined ? null : Math.max(0, nowMs - atMs);
      }),
      sequence: applied,
      decision: this.#decisions.next(place, context.user),
      top,
    };
    return this.#writer(ready, type).write(values);
  }

  /** Writes a context's distribution into the map's buffers. @returns The evidence behind it. */
  #score(
    context: Context,
    known: boolean,
    ready: ReadyMap,
    nowMs: number,
    arrival: Arrival | undefined,
  ): number {
    const { scorer, index, scores, places, resonating } = ready;
    const evidence = known ? this.#embeddings.embed(context) : embedContext(this.#state, context);
    if (scorer === undefined) return evidence;
    const offsets = offsetsOf(this.#state, context, index, { nowMs, evidence }, arrival);
    scoreEmbedded(scorer, this.#state.scratch, evidence, scores, offsets);
    resonating.fill(0);
    for (const segment of context.resonating.get(scorer.map) ?? []) {
      const k = places.get(segment);
      if (k !== undefined && !isOff(scorer.thresholds, k)) resonating[k] = 1;
    }
    return evidence;
  }

  #writer(ready: ReadyMap, type: AnswerType): ReplyWriter {
    const known = ready.writers[type];
    if (known !== undefined) return known;
    const { scorers, shard } = this.#state;
    const facts = {
      map: ready.scorer?.map ?? "",
      segments: ready.scorer?.segments ?? [],
      versions: this.versions(),
      maps: scorers.map((scorer) => scorer.map),
      shard,
    };
    const Writer = type === "application/json" ? JsonReplyWriter : MsgpackReplyWriter;
    const writer = new Writer(facts, this.#arena);
    ready.writers[type] = writer;
    return writer;
  }

  /** @throws EngineError `UNKNOWN_MAP`. */
  #ready(map: string | undefined): ReadyMap {
    this.#forgetIfChanged();
    const known = this.#maps.get(map);
    if (known !== undefined) return known;
    const { scorers } = this.#state;
    const scorer = map === undefined ? scorers[0] : scorers.find((one) => one.map === map);
    if (map !== undefined && scorer === undefined) throw unknownMap(scorers);
    const segments = scorer?.segments ?? [];
    const scores = newScoreBuffer(segments.length);
    const ready: ReadyMap = {
      scorer,
      index: scorer === undefined ? 0 : scorers.indexOf(scorer),
      scores,
      bits: new Uint32Array(scores.probabilities.buffer),
      places: new Map(segments.map((segment, k) => [segment, k])),
      resonating: new Uint8Array(segments.length),
      writers: {},
    };
    this.#maps.set(map, ready);
    return ready;
  }

  #forgetIfChanged(): void {
    const { encoder, definitions, scorers } = this.#state;
    const [madeOfEncoder, madeOfDefinitions, ...madeOfScorers] = this.#madeOf;
    const isSame =
      encoder === madeOfEncoder &&
      definitions === madeOfDefinitions &&
      scorers.length === madeOfScorers.length &&
      scorers.every((scorer, m) => scorer === madeOfScorers[m]);
    if (isSame) return;
    this.#madeOf = [encoder, definitions, ...scorers];
    this.#maps.clear();
    this.#versions = undefined;
  }

  /**
   * Acts on the context of somebody of whom nothing is held: all zero, so that they get the prior. Its memory goes
   * back at once: what is left of it would keep blocks alive that hold contexts.
   */
  #asNobody<Result>(user: string, act: (nobody: Context) => Result): Result {
    const { encoder, stateKey } = this.#state;
    const nobody = new Context(user, encoder.slots, stateKey);
    try {
      return act(nobody);
    } finally {
      nobody.release();
    }
  }
}

/** Whether how somebody came has a part in their score. */
function isByArrival({ scorer }: ReadyMap, arrival: Arrival | undefined, evidence: number): boolean {
  return scorer !== undefined && tellsArrival(scorer, arrival, evidence);
}

function unknownMap(scorers: readonly Scorer[]): EngineError {
  const defined = scorers.map((scorer) => scorer.map).join(", ") || "none is";
  const message = `no such map is defined: ${defined}`;
  return new EngineError({ code: "UNKNOWN_MAP", message, retryable: false });
}
