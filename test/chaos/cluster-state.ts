import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../src/cli/client.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import type { ClusterStatus } from "../../src/supervisor/cluster-agent.ts";

/** What a cluster at rest has. */
export type Rest = Readonly<{ nodes: number; shards: number; standbys: number; timeoutMs: number }>;

const LOOK_MS = 100;
const ASK_MS = 2_000;

/**
 * Waits until every unit is answered by its owner, has all its standbys ready, and nothing is being moved.
 *
 * @returns The status at rest, or what was still missing at the end of the patience.
 */
export async function untilAtRest(client: () => Client, rest: Rest): Promise<StatusReply | string> {
  const deadlineMs = performance.now() + rest.timeoutMs;
  let missing = "no answer";
  while (performance.now() < deadlineMs) {
    try {
      const status = (await client().ask("status", {}, ASK_MS)) as StatusReply;
      const found = missingOf(status, rest);
      if (found === undefined) return status;
      missing = found;
    } catch (thrown) {
      missing = thrown instanceof Error ? thrown.message : String(thrown);
    }
    await sleep(LOOK_MS);
  }
  return missing;
}

/** Waits until, in addition, every owner has folded its whole log, twice in a row, since a fold may cause more. */
export async function untilQuiet(client: () => Client, rest: Rest): Promise<StatusReply | string> {
  const deadlineMs = performance.now() + rest.timeoutMs;
  for (let quiet = 0; ; ) {
    const status = await untilAtRest(client, rest);
    if (typeof status === "string") return status;
    quiet = status.lag === 0 ? quiet + 1 : 0;
    if (quiet === 2) return status;
    if (performance.now() > deadlineMs) return `a lag of ${status.lag} entries`;
    await sleep(LOOK_MS);
  }
}

function missingOf(status: StatusReply, rest: Rest): string | undefined {
  const { nodes, units } = status.cluster as ClusterStatus;
  const there = nodes.filter((node) => !node.leaving).length;
  if (there !== rest.nodes) return `${there} of ${rest.nodes} nodes are there`;
  if (units.length !== rest.shards + 1) return `${units.length} of ${rest.shards + 1} units are known`;
  const standbys = Math.min(rest.standbys, rest.nodes - 1);
  for (const unit of units) {
    if (unit.owner === null || !unit.serving) return `${unit.unit} has no owner that answers`;
    if (unit.next !== null) return `${unit.unit} is being moved to ${unit.next}`;
    if (unit.ready.length !== standbys || unit.standbys.length !== standbys)
      return `${unit.unit} has ${unit.ready.length} of ${standbys} standbys ready`;
  }
  const silent = status.shards.filter((shard) => !shard.ready);
  return silent.length === 0 ? undefined : `shards ${silent.map(({ shard }) => shard).join()} do not answer`;
}
