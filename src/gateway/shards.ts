import { fieldsOf } from "../events/request-body.ts";
import { SHARD_SEED } from "../kernel/hash.ts";
import type { GatewayOptions } from "./gateway-ports.ts";

/** The reply of `shards`: all that a client needs to address the shard of a user itself. */
export type ShardsReply = Readonly<{
  shards: number;
  /** {@link import("../kernel/hash.ts").hash32} and the seed that users' ids are hashed with. */
  hash: Readonly<{ name: "murmur3-32-utf16le"; seed: number }>;
}>;

/** `shards`. Unlike `status` it asks no shard, so that any number of clients may ask it as they start. */
export function describeShards({ shards }: GatewayOptions, body: unknown): ShardsReply {
  fieldsOf(body, []);
  return { shards, hash: { name: "murmur3-32-utf16le", seed: SHARD_SEED } };
}
