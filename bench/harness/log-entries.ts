import { encodeEntry } from "../../src/events/log-codec.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { parseEvent } from "../../src/events/parse-event.ts";
import { DEFAULT_CONSENT } from "../../src/gateway/consent-policy.ts";
import { ContextReader } from "../../src/gateway/context-reader.ts";
import { logMessages } from "../../src/gateway/log-messages.ts";
import { toBehaviour } from "../../src/gateway/to-behaviour.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import type { SentEvent } from "./event-source.ts";
import type { PublishedMessage } from "./load-tasks.ts";

const CONTEXTS = new ContextReader();

/** What a shard's log is given. */
export type ShardMessages = Readonly<{ messages: PublishedMessage[]; events: number }>;

/**
 * Events as the gateway would put them into the shards' logs if they came in requests of so many: one list a shard.
 */
export function logEntries(
  events: readonly SentEvent[],
  shards: number,
  requestEvents: number,
): ShardMessages[] {
  const nowMs = Date.now();
  const found = Array.from({ length: shards }, () => ({ messages: [] as PublishedMessage[], events: 0 }));
  for (let at = 0; at < events.length; at += requestEvents) {
    const behaviours = events.slice(at, at + requestEvents).map((event) => behaviourOf(event, nowMs));
    for (const [shard, own] of Map.groupBy(behaviours, ({ user }) => shardOf(user, shards))) {
      const of = found[shard]!;
      of.messages.push(...logMessages(own));
      of.events += own.length;
    }
  }
  return found;
}

/** One event as the gateway would put it into a log. */
export function logEntry(event: SentEvent, nowMs: number): Uint8Array {
  return encodeEntry(behaviourOf(event, nowMs));
}

function behaviourOf(event: SentEvent, nowMs: number): Behaviour {
  const parsed = parseEvent(event, nowMs);
  if (parsed.kind === "refused") throw new Error(`${event.id}: ${parsed.code}: ${parsed.message}`);
  const behaviour = toBehaviour(parsed.event, DEFAULT_CONSENT, () => {}, CONTEXTS);
  if (behaviour === undefined) throw new Error(`${event.id}: nothing of it may be stored`);
  return behaviour;
}
