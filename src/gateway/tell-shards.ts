import { encodeEntry } from "../events/log-codec.ts";
import type { Control } from "../events/log-entry.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";

/**
 * Puts an entry into every shard's log, where it counts from its place on.
 *
 * @param id - What repeats of it are known by; each shard's has its number behind it.
 */
export async function tellShards(
  { log, subjects }: Pick<GatewayPorts, "log" | "subjects">,
  { shards }: Pick<GatewayOptions, "shards">,
  id: string,
  entry: Control,
): Promise<void> {
  const data = encodeEntry(entry);
  await Promise.all(
    Array.from({ length: shards }, (_, shard) =>
      log.append(subjects.shardLog(shard), [{ id: `${id}:${shard}`, data }]),
    ),
  );
}
