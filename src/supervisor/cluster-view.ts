import type { KeyValueChange, KeyValueEntry } from "../actors/key-value.ts";
import {
  decodeNode,
  decodeUnit,
  NODE_KEYS,
  type NodeRecord,
  UNIT_KEYS,
  type UnitRecord,
} from "./cluster-records.ts";

/** A node as this one sees it. */
export type SeenNode = Readonly<{
  record: NodeRecord;
  revision: number;
  /** When this node first saw this revision, by its own monotonic clock: clocks of two machines are never compared. */
  seenMs: number;
}>;

export type SeenUnit = Readonly<{ record: UnitRecord; revision: number }>;

/** The cluster's table as one node has seen it. */
export class ClusterView {
  readonly nodes = new Map<string, SeenNode>();
  readonly units = new Map<string, SeenUnit>();
  /** Highest epoch seen, ever. */
  epochSeen = 0;

  /** Takes in a change. What is older than what is known changes nothing. @returns Whether anything changed. */
  apply({ key, value, revision }: KeyValueChange, nowMs: number): boolean {
    if (key.startsWith(NODE_KEYS))
      return this.#applyNode(key.slice(NODE_KEYS.length), value, revision, nowMs);
    if (key.startsWith(UNIT_KEYS)) return this.#applyUnit(key.slice(UNIT_KEYS.length), value, revision);
    return false;
  }

  /** The newest revision known. */
  get revision(): number {
    let newest = 0;
    for (const { revision } of this.nodes.values()) newest = Math.max(newest, revision);
    for (const { revision } of this.units.values()) newest = Math.max(newest, revision);
    return newest;
  }

  /**
   * Takes in everything that the table held at a moment; what it did not hold is gone.
   *
   * @param knownBefore - {@link ClusterView.revision} before the table was read: what came later is no news of a removal.
   */
  load(entries: readonly KeyValueEntry[], nowMs: number, knownBefore: number): void {
    const held = new Set(entries.map(({ key }) => key));
    for (const [name, { revision }] of this.nodes)
      if (revision <= knownBefore && !held.has(NODE_KEYS + name)) this.nodes.delete(name);
    for (const [unit, { revision }] of this.units)
      if (revision <= knownBefore && !held.has(UNIT_KEYS + unit)) this.units.delete(unit);
    for (const entry of entries) this.apply(entry, nowMs);
  }

  /** Forgets all but the epochs: the table may be another one. */
  reset(): void {
    this.nodes.clear();
    this.units.clear();
  }

  /** Whether the incarnation of a node that a record names is in the table: as long as it is, it may hold things. */
  isMember(owner: UnitRecord["owner"]): boolean {
    return owner !== null && this.nodes.get(owner.node)?.record.incarnation === owner.incarnation;
  }

  #applyNode(name: string, value: Uint8Array | undefined, revision: number, nowMs: number): boolean {
    const known = this.nodes.get(name);
    if (known !== undefined && known.revision >= revision) return false;
    if (value === undefined) return this.nodes.delete(name);
    const record = decodeNode(value);
    this.nodes.set(name, { record, revision, seenMs: nowMs });
    this.epochSeen = Math.max(this.epochSeen, record.epochSeen);
    // A renewal alone changes nothing for anybody.
    return known?.record.incarnation !== record.incarnation || known.record.leaving !== record.leaving;
  }

  #applyUnit(unit: string, value: Uint8Array | undefined, revision: number): boolean {
    const known = this.units.get(unit);
    if (known !== undefined && known.revision >= revision) return false;
    if (value === undefined) return this.units.delete(unit);
    const record = decodeUnit(value);
    this.units.set(unit, { record, revision });
    this.epochSeen = Math.max(this.epochSeen, record.epoch);
    return true;
  }
}
