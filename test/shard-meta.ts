import type { ShardMeta } from "../src/shards/context-store.ts";

/** What a store tells of itself that holds the first entries of a log, and nothing in force. */
export function shardMeta(given: Partial<ShardMeta> = {}): ShardMeta {
  return {
    ...{ applied: 1, schema: "s", encoder: "e", encoderOrder: 0, profiles: {}, activatedMs: {} },
    ...{ segments: 0, nextOutbox: 1 },
    ...given,
  };
}
