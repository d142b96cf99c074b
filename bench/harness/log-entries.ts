import { encodeEntry } from "../../src/events/log-codec.ts";
import { parseEvent } from "../../src/events/parse-event.ts";
import { toBehaviour } from "../../src/gateway/to-behaviour.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import type { SentEvent } from "./event-source.ts";
import type { PublishedMessage } from "./load-tasks.ts";

/** Events as the gateway would put them into the shards' logs: one list a shard. */
export function logEntries(events: readonly SentEvent[], shards: number): PublishedMessage[][] {
  const nowMs = Date.now();
  const byShard = Array.from({ length: shards }, (): PublishedMessage[] => []);
  for (const event of events) {
    const data = logEntry(event, nowMs);
    byShard[shardOf(event.user, shards)]?.push({ id: `<${event.user}\u001f${event.id}>`, data });
  }
  return byShard;
}

/** One event as the gateway would put it into a log. */
export function logEntry(event: SentEvent, nowMs: number): Uint8Array {
  const parsed = parseEvent(event, nowMs);
  if (parsed.kind === "refused") throw new Error(`${event.id}: ${parsed.code}: ${parsed.message}`);
  return encodeEntry(toBehaviour(parsed.event, () => {}));
}
