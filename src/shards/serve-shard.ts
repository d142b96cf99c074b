import type { Bus, BusReply, BusRequest } from "../actors/bus.ts";
import type { Lease } from "../actors/unit-copy.ts";
import { endpointAt } from "../events/endpoint-at.ts";
import type { Behaviour } from "../events/log-entry.ts";
import type { Subjects } from "../events/subjects.ts";
import type { Clock } from "../kernel/clock.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type {
  Resonance,
  ScoreAnswer,
  ShardScoreReply,
  ShardScoreRequest,
  ShardSessionRequest,
  ShardStatus,
} from "../resonance/score-answer.ts";
import { scoreInto } from "../resonance/scorer.ts";
import { Context } from "./context.ts";
import type { ContextStore } from "./context-store.ts";
import { embedContext, rebuildIfStale } from "./embed-context.ts";
import { foldTransient } from "./fold-batch.ts";
import { membershipsOf } from "./sampling.ts";
import type { HistoriesReply, HistoriesRequest } from "./shard-messages.ts";
import type { ShardState } from "./shard-state.ts";

const MSGPACK = "application/msgpack";
const WAIT_MS = 2_000;
const OWNERS = "owners";

/** Entries that a copy may be behind and still answer: as many as a standby may be that takes over. */
const COPY_LAG_MAX = 500;
/** What a copy answers that does not own the shard, or not any more: no owner's epoch is 0. */
const NO_EPOCH = 0;

/** What requests need of a copy beside its state. */
type CopyView = Readonly<{
  node: string;
  lag(): number;
  /** Waits until an entry is folded; false if that takes longer than `waitMs`. */
  reaches(sequence: number, waitMs: number): Promise<boolean>;
}>;

/** What they need of the owner. */
type HostView = CopyView &
  Readonly<{
    /** The lease under which the shard is answered for; undefined once it is given up. */
    lease(): Lease | undefined;
    isDiskFull(): boolean;
  }>;

type ServePorts = Readonly<{ bus: Bus; clock: Clock; subjects: Subjects; store: ContextStore }>;
type Handler = (request: BusRequest) => Promise<BusReply> | BusReply;

/** Answers a shard's requests from its memory and store. @returns Closes the subscriptions. */
export async function serveShard(
  ports: ServePorts,
  state: ShardState,
  host: HostView,
): Promise<() => Promise<void>> {
  const answers = new Answers(state, ports.clock);
  const handlers: Record<string, Handler> = {
    ...readsOf(state, answers, host, () => ownerOf(state.shard, host).epoch),
    status: () =>
      reply({
        shard: state.shard,
        node: host.node,
        epoch: ownerOf(state.shard, host).epoch,
        ready: true,
        diskFull: host.isDiskFull(),
        applied: state.applied,
        lag: host.lag(),
        resident: state.contexts.size,
        users: ports.store.users(),
        events: state.counters.events,
        duplicates: state.counters.duplicates,
        deadLetters: state.counters.deadLetters,
        versions: answers.versions(),
      } satisfies ShardStatus),
    histories(request) {
      return reply(historiesOf(state, ports.store, decode(request.data) as HistoriesRequest));
    },
  };
  const { bus, subjects } = ports;
  const served = await Promise.all(
    Object.entries(handlers).flatMap(([name, handler]) => {
      const answer = async (request: BusRequest): Promise<BusReply> => {
        ownerOf(state.shard, host);
        const answered = await handler(request);
        ownerOf(state.shard, host); // It may have waited: by now another may answer.
        return answered;
      };
      return [
        // While the shard changes hands, the old owner and the new share the requests.
        bus.serve(subjects.shard(state.shard, name), answer, { queue: OWNERS }),
        bus.serve(subjects.shard(state.shard, endpointAt(name, host.node)), answer),
      ];
    }),
  );
  return async () => void (await Promise.all(served.map((one) => one.close())));
}

/**
 * Answers reads from a copy that has caught up, whoever owns the shard, and also if nobody does: what it holds is what
 * an owner would hold, but for the last moments, and a request may say which entry it must have folded.
 *
 * @returns Closes the subscriptions.
 */
export async function serveCopy(
  ports: ServePorts,
  state: ShardState,
  copy: CopyView,
): Promise<() => Promise<void>> {
  const reads = readsOf(state, new Answers(state, ports.clock), copy, () => NO_EPOCH);
  const served = await Promise.all(
    Object.entries(reads).map(([name, handler]) => {
      const answer = async (request: BusRequest): Promise<BusReply> => {
        if (copy.lag() > COPY_LAG_MAX) throw notCaughtUp(state, state.applied + copy.lag());
        return handler(request);
      };
      return ports.bus.serve(
        ports.subjects.shard(state.shard, endpointAt(`copy-${name}`, copy.node)),
        answer,
      );
    }),
  );
  return async () => void (await Promise.all(served.map((one) => one.close())));
}

function reply(value: unknown): BusReply {
  return { data: encode(value), contentType: MSGPACK };
}

/** @param epochNow - Asked last: what was waited for may have taken the lease along. */
function readsOf(
  state: ShardState,
  answers: Answers,
  copy: CopyView,
  epochNow: () => number,
): Readonly<Record<"score" | "session", Handler>> {
  return {
    async score(request) {
      const asked = decode(request.data) as ShardScoreRequest;
      const { atLeast, waitMs = WAIT_MS } = asked;
      if (atLeast !== undefined && !(await copy.reaches(atLeast, waitMs))) throw notCaughtUp(state, atLeast);
      return reply({
        answers: asked.users.map((user) => answers.score(user, asked.map)),
        epoch: epochNow(),
      } satisfies ShardScoreReply);
    },
    session(request) {
      const asked = decode(request.data) as ShardSessionRequest;
      const answer = answers.session(asked.behaviours as readonly Behaviour[], asked.map);
      return reply({ answers: [answer], epoch: epochNow() } satisfies ShardScoreReply);
    },
  };
}

/** @throws EngineError `NOT_OWNER` (retryable) if the lease is lost. */
function ownerOf(shard: number, host: HostView): Lease {
  const lease = host.lease();
  if (lease?.isHeld() === true) return lease;
  const message = `this node does not hold the lease of shard ${shard}: ask again, its new owner will answer`;
  throw new EngineError({ code: "NOT_OWNER", message, retryable: true, detail: { shard } });
}

class Answers {
  readonly #state: ShardState;
  readonly #clock: Clock;

  constructor(state: ShardState, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  score(user: string, map: string | undefined): ScoreAnswer {
    const context = this.#state.contexts.find(user);
    if (context !== undefined) rebuildIfStale(this.#state, context);
    return this.#answer(context ?? this.#nobody(user), context !== undefined, map);
  }

  session(behaviours: readonly Behaviour[], map: string | undefined): ScoreAnswer {
    const context = this.#nobody(behaviours[0]?.user ?? "");
    for (const behaviour of behaviours) foldTransient(this.#state, context, behaviour);
    return this.#answer(context, false, map);
  }

  versions(): ScoreAnswer["versions"] {
    const { encoder, scorers, definitions } = this.#state;
    return {
      encoder: encoder.version,
      trained: encoder.trained,
      profiles: Object.fromEntries(scorers.map((scorer) => [scorer.map, scorer.version])),
      segments: definitions.version,
    };
  }

  #answer(context: Context, known: boolean, map: string | undefined): ScoreAnswer {
    const state = this.#state;
    const evidence = embedContext(state, context);
    const resonances = state.scorers.flatMap((scorer, m): Resonance[] => {
      if (map !== undefined && scorer.map !== map) return [];
      const scores = state.scratch.scores[m]!;
      scoreInto(scorer, state.scratch.embedding, evidence, scores);
      const held = context.resonating.get(scorer.map);
      const segments = scorer.segments.map((segment, k) => ({
        segment,
        probability: scores.probabilities[k]!,
        similarity: scores.similarities[k]!,
        resonating: held?.has(segment) === true,
      }));
      return [{ map: scorer.map, segments, none: scores.probabilities[scorer.segments.length]! }];
    });
    if (map !== undefined && resonances.length === 0) {
      const message = `no map "${map}" is defined: ${state.scorers.map((scorer) => scorer.map).join(", ") || "none is"}`;
      throw new EngineError({ code: "UNKNOWN_MAP", message, retryable: false });
    }
    const nowMs = this.#clock.nowMs();
    const profilesMs = state.scorers.map((scorer) => {
      const atMs = state.activatedMs.get(scorer.map);
      return [scorer.map, atMs === undefined ? null : Math.max(0, nowMs - atMs)] as const;
    });
    return {
      user: context.user,
      known,
      resonances,
      versions: this.versions(),
      ages: {
        contextMs: context.events === 0 ? null : Math.max(0, nowMs - context.lastTsMs),
        profilesMs: Object.fromEntries(profilesMs),
      },
      evidence,
      position: { shard: state.shard, sequence: state.applied },
    };
  }

  /** The context of somebody of whom nothing is held: all zero, so that they get the prior. */
  #nobody(user: string): Context {
    const { encoder } = this.#state;
    return new Context(user, encoder.slots, encoder.version);
  }
}

function historiesOf(state: ShardState, store: ContextStore, request: HistoriesRequest): HistoriesReply {
  const users = store.authenticatedAfter(request.after, request.limit);
  const histories = users.flatMap((user) => {
    const context = state.contexts.peek(user);
    if (context === undefined) return [];
    const labels = membershipsOf(state.definitions.maps, context);
    return [{ user, labels, events: state.recent.packed(context) }];
  });
  const last = users.at(-1);
  return users.length < request.limit || last === undefined ? { histories } : { histories, next: last };
}

function notCaughtUp(state: ShardState, sequence: number): EngineError {
  const message = `shard ${state.shard} has folded ${state.applied} entries, ${sequence} are asked for: try again`;
  return new EngineError({
    code: "NOT_CAUGHT_UP",
    message,
    retryable: true,
    detail: { applied: state.applied },
  });
}
