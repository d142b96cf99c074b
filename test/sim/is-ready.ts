import type { SimNode } from "./sim-node.ts";

/** Whether a node owns a unit, or keeps a copy of it that has caught up. */
export function isReady(node: SimNode, unit: string): boolean {
  const record = node.agent?.status().units.find((one) => one.unit === unit);
  return record !== undefined && (record.owner === node.name || record.ready.includes(node.name));
}
