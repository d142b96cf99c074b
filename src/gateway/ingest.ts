import type { Producer } from "../actors/bus.ts";
import type { Span } from "../actors/tracer.ts";
import type { Event } from "../events/event.ts";
import { LIMITS } from "../events/limits.ts";
import type { Behaviour, Feedback, Position } from "../events/log-entry.ts";
import { parseEvent } from "../events/parse-event.ts";
import { refused } from "../events/request-body.ts";
import { EngineError, toWireError } from "../kernel/engine-error.ts";
import { shardOf } from "../kernel/hash.ts";
import type { ConsentInForce } from "./consent-policy.ts";
import type { ContextReader } from "./context-reader.ts";
import {
  countUp,
  dropCounter,
  type GatewayCounters,
  type GatewayOptions,
  type GatewayPorts,
} from "./gateway-ports.ts";
import { type IngestLimits, rateLimited } from "./ingest-limits.ts";
import type { LagWatch } from "./lag-watch.ts";
import { logMessages } from "./log-messages.ts";
import type { ReadFeedback } from "./read-feedback.ts";
import { toBehaviour } from "./to-behaviour.ts";

/** The reply of `ingest`: what the log has stored, what it has not and why, and where each shard's last event is. */
export type IngestReply = Readonly<{
  accepted: number;
  refused: readonly EventRefusal[];
  positions: readonly Position[];
}>;

export type EventRefusal = Readonly<{
  index: number;
  code: string;
  message: string;
  /** It may be taken after so long, if nothing else is wrong with it. */
  retryAfterMs?: number;
}>;

/** What `ingest` needs beside the ports. */
export type IngestParts = Readonly<{
  contexts: ContextReader;
  /** What is allowed, by the policy in force. */
  consent(): ConsentInForce;
  limits: IngestLimits;
  lags: LagWatch;
  /** Reads what an event's decision had chosen. */
  feedbackOf(event: Decided): Promise<ReadFeedback>;
}>;

/** Events of one shard, each with its place in the request. */
type Bound = Readonly<{ shard: number; indexes: number[]; behaviours: Behaviour[] }>;

/** Events taken in one go, about a millisecond's work: scores wait behind it. */
const SLICE_EVENTS = 256;

const NO_CONSENT =
  "the policy in force needs the user's consent to personalisation in the event itself, or it is not stored";

/** An event whose decision is to be read. */
type Decided = Event & { readonly decision: string };

/**
 * Validates events, routes them to their users' shards, and answers once the log has stored them. Who sends too much, and
 * what is for a shard that is too far behind, is refused before that costs much.
 *
 * @param asker - Who sends them, as far as is told, and the request's span, if it is recorded.
 * @throws EngineError `RATE_LIMITED` or `OVERLOADED` if that is why none of them was taken.
 */
export async function ingest(
  { contexts, consent, limits, lags, feedbackOf, ...ports }: GatewayPorts & IngestParts,
  options: GatewayOptions,
  counters: GatewayCounters,
  body: unknown,
  { producer, span }: Readonly<{ producer?: Producer; span?: Span }> = {},
): Promise<IngestReply> {
  const events = eventsOf(body);
  const nowMs = ports.clock.nowMs();
  const tickMs = ports.clock.monotonicMs();
  limits.admit(producer, events.length, tickMs);
  const refusals: EventRefusal[] = [];
  const dropped = dropCounter(counters);
  const bounds: Bound[] = [];
  const boundOf: (Bound | undefined)[] = new Array(options.shards);
  for (let index = 0; index < events.length; index++) {
    if (index > 0 && index % SLICE_EVENTS === 0) await ports.sleep(0);
    const parsed = parseEvent(events[index], nowMs);
    if (parsed.kind === "refused") {
      refusals.push({ index, code: parsed.code, message: parsed.message });
      continue;
    }
    const { event } = parsed;
    const shard = shardOf(event.user, options.shards);
    const tooMuch =
      refusedForLoad(lags.retryAfterMs(shard), shard) ??
      refusedForRate(limits.admitEventOf(event.user, tickMs));
    if (tooMuch !== undefined) {
      refusals.push({ index, ...tooMuch });
      continue;
    }
    const read = isDecided(event) ? await feedbackOf(event).catch(toldAway) : undefined;
    if (read !== undefined && read.kind !== "read") {
      refusals.push({ index, code: read.code, message: read.message });
      continue;
    }
    const behaviour = toBehaviour(event, consent(), dropped, contexts);
    if (behaviour === undefined) {
      refusals.push({ index, code: "NO_CONSENT", message: NO_CONSENT });
      continue;
    }
    let bound = boundOf[shard];
    if (bound === undefined) {
      bound = { shard, indexes: [], behaviours: [] };
      boundOf[shard] = bound;
      bounds.push(bound);
    }
    bound.indexes.push(index);
    const isAutomated = event.context !== undefined && contexts.isAutomated(event.context);
    if (isAutomated) counters.automated++;
    bound.behaviours.push(marked(behaviour, read?.feedback, isAutomated));
  }
  const stored = await Promise.all(bounds.map((bound) => store(ports, bound, span)));
  const positions: Position[] = [];
  let accepted = 0;
  for (const outcome of stored) {
    refusals.push(...outcome.refusals);
    accepted += outcome.accepted;
    if (outcome.position === undefined) continue;
    positions.push(outcome.position);
    lags.appended(outcome.position.shard, outcome.position.sequence);
  }
  refusals.sort((a, b) => a.index - b.index);
  for (const refusal of refusals) countUp(counters.refused, refusal.code);
  counters.accepted += accepted;
  throwIfAllMustWait(refusals, events.length);
  return { accepted, refused: refusals, positions };
}

type LoadRefusal = Omit<EventRefusal, "index"> & Readonly<{ retryAfterMs: number }>;

function refusedForLoad(retryAfterMs: number, shard: number): LoadRefusal | undefined {
  if (retryAfterMs === 0) return undefined;
  const message = `shard ${shard} is too far behind its log: try again in ${retryAfterMs} ms`;
  return { code: "OVERLOADED", message, retryAfterMs };
}

function refusedForRate(retryAfterMs: number): LoadRefusal | undefined {
  if (retryAfterMs === 0) return undefined;
  const { code, message } = rateLimited("user", retryAfterMs);
  return { code, message, retryAfterMs };
}

/** Then the request is to be sent again as it is, and whoever knows nothing of its reply's lists is told so too. */
function throwIfAllMustWait(refusals: readonly EventRefusal[], events: number): void {
  if (events === 0 || refusals.length < events) return;
  let longest: EventRefusal | undefined;
  for (const refusal of refusals) {
    if (refusal.retryAfterMs === undefined) return;
    if (refusal.retryAfterMs > (longest?.retryAfterMs ?? -1)) longest = refusal;
  }
  if (longest === undefined) return;
  const { code, message, retryAfterMs } = longest;
  throw new EngineError({ code, message, retryable: true, detail: { retryAfterMs } });
}

function isDecided(event: Event): event is Decided {
  return event.decision !== undefined;
}

/** What can't be read at the moment is refused by itself: the rest of its batch need not wait. */
function toldAway(thrown: unknown): Readonly<{ kind: "failed"; code: string; message: string }> {
  const { code, message } = toWireError(thrown);
  return { kind: "failed", code, message };
}

function marked(behaviour: Behaviour, feedback: Feedback | undefined, automated: boolean): Behaviour {
  const isOfIt = feedback !== undefined && behaviour.decision !== undefined;
  if (!isOfIt && !automated) return behaviour; // Nearly all of them.
  return { ...behaviour, ...(isOfIt && { feedback }), ...(automated && { automated }) };
}

/** A shard whose log fails refuses its own events; the others are not lost with them. */
async function store(
  ports: GatewayPorts,
  { shard, indexes, behaviours }: Bound,
  request: Span | undefined,
): Promise<Readonly<{ accepted: number; refusals: readonly EventRefusal[]; position?: Position }>> {
  const stream = ports.subjects.shardLog(shard);
  const facts = { "messaging.destination.name": stream, "resonance.events": behaviours.length };
  const { tracer } = ports;
  const span =
    request && tracer?.start("log append", { kind: "producer", parent: request.traceparent, facts });
  try {
    const sequences = await ports.log.append(stream, logMessages(behaviours, span?.traceparent));
    span?.end();
    return {
      accepted: behaviours.length,
      refusals: [],
      position: { shard, sequence: Math.max(...sequences) },
    };
  } catch (thrown) {
    const { code, message } = toWireError(thrown);
    span?.end(code);
    return { accepted: 0, refusals: indexes.map((index) => ({ index, code, message })) };
  }
}

/** One event, or `{events: [...]}`. */
function eventsOf(body: unknown): readonly unknown[] {
  const isBatch =
    typeof body === "object" && body !== null && !Array.isArray(body) && Object.hasOwn(body, "events");
  if (!isBatch) return [body];
  const { events, ...more } = body as Readonly<Record<string, unknown>>;
  if (Object.keys(more).length > 0)
    throw refused({ code: "UNKNOWN_FIELD", message: "a batch has events, nothing else" });
  if (!Array.isArray(events)) throw refused({ code: "WRONG_TYPE", message: "events must be a list" });
  if (events.length <= LIMITS.requestEvents) return events;
  throw refused({
    code: "TOO_MANY",
    message: `a request may have ${LIMITS.requestEvents} events at most: split it`,
  });
}
