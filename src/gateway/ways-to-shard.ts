import { endpointAt } from "../events/endpoint-at.ts";
import type { GatewayPorts } from "./gateway-ports.ts";

/**
 * Subjects under which a shard's owner may be asked, the best one first: its own, if it is known who that is, and the
 * one that all share who hold the shard's lease, or did a moment ago. A node that hangs, or is cut off, keeps its place
 * in that queue until the NATS server has given its connection up, which takes minutes: half of what is sent there
 * would be lost meanwhile.
 */
export function waysToShard(
  { ownerOf, subjects }: Pick<GatewayPorts, "ownerOf" | "subjects">,
  shard: number,
  name: string,
): readonly string[] {
  const owner = ownerOf(shard);
  const shared = subjects.shard(shard, name);
  return owner === undefined ? [shared] : [subjects.shard(shard, endpointAt(name, owner)), shared];
}
