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
    const parsed = parseEvent(event, nowMs);
    if (parsed.kind === "refused") throw new Error(`${event.id}: ${parsed.code}: ${parsed.message}`);
    const data = encodeEntry(toBehaviour(parsed.event, () => {}));
    byShard[shardOf(event.user, shards)]?.push({ id: `<${event.user}\u001f${event.id}>`, data });
  }
  return byShard;
}
