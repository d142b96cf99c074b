import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { open } from "lmdb";
import { unseal } from "../../src/adapters/sealed-value.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import type { ShardMeta } from "../../src/shards/context-store.ts";
import type { ClusterStatus } from "../../src/supervisor/cluster-agent.ts";
import { PROFILES_UNIT, shardOfUnit } from "../../src/units.ts";

/** One node's copy of a unit, on its disk. */
export type Copy = Readonly<{ unit: string; shard: number | undefined; node: string; path: string }>;

const LOOK_MS = 200;
/** Profiles are published, and encoders fitted, some time after what they follow from. */
const STILL_MS = 5_000;

/** All copies that a cluster at rest has: each owner's and each standby's. */
export function copiesOf({ cluster }: StatusReply, folders: ReadonlyMap<string, string>): readonly Copy[] {
  return (cluster as ClusterStatus).units.flatMap(({ unit, owner, ready }) =>
    [...(owner === null ? [] : [owner]), ...ready].flatMap((node) => {
      const folder = folders.get(node);
      if (folder === undefined) return [];
      const shard = shardOfUnit(unit);
      const path = shard === undefined ? join(folder, PROFILES_UNIT) : join(folder, "shards", String(shard));
      return [{ unit, shard, node, path }];
    }),
  );
}

/**
 * Waits until every copy has committed its whole log, and no log has grown for a while.
 *
 * @param lastOf - The end of a unit's log.
 * @returns Which copies are behind at the end of the patience; empty if none is.
 */
export async function untilCommitted(
  copies: readonly Copy[],
  lastOf: (copy: Copy) => Promise<number>,
  timeoutMs: number,
): Promise<string[]> {
  const deadlineMs = performance.now() + timeoutMs;
  let before = "";
  let changedMs = performance.now();
  for (;;) {
    const behind: string[] = [];
    const ends: number[] = [];
    for (const copy of copies) {
      const applied = await appliedBy(copy.path);
      const last = await lastOf(copy);
      ends.push(last);
      if (applied !== last) behind.push(`${copy.unit} on ${copy.node} holds ${applied} of ${last} entries`);
    }
    const now = ends.join();
    if (now !== before || behind.length > 0) changedMs = performance.now();
    before = now;
    if (performance.now() - changedMs > STILL_MS) return [];
    if (performance.now() > deadlineMs) return behind.length > 0 ? behind : ["the logs still grow"];
    await sleep(LOOK_MS);
  }
}

/** The last entry that a store has committed, read beside the process that writes it; -1 if it was just being written. */
async function appliedBy(path: string): Promise<number> {
  const root = open<Uint8Array, string>({
    path,
    encoding: "binary",
    readOnly: true,
  });
  try {
    const bytes = root.get("meta");
    if (bytes === undefined) return 0;
    const meta = unseal(bytes);
    return meta === undefined ? -1 : (decode(meta) as Pick<ShardMeta, "applied">).applied;
  } finally {
    await root.close();
  }
}
