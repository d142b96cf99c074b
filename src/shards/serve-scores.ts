import type { Bus, BusReply, BusRequest } from "../actors/bus.ts";
import { LINKS_MAX, type Span, type Tracer } from "../actors/tracer.ts";
import type { ShardContentRequest } from "../content/content-answer.ts";
import { contentTypeOf, decodeRequest } from "../events/decode-request.ts";
import type { Behaviour } from "../events/log-entry.ts";
import { refused } from "../events/request-body.ts";
import type { Arrival } from "../features/arrival.ts";
import { EngineError, toWireError } from "../kernel/engine-error.ts";
import { shardOf } from "../kernel/hash.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import { joinAnswers } from "../resonance/join-answers.ts";
import { encodeColumns } from "../resonance/join-columns.ts";
import type {
  CarriedState,
  ShardScoreReply,
  ShardScoreRequest,
  ShardSessionRequest,
} from "../resonance/score-answer.ts";
import { noSegments, readBatchRequest, readScoreRequest, sequenceFor } from "../resonance/score-request.ts";
import type { CarriedSession } from "./carried-session.ts";
import type { ContentAnswers } from "./content-answers.ts";
import { handOut } from "./held-user.ts";
import type { AnswerType, ScoreAnswers } from "./score-answers.ts";
import type { ErasingRequest, HoldingRequest } from "./shard-messages.ts";
import type { ShardState } from "./shard-state.ts";

const MSGPACK = "application/msgpack";
const WAIT_MS = 2_000;
const NOTHING = new Uint8Array();

/** What requests need of a copy beside its state. */
export type CopyView = Readonly<{
  node: string;
  /** Number of shards of the deployment. */
  shards: number;
  lag(): number;
  /** Waits until an entry is folded; false if that takes longer than `waitMs`. */
  reaches(sequence: number, waitMs: number): Promise<boolean>;
}>;

/** An answer at once, unless it has to wait for something. */
export type Handler = (request: BusRequest) => Promise<BusReply> | BusReply;

/**
 * How long the news that answers went out may wait, ms: the news of all answers of that time cost one turn of the gateway
 * then, and it waits for them only to know whether it must ask somebody else.
 */
const NEWS_MS = 2;

/** What the handlers of reads work on. */
type Reads = Readonly<{
  bus: Pick<Bus, "answer">;
  tracer?: Tracer | undefined;
  state: ShardState;
  answers: ScoreAnswers;
  contents: ContentAnswers;
  copy: CopyView;
  sleep(ms: number): Promise<void>;
  /** The epoch to answer under. It throws if the lease is lost, which what was waited for may have taken along. */
  epochNow(): number;
}>;

/** The reads that the gateway asks of a shard, in MessagePack. */
export function readsOf(
  reads: Reads,
): Readonly<Record<"score" | "session" | "content" | "holding" | "erasing", Handler>> {
  const { answers, epochNow, sleep } = reads;
  let news: Promise<void> | undefined;
  const withTheNews = async (reply: BusReply): Promise<BusReply> => {
    news ??= sleep(NEWS_MS).then(() => {
      news = undefined;
    });
    await news;
    return reply;
  };
  return {
    score(request) {
      const asked = decode(request.data) as ShardScoreRequest;
      const { atLeast, waitMs } = asked;
      return onceFolded(reads, atLeast, waitMs, () => {
        const span = traced(reads, asked);
        try {
          const reply = packed(scored(reads, asked));
          return isAllSent(asked) ? withTheNews(reply) : reply;
        } finally {
          span?.end();
        }
      });
    },
    content({ data }) {
      const { users, type = MSGPACK, askers, arrivals, ...aspect } = decode(data) as ShardContentRequest;
      const written = users.map((user, i) =>
        reads.contents.choose(user, aspect, type, { arrival: numbersOf(arrivals?.[i]) }),
      );
      const reply = packed(sent(reads, written, { type, askers }));
      return isAllSent({ askers }) ? withTheNews(reply) : reply;
    },
    holding({ data }) {
      const { user, atLeast, waitMs } = decode(data) as HoldingRequest;
      return onceFolded(reads, atLeast, waitMs, () =>
        packed({ answers: [handOut(reads.state, user)], epoch: epochNow() } satisfies ShardScoreReply),
      );
    },
    erasing({ data }) {
      const { user, hash, atLeast, waitMs } = decode(data) as ErasingRequest;
      return onceFolded(reads, atLeast, waitMs, () => {
        const { contexts, erasures } = reads.state;
        const pending = erasures.findLast((one) => one.hash === hash)?.id ?? null;
        const answer = encode({ pending, isHeld: contexts.has(user) });
        return packed({ answers: [answer], epoch: epochNow() } satisfies ShardScoreReply);
      });
    },
    session({ data }) {
      const asked = decode(data) as ShardSessionRequest;
      const { behaviours, type = MSGPACK, arrival, carried, carries = false, ...aspect } = asked;
      const past = { arrival: numbersOf(arrival), carried };
      const written: Uint8Array[] = [];
      const carry = (session: CarriedSession): void => {
        const { part } = session;
        if (carries) written.push(encode({ part, state: session.carried() } satisfies CarriedState));
      };
      written.unshift(answers.session(behaviours as readonly Behaviour[], aspect, type, past, carry));
      return packed({ answers: written, epoch: epochNow() } satisfies ShardScoreReply);
    },
  };
}

/**
 * What services ask of a shard's owner without the way over a gateway: `score.shard.<n>` and `score.batch.shard.<n>`, by
 * the name in front of the shard's number.
 */
export function publicReadsOf(reads: Reads): Readonly<Record<"score.shard" | "score.batch.shard", Handler>> {
  const { answers, copy, epochNow, state } = reads;
  const refuseIfNotHere = (users: readonly string[], map: string | undefined): void => {
    if (users.some((user) => shardOf(user, copy.shards) !== state.shard))
      throw wrongShard(state.shard, copy.shards);
    if (state.scorers.length === 0 && map === undefined) throw noSegments();
  };
  return {
    "score.shard": inItsType(epochNow, (body, type) => {
      const { user, atLeast, explain, context, ...aspect } = readScoreRequest(body);
      if (explain) throw notHere("explain", "resonance.v1.score");
      if (context !== undefined) throw notHere("context", "resonance.v1.score");
      refuseIfNotHere([user], aspect.map);
      return onceFolded(reads, sequenceFor(state.shard, atLeast), WAIT_MS, () => {
        const data = answers.score(user, aspect, type);
        epochNow();
        return { data, contentType: type };
      });
    }),
    "score.batch.shard": inItsType(epochNow, (body, type) => {
      const { users, columns, ...aspect } = readBatchRequest(body);
      refuseIfNotHere(users, aspect.map);
      const data =
        columns === undefined
          ? joinAnswers(
              users.map((user) => answers.score(user, aspect, type)),
              type,
            )
          : encodeColumns(
              [
                {
                  columns: answers.columns(users, aspect.map, columns),
                  places: users.map((_, place) => place),
                },
              ],
              {
                map: aspect.map ?? state.scorers[0]?.map ?? "",
                users: users.length,
                decision: answers.newDecision(),
              },
              type,
            );
      epochNow();
      return { data, contentType: type };
    }),
  };
}

/** Decodes and answers; a failure is told in the type of the request. Before all, the lease must be held. */
function inItsType(
  epochNow: () => number,
  answer: (body: unknown, type: AnswerType) => Promise<BusReply> | BusReply,
): Handler {
  return (request) => {
    const named = contentTypeOf(request.contentType);
    const type = typeof named === "string" ? named : "application/json";
    const failed = (thrown: unknown) => ({ data: NOTHING, contentType: type, error: toWireError(thrown) });
    try {
      epochNow();
      if (typeof named !== "string") throw refused(named);
      const decoded = decodeRequest(request.data, type);
      if (decoded.kind === "refused") throw refused(decoded);
      const answered = answer(decoded.value, type);
      return answered instanceof Promise ? answered.catch(failed) : answered;
    } catch (thrown) {
      return failed(thrown);
    }
  };
}

/** Plain data as a reply in MessagePack. */
export function packed(value: unknown): BusReply {
  return { data: encode(value), contentType: MSGPACK };
}

/** The shard has not folded a log position yet. */
export function notCaughtUp(state: ShardState, sequence: number): EngineError {
  const message = `shard ${state.shard} has folded ${state.applied} entries, ${sequence} are asked for: try again`;
  return new EngineError({
    code: "NOT_CAUGHT_UP",
    message,
    retryable: true,
    detail: { applied: state.applied },
  });
}

function isAllSent({ askers }: Readonly<{ askers?: readonly string[] | undefined }>): boolean {
  return askers?.every((asker) => asker !== "") === true;
}

/** A span of the first request's trace, which the others are linked to. */
function traced({ tracer, state }: Reads, { traces, users }: ShardScoreRequest): Span | undefined {
  const [parent, ...others] = traces ?? [];
  if (tracer === undefined || parent === undefined) return undefined;
  const facts = { "resonance.shard": state.shard, "resonance.users": users.length };
  return tracer.start("shard score", { kind: "server", parent, links: others.slice(0, LINKS_MAX), facts });
}

function scored(reads: Reads, asked: ShardScoreRequest): ShardScoreReply {
  const { answers, epochNow } = reads;
  const { users, type = MSGPACK, askers, arrivals, columns } = asked;
  if (columns !== undefined)
    return { answers: [encode(answers.columns(users, asked.map, columns))], epoch: epochNow() };
  const written = users.map((user, i) => answers.score(user, asked, type, numbersOf(arrivals?.[i])));
  return sent(reads, written, { type, askers });
}

/** Sends answers to those who wait for them, and returns the others. */
function sent(
  { bus, epochNow }: Reads,
  written: readonly Uint8Array[],
  { type, askers }: Readonly<{ type: AnswerType; askers: readonly string[] | undefined }>,
): ShardScoreReply {
  const epoch = epochNow(); // Before the first answer leaves.
  const returned: Uint8Array[] = [];
  for (const [i, data] of written.entries()) {
    const asker = askers?.[i] ?? "";
    if (asker === "") returned.push(data);
    else bus.answer(asker, { data, contentType: type });
  }
  return { answers: returned, epoch };
}

/** An arrival, as it came over the wire. */
function numbersOf(arrival: readonly number[] | null | undefined): Arrival | undefined {
  return arrival === undefined || arrival === null ? undefined : Uint32Array.from(arrival);
}

function onceFolded(
  { copy, state }: Reads,
  atLeast: number | undefined,
  waitMs: number | undefined,
  act: () => Promise<BusReply> | BusReply,
): Promise<BusReply> | BusReply {
  if (atLeast === undefined || state.applied >= atLeast) return act();
  return copy.reaches(atLeast, waitMs ?? WAIT_MS).then((isFolded) => {
    if (isFolded) return act();
    throw notCaughtUp(state, atLeast);
  });
}

function notHere(field: string, endpoint: string): EngineError {
  const message = `${field} is not answered by a shard itself: ask ${endpoint}`;
  return new EngineError({ code: "NOT_SUPPORTED", message, retryable: false });
}

function wrongShard(shard: number, shards: number): EngineError {
  const message = `the user is not of shard ${shard} of ${shards}: compute the shard again with the number that status tells`;
  return new EngineError({ code: "WRONG_SHARD", message, retryable: false, detail: { shard, shards } });
}
