import { decode } from "../kernel/msgpack.ts";
import type { ShardStatus } from "../resonance/score-answer.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { waysToShard } from "./ways-to-shard.ts";

const TIMEOUT_MS = 1_000;
const NOTHING = new Uint8Array();

/** The word of a shard's owner; undefined if there is none at the moment. */
export async function shardStatus(
  ports: Pick<GatewayPorts, "bus" | "ownerOf" | "subjects">,
  shard: number,
): Promise<ShardStatus | undefined> {
  for (const subject of waysToShard(ports, shard, "status")) {
    try {
      const reply = await ports.bus.request(subject, NOTHING, { timeoutMs: TIMEOUT_MS });
      if (reply.error === undefined) return decode(reply.data) as ShardStatus;
    } catch {
      // Nobody, under this subject: that is what the reply says.
    }
  }
  return undefined;
}
