import { randomUUID } from "node:crypto";
import type { Catalogue, Definitions, Explained, Profiles, SessionScore, Status } from "./answers.ts";
import type { ResonanceEvent } from "./event.ts";
import type { IngestCall } from "./ingest-call.ts";
import { IngestQueue, type IngestReply } from "./ingest-queue.ts";
import type { MapsShape, PlacementsShape } from "./maps.ts";
import { type Connected, connectNats, prefixIn } from "./nats-connection.ts";
import { type ConnectOptions, DEFAULT_PREFIX, DEFAULT_TIMEOUT_MS, queueOptions } from "./options.ts";
import { type CurrentTrace, openTelemetryTrace } from "./propagation.ts";
import { headersOf, Questions } from "./questions.ts";
import { Requests } from "./requests.ts";
import type { Resonance } from "./resonance.ts";
import { ResonanceError } from "./resonance-error.ts";
import { Scores } from "./scores.ts";
import { ShardWays } from "./shard-ways.ts";
import { TransitionStream } from "./transition-stream.ts";
import { readReply } from "./wire.ts";

const CLOSE_PATIENCE_MS = 30_000;
const BUFFER_MAX = 10_000;
/** Patience with a request of events: a gateway that died with it never answers. Then twice as long, up to the last. */
const SEND_MS = { first: 3_000, most: 24_000 };
const SHARDS_MS = 2_000;

/**
 * Connects to a running engine.
 *
 * @throws ResonanceError `NATS_UNREACHABLE` (retryable), `NATS_UNAUTHORIZED`, `NATS_TLS_FAILED`, `CREDENTIALS_UNREADABLE`.
 */
export async function connect<
  Maps extends MapsShape = MapsShape,
  Placements extends PlacementsShape = PlacementsShape,
>(options: ConnectOptions = {}): Promise<Resonance<Maps, Placements>> {
  const bounds = queueOptions(options.queue);
  const { trace } = options;
  const [connected, currentTrace, folderPrefix] = await Promise.all([
    connectNats(options),
    trace === undefined ? openTelemetryTrace() : trace === false ? () => undefined : trace,
    options.auth === undefined ? undefined : prefixIn(options.auth),
  ]);
  const prefix = options.prefix ?? folderPrefix ?? DEFAULT_PREFIX;
  return overConnection(connected, { ...options, prefix }, currentTrace, bounds) as unknown as Resonance<
    Maps,
    Placements
  >;
}

function overConnection(
  { nc, inboxPrefix, isOwn }: Connected,
  options: ConnectOptions & Readonly<{ prefix: string }>,
  trace: CurrentTrace,
  bounds: ReturnType<typeof queueOptions>,
): Resonance {
  const { prefix, producer, onRefused, direct = true, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const requests = new Requests(nc, inboxPrefix);
  const questions = new Questions(requests, { prefix, trace, timeoutMs });
  const learn = (): Promise<unknown> => questions.askOnce("shards", {}, { timeoutMs: SHARDS_MS });
  const ways = new ShardWays(learn, () => performance.now(), direct);
  requests.onConnection((isUp) => {
    if (isUp) ways.renewed();
  });
  const scores = new Scores(questions, ways);
  const named = producer === undefined ? undefined : { "Resonance-Producer": producer };
  const queue = new IngestQueue(
    {
      async send(body, fields, failures) {
        const patienceMs = Math.min(SEND_MS.most, SEND_MS.first * 2 ** Math.min(failures, 3));
        const headers = headersOf(named, fields);
        const asking = { timeoutMs: patienceMs, ...(headers === undefined ? {} : { headers }) };
        return readReply(await requests.ask(`${prefix}.v1.ingest`, body, asking)) as IngestReply;
      },
      newId: randomUUID,
      nowMs: () => Date.now(),
      monotonicMs: () => performance.now(),
      later(ms, act) {
        const timer = setTimeout(act, ms);
        return () => clearTimeout(timer);
      },
      chance: () => Math.random(),
      trace,
      onRefused,
    },
    bounds,
  );
  const taken = (events: ResonanceEvent | readonly ResonanceEvent[], signal?: AbortSignal): IngestCall =>
    queue.take(isMany(events) ? events : [events], signal);
  const ingest: Resonance["ingest"] = (events, { signal } = {}) => {
    const settled = promised(() => taken(events, signal).settled);
    if (onRefused !== undefined) settled.catch(() => {}); // It is told there: a promise that nobody awaits is no fault.
    return settled;
  };
  let closing: Promise<void> | undefined;
  const end = async (patienceMs: number): Promise<void> => {
    const left = await queue.close(patienceMs);
    if (isOwn) await nc.close();
    if (left > 0) throw notDrained(left, patienceMs);
  };
  const close = (patienceMs = CLOSE_PATIENCE_MS): Promise<void> => {
    closing ??= end(patienceMs);
    return closing;
  };
  return {
    ingest,
    async enqueue(events) {
      const call = taken(events);
      call.settled.then(
        ({ refused }) => warnOf(refused.length, refused[0]?.code, onRefused),
        (error: ResonanceError) => warnOf(1, error.code, onRefused),
      );
      await call.taken;
    },
    flush: () => queue.flush(),
    get pending() {
      return queue.size;
    },
    // What is answered has the names that were asked for: here they are texts, the caller has their types.
    score: (user, given) => scores.score(user, given) as Promise<never>,
    scoreMany: (users, given) => scores.table(users, given) as Promise<never>,
    async scoreSession(events, { map, context, top, token, ...how } = {}) {
      const whole = events.map((event) => ({
        ...event,
        id: event.id ?? randomUUID(),
        ts: event.ts ?? Date.now(),
      }));
      const body = { events: whole, map, context, top, token };
      const reply = (await questions.ask("score.session", body, how)) as SessionScore;
      return { ...reply, way: "gateway" } as never;
    },
    async content(user, placement, { context, ...how } = {}) {
      return (await questions.ask("content", { user, placement, context }, how)) as never;
    },
    async explain(about, { segments, ...how } = {}) {
      return (await questions.ask("explain", { ...about, segments }, how)) as Explained;
    },
    async profiles({ map, curve, ...how } = {}) {
      const { maps } = (await questions.ask("profiles", { map, curve }, how)) as { maps: Profiles[] };
      return maps;
    },
    status: async (how) => (await questions.ask("status", {}, how)) as Status,
    segments: async (how) => (await questions.ask("segments.get", {}, how)) as Definitions,
    catalogue: async (how) => (await questions.ask("content.get", {}, how)) as Catalogue,
    transitions({ map, segment, bufferMax = BUFFER_MAX, signal, onDropped } = {}) {
      const subject = `${prefix}.v1.transitions.${map ?? "*"}.${segment ?? "*"}`;
      return new TransitionStream(nc, { subject, bufferMax, signal, onDropped }) as never;
    },
    feedback: ({ user, decision }, outcome, more = {}) => ingest({ ...more, user, decision, type: outcome }),
    identify: (user, who) => ingest({ ...who, user, type: "identify" }),
    consent: (user, purposes) => ingest({ user, type: "consent", consent: purposes }),
    ways: scores.counts,
    onConnection: (listener) => requests.onConnection(listener),
    nats: nc,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

/** What is thrown at once as a promise's, too: whoever calls has one place to look. */
async function promised<Value>(act: () => Promise<Value>): Promise<Value> {
  return act();
}

function isMany(events: ResonanceEvent | readonly ResonanceEvent[]): events is readonly ResonanceEvent[] {
  return Array.isArray(events);
}

/** What nobody else is told of must not pass in silence. */
function warnOf(count: number, code: string | undefined, onRefused: unknown): void {
  if (count === 0 || onRefused !== undefined) return;
  process.emitWarning(`${count} events were refused or lost, the first one for ${code}: see onRefused`, {
    type: "ResonanceWarning",
    ...(code === undefined ? {} : { code }),
  });
}

function notDrained(left: number, patienceMs: number): ResonanceError {
  const message = `${left} events could not be stored within ${patienceMs} ms`;
  return new ResonanceError({ code: "NOT_DRAINED", message, retryable: false, detail: { left } });
}
