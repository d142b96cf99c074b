import type { NodeRole, UnitRecord } from "./cluster-records.ts";
import type { ClusterView } from "./cluster-view.ts";
import { type PlacementNode, planPlacement, type UnitPlacement } from "./placement.ts";

/** A unit of work that one node owns at a time: a shard, or the profile actor. */
export type Unit = Readonly<{ name: string; role: NodeRole }>;

/** What is to become of a unit, and of the record that it follows from. */
export type PlannedChange = Readonly<{
  unit: string;
  /** Changes the record if it is still as the plan found it. */
  change(record: UnitRecord | undefined): UnitRecord | undefined;
}>;

export type PlanOptions = Readonly<{
  /** Copies beside the owner's. */
  standbys: 0 | 1 | 2;
  /** Owners that change at one time while all are alive. */
  movesMax: number;
}>;

/**
 * What the table should say, given what it says: units without a live owner get one at once (a copy that has caught
 * up if there is one, else the node that had it before, for its store), and units are moved, a few at a time, until
 * the nodes carry their shares. Deterministic: two planners with one view plan the same, and each change is a
 * compare-and-set, so that plans of two views do no harm.
 *
 * @param live - Names of the nodes that are there.
 */
export function planCluster(
  view: ClusterView,
  live: ReadonlySet<string>,
  units: readonly Unit[],
  options: PlanOptions,
): PlannedChange[] {
  const roles = new Set(units.map(({ role }) => role));
  return [...roles].flatMap((role) => planRole(view, live, units, role, options));
}

function planRole(
  view: ClusterView,
  live: ReadonlySet<string>,
  units: readonly Unit[],
  role: NodeRole,
  options: PlanOptions,
): PlannedChange[] {
  const nodes: PlacementNode[] = [];
  for (const [name, { record }] of view.nodes) {
    if (!live.has(name) || record.leaving || !record.roles.includes(role)) continue;
    nodes.push({ name, weight: record.weight });
  }
  if (nodes.length === 0) return [];
  const names = units.filter((unit) => unit.role === role).map((unit) => unit.name);
  const usable = new Set(nodes.map(({ name }) => name));
  const current = new Map<string, UnitPlacement>();
  for (const name of names) {
    const record = view.units.get(name)?.record;
    if (record !== undefined) current.set(name, placementOf(view, record, usable));
  }
  const { target } = planPlacement(names, nodes, current, options);
  return names.flatMap((unit): PlannedChange[] => {
    const placed = target.get(unit);
    if (placed?.owner === undefined) return [];
    const wanted = { owner: placed.owner, standbys: placed.standbys };
    const change = (record: UnitRecord | undefined) => changed(view, record, wanted, usable);
    return change(view.units.get(unit)?.record) === undefined ? [] : [{ unit, change }];
  });
}

/** Where a unit is: its owner if that can stay, else the copy that should follow. */
function placementOf(view: ClusterView, record: UnitRecord, usable: ReadonlySet<string>): UnitPlacement {
  const standbys = record.standbys.filter((name) => usable.has(name));
  if (view.isMember(record.owner)) {
    const owner = record.owner?.node;
    const { next } = record;
    // An owner that is about to leave counts as gone: then the copy that it hands over to comes first.
    const copies =
      next !== null && usable.has(next) && !standbys.includes(next) ? [next, ...standbys] : standbys;
    if (owner === undefined || !usable.has(owner)) return { owner: undefined, standbys: copies };
    return { owner, standbys, ...(next === null ? {} : { next }) };
  }
  const heir = heirOf(view, record, usable);
  return { owner: heir, standbys: standbys.filter((name) => name !== heir) };
}

/** Who can go on with a unit soonest: a copy that has caught up, else the node that owned it, which has its store. */
function heirOf(view: ClusterView, record: UnitRecord, usable: ReadonlySet<string>): string | undefined {
  const caughtUp = [record.next, ...record.standbys].find(
    (name) => name !== null && usable.has(name) && isReady(view, record, name),
  );
  if (caughtUp !== undefined && caughtUp !== null) return caughtUp;
  const before = record.owner?.node;
  return before !== undefined && usable.has(before) ? before : undefined;
}

/** Whether a node's copy has caught up, in its present incarnation. */
export function isReady(view: ClusterView, record: UnitRecord, node: string): boolean {
  const incarnation = record.ready[node];
  return incarnation !== undefined && view.nodes.get(node)?.record.incarnation === incarnation;
}

function changed(
  view: ClusterView,
  record: UnitRecord | undefined,
  wanted: { readonly owner: string; readonly standbys: readonly string[] },
  usable: ReadonlySet<string>,
): UnitRecord | undefined {
  const incarnation = view.nodes.get(wanted.owner)?.record.incarnation;
  if (incarnation === undefined) return undefined;
  if (record === undefined || !view.isMember(record.owner)) {
    // Nobody holds it: whoever can go on soonest, at once; the next plan evens it out.
    const heir = record === undefined ? undefined : heirOf(view, record, usable);
    const node = heir ?? wanted.owner;
    const owner = { node, incarnation: view.nodes.get(node)?.record.incarnation ?? incarnation };
    const epoch = Math.max(record?.epoch ?? 0, view.epochSeen) + 1;
    const standbys = wanted.standbys.filter((name) => name !== node);
    return { owner, epoch, serving: false, next: null, standbys, ready: stillReady(record, standbys) };
  }
  const next = wanted.owner === record.owner?.node ? null : wanted.owner;
  const standbys = wanted.standbys.filter((name) => name !== record.owner?.node);
  if (next === record.next && standbys.join() === record.standbys.join()) return undefined;
  const copies = next === null ? standbys : [next, ...standbys];
  return { ...record, next, standbys, ready: stillReady(record, copies) };
}

function stillReady(record: UnitRecord | undefined, copies: readonly string[]): UnitRecord["ready"] {
  const ready = Object.entries(record?.ready ?? {}).filter(([node]) => copies.includes(node));
  return Object.fromEntries(ready);
}
