import type { BusReply, Producer } from "../actors/bus.ts";
import type { Span } from "../actors/tracer.ts";
import type { ContentType } from "../events/decode-request.ts";
import { LIMITS } from "../events/limits.ts";
import { parseEvent } from "../events/parse-event.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import { type Arrival, arrivalOf } from "../features/arrival.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { shardOf } from "../kernel/hash.ts";
import { decode } from "../kernel/msgpack.ts";
import { extendAnswer } from "../resonance/extend-answer.ts";
import { joinAnswers } from "../resonance/join-answers.ts";
import { encodeColumns } from "../resonance/join-columns.ts";
import type {
  CarriedPart,
  CarriedState,
  ScoreAnswer,
  ScoreAspect,
  ShardColumns,
} from "../resonance/score-answer.ts";
import {
  aspectOf,
  type BatchRequest,
  contextOf,
  noSegments,
  type RequestContext,
  readBatchRequest,
  readExplainRequest,
  readScoreRequest,
  sequenceFor,
} from "../resonance/score-request.ts";
import type { AskShard } from "./ask-shard.ts";
import type { ConsentInForce } from "./consent-policy.ts";
import type { ContextReader } from "./context-reader.ts";
import { createExplaining } from "./explain.ts";
import {
  dropCounter,
  type GatewayCounters,
  type GatewayOptions,
  type GatewayPorts,
} from "./gateway-ports.ts";
import { mayTell } from "./may-tell.ts";
import { RequestBundles } from "./request-bundles.ts";
import { SESSION_TOKEN_MS } from "./session-tokens.ts";
import { toBehaviour } from "./to-behaviour.ts";

/** One user's answer, as services see it. */
export type ScoreReply = ScoreAnswer;

/**
 * How an answer is to be written, where it is waited for ("" if only the caller can pass it on), who asks, as far as is told, and
 * the request's span, if it is recorded.
 */
export type Asker = Readonly<{ type: ContentType; replyTo: string; producer?: Producer; span?: Span }>;

/** One answer of a session. */
export type SessionReply = ScoreAnswer &
  Readonly<{
    /** What the caller carries: sent with the next request, it goes on from here. */
    token: string;
    /** Until when the token is good, epoch ms. */
    tokenExpires: number;
    /** How much of what was carried counts. */
    carried: CarriedPart;
  }>;

/** What answers scores: it passes on what the shards write, and knows only where to ask. */
export type Scoring = Readonly<{
  score(body: unknown, asker: Asker): Promise<BusReply | undefined>;
  batch(body: unknown, asker: Asker): Promise<BusReply>;
  explain(body: unknown, asker: Asker): Promise<BusReply>;
  session(body: unknown, asker: Asker): Promise<BusReply>;
}>;

/** How long a shard waits for the log position that a request asks for. */
const AT_LEAST_WAIT_MS = 2_000;

/** @param mapsNow - Names of the maps that are defined, in their order. */
export function createScoring(
  ports: Pick<GatewayPorts, "clock" | "decisions" | "explain" | "subjects" | "tokens"> &
    Readonly<{ askShard: AskShard; contexts: ContextReader; consent: () => ConsentInForce }>,
  options: GatewayOptions,
  counters: GatewayCounters,
  mapsNow: () => readonly string[],
): Scoring {
  const { askShard, clock, consent, contexts, decisions, tokens } = ports;
  const explaining = createExplaining(ports, options);
  const bundles = new RequestBundles<ScoreAspect>(
    (shard, request) => askShard(shard, "score", request),
    ({ map, top }) => `${map} ${top}`,
  );
  let sessions = 0;

  /** The request with its map named, since a shard may not know of the newest definitions yet. */
  const named = <Request extends Readonly<{ map?: string }>>(request: Request): Request & { map: string } => {
    const map = request.map ?? mapsNow()[0];
    if (map === undefined) throw noSegments();
    return { ...request, map };
  };
  /** A map that is defined but unknown to the shard will be known in a moment. */
  const orSoon = (thrown: unknown, map: string): unknown => {
    const isSoon = thrown instanceof EngineError && thrown.code === "UNKNOWN_MAP" && mapsNow().includes(map);
    if (!isSoon) return thrown;
    const message = `map "${map}" is not in force yet`;
    return new EngineError({ code: "UNKNOWN_MAP", message, retryable: true, cause: thrown });
  };

  /** How somebody comes, as a request tells it now. */
  const arrivalIn = (context: RequestContext | undefined): Arrival | undefined =>
    mayTell(consent(), context) ? arrivalOf(contexts.read(context, clock.nowMs())) : undefined;

  /** Of answers of several shards: what explains each of them is its own position. */
  const manyId = (): string => {
    const place = { kind: "many", applied: 0, lastSequence: 0, map: 0, digest: 0 } as const;
    return decisions.next({ ...place, key: ports.subjects.outputKey(0), atMs: clock.nowMs() }, "");
  };

  return {
    async score(body, { type, replyTo, span }) {
      const { user, atLeast, explain, context, ...aspect } = named(readScoreRequest(body));
      const arrival = arrivalIn(context);
      const shard = shardOf(user, options.shards);
      const sequence = sequenceFor(shard, atLeast);
      try {
        if (explain) {
          const patient = sequence === undefined ? {} : { atLeast: sequence, waitMs: AT_LEAST_WAIT_MS };
          const asked = { ...aspect, ...patient, user, arrival, type, segments: [], inAnswer: true };
          return await explaining.user(asked);
        }
        if (sequence === undefined) {
          const data = await bundles.ask({
            shard,
            user,
            aspect,
            type,
            asker: replyTo,
            arrival,
            trace: span?.traceparent,
          });
          return data === undefined ? undefined : { data, contentType: type };
        }
        const patient = { atLeast: sequence, waitMs: AT_LEAST_WAIT_MS };
        const told = arrival === undefined ? {} : { arrivals: [[...arrival]] };
        const [data] = await askShard(shard, "score", {
          ...aspect,
          users: [user],
          type,
          ...told,
          ...patient,
          ...tracedBy(span),
        });
        return data === undefined ? undefined : { data, contentType: type };
      } catch (thrown) {
        throw orSoon(thrown, aspect.map);
      }
    },

    async batch(body, { type, span }) {
      const { users, columns, ...aspect } = named(readBatchRequest(body));
      try {
        const asked = { ...aspect, type, ...(columns === undefined ? {} : { columns }), ...tracedBy(span) };
        const parts = await Promise.all(
          Array.from(byShard(users, options.shards), async ([shard, group]) => {
            const answers = await askShard(shard, "score", { ...asked, users: group.users });
            return { answers, places: group.places };
          }),
        );
        const data =
          columns === undefined
            ? joinAnswers(inOrder(users.length, parts), type)
            : columnsOf(parts, { map: aspect.map, users: users.length, decision: manyId() }, type);
        return { data, contentType: type };
      } catch (thrown) {
        throw orSoon(thrown, aspect.map);
      }
    },

    async explain(body, { type }) {
      const { about, segments } = readExplainRequest(body);
      if ("decision" in about) return explaining.decision(about.decision, segments, type);
      const { user, map, context } = named(about);
      const arrival = arrivalIn(context);
      try {
        return await explaining.user({ user, map, arrival, segments, type, inAnswer: false });
      } catch (thrown) {
        throw orSoon(thrown, map);
      }
    },

    async session(body, { type }) {
      const fields = fieldsOf(body, ["events", "map", "context", "top", "token"]);
      const { events, token } = fields;
      if (token !== undefined && token !== false && typeof token !== "string")
        throw refused({ code: "WRONG_TYPE", message: "token must be a text, or false if none is wanted" });
      if (!Array.isArray(events)) throw refused({ code: "WRONG_TYPE", message: "events must be a list" });
      if (events.length > LIMITS.requestEvents) {
        throw refused({
          code: "TOO_MANY",
          message: `a session may have ${LIMITS.requestEvents} events at most`,
        });
      }
      const aspect = named(aspectOf(fields));
      const arrival = arrivalIn(contextOf(fields).context);
      const nowMs = clock.nowMs();
      const dropped = dropCounter(counters);
      const behaviours = events.flatMap((input, index) => {
        const parsed = parseEvent(input, nowMs);
        if (parsed.kind === "refused")
          throw refused({ code: parsed.code, message: `events[${index}]: ${parsed.message}` });
        return toBehaviour(parsed.event, consent(), dropped, contexts) ?? [];
      });
      const carries = token !== false;
      const carried = typeof token === "string" ? { carried: await tokens.open(token, nowMs) } : {};
      // Any shard can tell; they take turns, since many services call all their visitors the same.
      const shard = sessions++ % options.shards;
      try {
        const told = arrival === undefined ? {} : { arrival: [...arrival] };
        const asked = { ...aspect, behaviours, type, ...told, ...carried, carries };
        const [data = new Uint8Array(), next] = await askShard(shard, "session", asked);
        if (next === undefined) return { data, contentType: type };
        const { part, state } = decode(next) as CarriedState;
        const expires = nowMs + SESSION_TOKEN_MS;
        const more = { token: tokens.seal(state, expires), tokenExpires: expires, carried: part };
        return { data: extendAnswer(data, more, type), contentType: type };
      } catch (thrown) {
        throw orSoon(thrown, aspect.map);
      }
    },
  };
}

function tracedBy(span: Span | undefined): Readonly<{ traces?: readonly string[] }> {
  return span === undefined ? {} : { traces: [span.traceparent] };
}

type Group = { readonly users: string[]; readonly places: number[] };
type Part = Readonly<{ answers: readonly Uint8Array[]; places: readonly number[] }>;

function byShard(users: BatchRequest["users"], shards: number): ReadonlyMap<number, Group> {
  const groups = new Map<number, Group>();
  for (const [place, user] of users.entries()) {
    const shard = shardOf(user, shards);
    let group = groups.get(shard);
    if (group === undefined) {
      group = { users: [], places: [] };
      groups.set(shard, group);
    }
    group.users.push(user);
    group.places.push(place);
  }
  return groups;
}

function inOrder(users: number, parts: readonly Part[]): Uint8Array[] {
  const all: Uint8Array[] = new Array(users);
  for (const { answers, places } of parts)
    for (const [i, place] of places.entries()) all[place] = answers[i] ?? new Uint8Array();
  return all;
}

function columnsOf(
  parts: readonly Part[],
  facts: Parameters<typeof encodeColumns>[1],
  type: ContentType,
): Uint8Array {
  const rows = parts.map(({ answers, places }) => ({
    columns: decode(answers[0] ?? new Uint8Array()) as ShardColumns,
    places,
  }));
  return encodeColumns(rows, facts, type);
}
