import { decode, encode } from "../kernel/msgpack.ts";
import type { NodeBuild } from "./node-build.ts";

/** What a node does for the cluster. */
export type NodeRole = "shards" | "gateway" | "profiles";

/**
 * A node's entry in the cluster's table. The node renews it all the time; who sees it unchanged for too long removes
 * it, and with it everything that the node held.
 */
export type NodeRecord = Readonly<{
  name: string;
  /** Made anew at each join: what an earlier incarnation held is not held by this one. */
  incarnation: string;
  roles: readonly NodeRole[];
  /** Capacity, relative to the other nodes'. */
  weight: number;
  /** True while the node hands everything over before it stops. */
  leaving: boolean;
  /** Counts renewals. */
  beat: number;
  /** Highest epoch that the node has seen of any unit: new ones must be higher, even if the table was lost. */
  epochSeen: number;
  /** What it runs; builds from before this was told leave it out. */
  build?: NodeBuild;
}>;

/** Who owns a unit: a shard, or the profile actor. */
export type UnitRecord = Readonly<{
  owner: Readonly<{ node: string; incarnation: string }> | null;
  /** Grows with each owner. */
  epoch: number;
  /** Whether the owner of this epoch answers by now. */
  serving: boolean;
  /** The node that the owner is to hand over to. */
  next: string | null;
  /** Nodes that keep a copy. */
  standbys: readonly string[];
  /** Incarnations, by node, of the copies that have caught up with the log. */
  ready: Readonly<Record<string, string>>;
}>;

export const NODE_KEYS = "node.";
export const UNIT_KEYS = "unit.";

/** Where a node's record is kept. */
export function nodeKey(name: string): string {
  return NODE_KEYS + name;
}

/** Where a unit's record is kept. */
export function unitKey(unit: string): string {
  return UNIT_KEYS + unit;
}

/** A record as the table keeps it. */
export function encodeRecord(record: NodeRecord | UnitRecord): Uint8Array {
  return encode(record);
}

/** Reads a node's record. */
export function decodeNode(bytes: Uint8Array): NodeRecord {
  return decode(bytes) as NodeRecord;
}

/** Reads a unit's record. */
export function decodeUnit(bytes: Uint8Array): UnitRecord {
  return decode(bytes) as UnitRecord;
}
