import type { Bus, BusReply, BusRequest } from "../actors/bus.ts";
import type { Log } from "../actors/log.ts";
import { RowStream } from "../actors/row-stream.ts";
import type { Tracer } from "../actors/tracer.ts";
import type { Lease } from "../actors/unit-copy.ts";
import type { LoggedDecision } from "../content/content-answer.ts";
import { endpointAt } from "../events/endpoint-at.ts";
import type { Subjects } from "../events/subjects.ts";
import type { Clock } from "../kernel/clock.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { HalfSipKey } from "../kernel/half-sip-hash.ts";
import { decode } from "../kernel/msgpack.ts";
import { DecisionIds } from "../resonance/decision-id.ts";
import type { LatelyReply, LatelyRequest } from "../resonance/lately-answer.ts";
import type { ShardStatus } from "../resonance/score-answer.ts";
import type { StandingRequest } from "../resonance/user-standing.ts";
import { mayBeKnown } from "./allowed-of.ts";
import { anonymousSample } from "./anonymous-sample.ts";
import {
  type CompareRequest,
  compareMemberships,
  compareUsers,
  type MembershipsRequest,
} from "./compare-users.ts";
import { ContentAnswers } from "./content-answers.ts";
import type { Context } from "./context.ts";
import type { ContextStore } from "./context-store.ts";
import { type DriftRequest, driftPage } from "./drift-page.ts";
import { ExposureLog } from "./exposure-log.ts";
import { mayBeMember } from "./may-be-member.ts";
import { membershipsOf } from "./sampling.ts";
import { ScoreAnswers } from "./score-answers.ts";
import { type CopyView, type Handler, notCaughtUp, packed, publicReadsOf, readsOf } from "./serve-scores.ts";
import type { HistoriesReply, HistoriesRequest, TrafficRequest } from "./shard-messages.ts";
import type { ShardState } from "./shard-state.ts";
import { standingPage } from "./standing-page.ts";
import { visitorsOnPlane } from "./visitors-on-plane.ts";

const OWNERS = "owners";

/** Entries that a copy may be behind and still answer: as many as a standby may be that takes over. */
const COPY_LAG_MAX = 500;
/** What a copy answers that does not own the shard, or not any more: no owner's epoch is 0. */
const NO_EPOCH = 0;

/** What requests need of the owner. */
type HostView = CopyView &
  Readonly<{
    /** The lease under which the shard is answered for; undefined once it is given up. */
    lease(): Lease | undefined;
    isDiskFull(): boolean;
    /** Last entry whose transaction is committed. */
    committed(): number;
    /** Resolves once what is folded by now is in the store, or can't be. */
    settle(): Promise<void>;
  }>;

type ServePorts = Readonly<{
  bus: Bus;
  tracer?: Tracer;
  log: Log;
  clock: Clock;
  subjects: Subjects;
  store: ContextStore;
  sleep(ms: number): Promise<void>;
  /** A new unique id. */
  newId(): string;
  /** What the ids of answers are sealed with. */
  decisionKey: HalfSipKey;
}>;

/** Answers a shard's requests from its memory and store. @returns Closes the subscriptions. */
export async function serveShard(
  ports: ServePorts,
  state: ShardState,
  host: HostView,
): Promise<() => Promise<void>> {
  const { bus, sleep, subjects } = ports;
  const { shard } = state;
  const answers = answersOf(ports, state);
  const decided = new RowStream<LoggedDecision>(ports, subjects.decisions);
  const exposed = new ExposureLog(ports, subjects.shardLog(shard));
  const contents = contentsOf(ports, state, answers, { decided, exposed });
  const epochNow = () => ownerOf(shard, host).epoch;
  const reads = { bus, tracer: ports.tracer, state, answers, contents, copy: host, sleep, epochNow };
  const handlers: Record<string, Handler> = {
    ...readsOf(reads),
    status: () =>
      packed({
        shard,
        node: host.node,
        epoch: ownerOf(shard, host).epoch,
        ready: true,
        diskFull: host.isDiskFull(),
        committed: host.committed(),
        applied: state.applied,
        lag: host.lag(),
        resident: state.contexts.size,
        users: ports.store.users(),
        events: state.counters.events,
        duplicates: state.counters.duplicates,
        deadLetters: state.counters.deadLetters,
        withheld: state.counters.withheld,
        withdrawals: state.counters.withdrawals,
        withheldBy: state.withheld.figures(),
        bots: state.counters.bots,
        erasing: state.erasures.length,
        lostDecisions: decided.lost,
        versions: answers.versions(),
        warmUps: state.warmUps.map(({ kind, version, sampled, done }) => ({ kind, version, sampled, done })),
      } satisfies ShardStatus),
    traffic(request) {
      const { map, limit } = decode(request.data) as TrafficRequest;
      const users = anonymousSample(knownOf(state), limit);
      return packed(answers.columns(users, map, ["similarities"]));
    },
    async histories(request) {
      const asked = decode(request.data) as HistoriesRequest;
      if (asked.after === undefined) await host.settle(); // Members are looked up in the store.
      return packed(historiesOf(state, ports.store, asked));
    },
    lately({ data }) {
      const now = { nowMs: ports.clock.nowMs(), monotonicMs: ports.clock.monotonicMs() };
      const told = visitorsOnPlane(state, answers, decode(data) as LatelyRequest, now);
      return packed({ ...told, epoch: ownerOf(shard, host).epoch } satisfies LatelyReply);
    },
    drift: ({ data }) => packed(driftPage(state, decode(data) as DriftRequest)),
    standing: ({ data }) => packed(standingPage(state, decode(data) as StandingRequest, ports.clock.nowMs())),
    compare: ({ data }) => packed(compareUsers(state, decode(data) as CompareRequest)),
    memberships: ({ data }) =>
      packed(compareMemberships(state, ports.store, decode(data) as MembershipsRequest)),
  };
  const owned = (handler: Handler) => (request: BusRequest) => {
    ownerOf(shard, host);
    const answered = handler(request);
    if (!(answered instanceof Promise)) return stillOwned(shard, host, answered);
    return answered.then((reply) => stillOwned(shard, host, reply));
  };
  // While the shard changes hands, the old owner and the new share the requests.
  const shared = { queue: OWNERS };
  const served = await Promise.all([
    ...Object.entries(handlers).flatMap(([name, handler]) => [
      bus.serve(subjects.shard(shard, name), owned(handler), shared),
      bus.serve(subjects.shard(shard, endpointAt(name, host.node)), owned(handler)),
    ]),
    ...Object.entries(publicReadsOf(reads)).map(([name, handler]) =>
      bus.serve(subjects.api(`${name}.${shard}`), handler, shared),
    ),
  ]);
  return async () => {
    await Promise.all(served.map((one) => one.close()));
    await decided.close();
    await exposed.close();
  };
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
  const answers = answersOf(ports, state);
  const { bus, sleep, subjects } = ports;
  const decided = new RowStream<LoggedDecision>(ports, subjects.decisions);
  const exposed = new ExposureLog(ports, subjects.shardLog(state.shard));
  const contents = contentsOf(ports, state, answers, { decided, exposed });
  const reads = readsOf({
    bus,
    tracer: ports.tracer,
    state,
    answers,
    contents,
    copy,
    sleep,
    epochNow: () => NO_EPOCH,
  });
  const served = await Promise.all(
    Object.entries(reads).map(([name, handler]) => {
      const answer = (request: BusRequest) => {
        if (copy.lag() > COPY_LAG_MAX) throw notCaughtUp(state, state.applied + copy.lag());
        return handler(request);
      };
      return bus.serve(ports.subjects.shard(state.shard, endpointAt(`copy-${name}`, copy.node)), answer);
    }),
  );
  return async () => {
    await Promise.all(served.map((one) => one.close()));
    await decided.close();
    await exposed.close();
  };
}

function contentsOf(
  { clock, decisionKey, newId }: ServePorts,
  state: ShardState,
  answers: ScoreAnswers,
  { decided, exposed }: Readonly<{ decided: RowStream<LoggedDecision>; exposed: ExposureLog }>,
): ContentAnswers {
  const ids = new DecisionIds(decisionKey, newId());
  return new ContentAnswers(
    state,
    answers,
    clock,
    ids,
    (decision) => decided.add(decision),
    (one) => exposed.add(one),
  );
}

function answersOf({ clock, decisionKey, newId }: ServePorts, state: ShardState): ScoreAnswers {
  return new ScoreAnswers(state, clock, new DecisionIds(decisionKey, newId()));
}

/** It may have waited, or the process stood still: by now another may answer. */
function stillOwned(shard: number, host: HostView, reply: BusReply): BusReply {
  ownerOf(shard, host);
  return reply;
}

/** @throws EngineError `NOT_OWNER` (retryable) if the lease is lost. */
function ownerOf(shard: number, host: HostView): Lease {
  const lease = host.lease();
  if (lease?.isHeld() === true) return lease;
  const message = `this node does not hold the lease of shard ${shard}: ask again, its new owner will answer`;
  throw new EngineError({ code: "NOT_OWNER", message, retryable: true, detail: { shard } });
}

/** Contexts in memory of those who may be personalised for. */
function* knownOf(state: ShardState): Generator<Context> {
  for (const context of state.contexts.values()) if (mayBeKnown(state, context)) yield context;
}

function historiesOf(state: ShardState, store: ContextStore, request: HistoriesRequest): HistoriesReply {
  const users = store.authenticatedAfter(request.after, request.limit);
  const histories = users.flatMap((user) => {
    const context = state.contexts.peek(user);
    if (context === undefined || !mayBeMember(state, context)) return [];
    const labels = membershipsOf(state.definitions.maps, context);
    const arrival = context.arrival === undefined ? {} : { arrival: [...context.arrival] };
    return [{ user, labels, events: state.recent.packed(context), ...arrival }];
  });
  const last = users.at(-1);
  return users.length < request.limit || last === undefined ? { histories } : { histories, next: last };
}
