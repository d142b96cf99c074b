import type { Bus } from "../../src/actors/bus.ts";
import type { Subjects } from "../../src/events/subjects.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import type { ShardStatus } from "../../src/resonance/score-answer.ts";

const PATIENCE_MS = 1_000;

/** What each shard's owner says of itself at this moment; undefined for those without one. */
export function askShards(
  bus: Bus,
  subjects: Subjects,
  shards: number,
): Promise<(ShardStatus | undefined)[]> {
  return Promise.all(
    Array.from({ length: shards }, async (_, shard) => {
      const subject = subjects.shard(shard, "status");
      const asking = bus.request(subject, new Uint8Array(), { timeoutMs: PATIENCE_MS });
      const reply = await asking.catch(() => undefined); // Nobody, at the moment.
      return reply === undefined || reply.error !== undefined
        ? undefined
        : (decode(reply.data) as ShardStatus);
    }),
  );
}
