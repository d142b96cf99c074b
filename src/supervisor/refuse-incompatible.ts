import type { KeyValue } from "../actors/key-value.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { decodeNode, NODE_KEYS } from "./cluster-records.ts";
import { incompatibility, type NodeBuild } from "./node-build.ts";

/** Longer than a node that is alive takes to renew its record. */
const SILENCE_MS = 2_500;

/**
 * Keeps a node out of a cluster whose nodes it could not work with. Records of nodes that are gone don't count. A node of a build from
 * before builds were told is taken for one that can: what is told began with what that build wrote.
 *
 * @throws EngineError `INCOMPATIBLE_NODE`; `KEY_VALUE_UNAVAILABLE` (retryable).
 */
export async function refuseIncompatible(
  table: Pick<KeyValue, "entries">,
  mine: Readonly<{ name: string; build: NodeBuild }>,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  const found = await conflictsIn(table, mine);
  if (found.size === 0) return;
  await sleep(SILENCE_MS);
  for (const [name, { revision, reason }] of await conflictsIn(table, mine)) {
    if (found.get(name)?.revision === revision) continue;
    const message = `node ${name} runs another build, and both can't share a cluster: ${reason}. Use a build that knows both (docs/operations.md, "Upgrades")`;
    throw new EngineError({ code: "INCOMPATIBLE_NODE", message, retryable: false, detail: { node: name } });
  }
}

async function conflictsIn(
  table: Pick<KeyValue, "entries">,
  mine: Readonly<{ name: string; build: NodeBuild }>,
): Promise<ReadonlyMap<string, Readonly<{ revision: number; reason: string }>>> {
  const conflicts = new Map<string, { revision: number; reason: string }>();
  for (const { value, revision } of await table.entries(NODE_KEYS)) {
    const { name, build } = decodeNode(value);
    // What an earlier process of this name has left is not alive.
    const reason = name === mine.name || build === undefined ? undefined : incompatibility(mine.build, build);
    if (reason !== undefined) conflicts.set(name, { revision, reason });
  }
  return conflicts;
}
