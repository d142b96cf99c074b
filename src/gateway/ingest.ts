import type { Event } from "../events/event.ts";
import { LIMITS } from "../events/limits.ts";
import type { Behaviour, Feedback, Position } from "../events/log-entry.ts";
import { parseEvent } from "../events/parse-event.ts";
import { refused } from "../events/request-body.ts";
import { toWireError } from "../kernel/engine-error.ts";
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
import { logMessages } from "./log-messages.ts";
import type { ReadFeedback } from "./read-feedback.ts";
import { toBehaviour } from "./to-behaviour.ts";

/** The reply of `ingest`: what the log has stored, what it has not and why, and where each shard's last event is. */
export type IngestReply = Readonly<{
  accepted: number;
  refused: readonly EventRefusal[];
  positions: readonly Position[];
}>;

export type EventRefusal = Readonly<{ index: number; code: string; message: string }>;

/** Events of one shard, each with its place in the request. */
type Bound = Readonly<{ shard: number; indexes: number[]; behaviours: Behaviour[] }>;

/** Events taken in one go, about a millisecond's work: scores wait behind it. */
const SLICE_EVENTS = 256;

const NO_CONSENT =
  "the policy in force needs the user's consent to personalisation in the event itself, or it is not stored";

/** An event whose decision is to be read. */
type Decided = Event & { readonly decision: string };

/**
 * Validates events, routes them to their users' shards, and answers once the log has stored them.
 *
 * @param feedbackOf - Reads what an event's decision had chosen.
 */
export async function ingest(
  ports: GatewayPorts & Readonly<{ contexts: ContextReader; consent: () => ConsentInForce }>,
  options: GatewayOptions,
  counters: GatewayCounters,
  feedbackOf: (event: Decided) => Promise<ReadFeedback>,
  body: unknown,
): Promise<IngestReply> {
  const events = eventsOf(body);
  const nowMs = ports.clock.nowMs();
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
    const read = isDecided(event) ? await feedbackOf(event).catch(toldAway) : undefined;
    if (read !== undefined && read.kind !== "read") {
      refusals.push({ index, code: read.code, message: read.message });
      continue;
    }
    const behaviour = toBehaviour(event, ports.consent(), dropped, ports.contexts);
    if (behaviour === undefined) {
      refusals.push({ index, code: "NO_CONSENT", message: NO_CONSENT });
      continue;
    }
    const shard = shardOf(event.user, options.shards);
    let bound = boundOf[shard];
    if (bound === undefined) {
      bound = { shard, indexes: [], behaviours: [] };
      boundOf[shard] = bound;
      bounds.push(bound);
    }
    bound.indexes.push(index);
    bound.behaviours.push(withFeedback(behaviour, read?.feedback));
  }
  const stored = await Promise.all(bounds.map((bound) => store(ports, bound)));
  const positions: Position[] = [];
  let accepted = 0;
  for (const outcome of stored) {
    refusals.push(...outcome.refusals);
    accepted += outcome.accepted;
    if (outcome.position !== undefined) positions.push(outcome.position);
  }
  refusals.sort((a, b) => a.index - b.index);
  for (const refusal of refusals) countUp(counters.refused, refusal.code);
  counters.accepted += accepted;
  return { accepted, refused: refusals, positions };
}

function isDecided(event: Event): event is Decided {
  return event.decision !== undefined;
}

/** What can't be read at the moment is refused by itself: the rest of its batch need not wait. */
function toldAway(thrown: unknown): Readonly<{ kind: "failed"; code: string; message: string }> {
  const { code, message } = toWireError(thrown);
  return { kind: "failed", code, message };
}

function withFeedback(behaviour: Behaviour, feedback: Feedback | undefined): Behaviour {
  const isOfIt = feedback !== undefined && behaviour.decision !== undefined;
  return isOfIt ? { ...behaviour, feedback } : behaviour;
}

/** A shard whose log fails refuses its own events; the others are not lost with them. */
async function store(
  ports: GatewayPorts,
  { shard, indexes, behaviours }: Bound,
): Promise<Readonly<{ accepted: number; refusals: readonly EventRefusal[]; position?: Position }>> {
  try {
    const sequences = await ports.log.append(ports.subjects.shardLog(shard), logMessages(behaviours));
    return {
      accepted: behaviours.length,
      refusals: [],
      position: { shard, sequence: Math.max(...sequences) },
    };
  } catch (thrown) {
    const { code, message } = toWireError(thrown);
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
