import { hash32, rehash32 } from "../kernel/hash.ts";

/** A node that can take units; `weight` is its capacity relative to the others'. */
export type PlacementNode = Readonly<{ name: string; weight: number }>;

/** Where the copies of a unit are. */
export type UnitPlacement = Readonly<{
  owner: string | undefined;
  standbys: readonly string[];
  /** The node that the owner is handing over to: a plan does not change its mind on the way. */
  next?: string;
}>;

export type PlacementPlan = Readonly<{
  target: ReadonlyMap<string, UnitPlacement>;
  /** Live owners that are to hand over. */
  moves: readonly Readonly<{ unit: string; from: string; to: string }>[];
}>;

/**
 * Places units on nodes by rendezvous hashing with bounded load: every unit prefers the nodes in an order of its own,
 * and no node takes more than its share rounded up. It starts from where the units are, so that a node that joins or
 * leaves moves only what it must.
 *
 * @param current - Where each unit is now; owners that are not among the nodes count as gone.
 * @param options - `standbys`: copies beside the owner's; `movesMax`: live owners that may change in this plan.
 * @see Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (rendezvous hashing);
 * Mirrokni et al., "Consistent hashing with bounded loads"; weights by the logarithmic method.
 */
export function planPlacement(
  units: readonly string[],
  nodes: readonly PlacementNode[],
  current: ReadonlyMap<string, UnitPlacement>,
  options: Readonly<{ standbys: number; movesMax: number }>,
): PlacementPlan {
  const plan = new Plan(units, nodes, current);
  const moves = plan.placeOwners(options.movesMax);
  return { target: plan.placeStandbys(options.standbys), moves };
}

type Load = {
  readonly name: string;
  readonly hash: number;
  readonly weight: number;
  /** Units that the node's share allows: its exact share rounded down, and up. */
  readonly least: number;
  readonly most: number;
  owned: string[];
  copies: number;
};

class Plan {
  readonly #units: readonly string[];
  readonly #current: ReadonlyMap<string, UnitPlacement>;
  readonly #loads: Load[];
  readonly #byName: ReadonlyMap<string, Load>;
  readonly #owners = new Map<string, Load>();
  readonly #hashes: ReadonlyMap<string, number>;

  constructor(
    units: readonly string[],
    nodes: readonly PlacementNode[],
    current: ReadonlyMap<string, UnitPlacement>,
  ) {
    this.#units = [...units].sort();
    this.#current = current;
    this.#hashes = new Map(this.#units.map((unit) => [unit, hash32(unit, 0x9e37)]));
    const total = nodes.reduce((sum, node) => sum + node.weight, 0);
    this.#loads = [...nodes]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, weight }) => {
        const share = (units.length * weight) / total;
        const hash = hash32(name, 0x51ed);
        return { name, hash, weight, least: Math.floor(share), most: Math.ceil(share), owned: [], copies: 0 };
      });
    this.#byName = new Map(this.#loads.map((load) => [load.name, load]));
  }

  placeOwners(movesMax: number): PlacementPlan["moves"] {
    if (this.#loads.length === 0) return [];
    const orphans: string[] = [];
    for (const unit of this.#units) {
      const owner = this.#current.get(unit)?.owner;
      const load = owner === undefined ? undefined : this.#byName.get(owner);
      if (load === undefined) orphans.push(unit);
      else this.#give(unit, load);
    }
    for (const unit of orphans) this.#give(unit, this.#forOrphan(unit));
    return this.#even(movesMax);
  }

  placeStandbys(count: number): ReadonlyMap<string, UnitPlacement> {
    const target = new Map<string, UnitPlacement>();
    const wanted = Math.min(count, this.#loads.length - 1);
    const standbys = new Map<string, Load[]>(this.#units.map((unit) => [unit, []]));
    const most = new Map(this.#loads.map((load) => [load, this.#copiesMax(load, wanted)]));
    const hasRoom = (load: Load): boolean => load.copies < (most.get(load) ?? 0);
    const add = (unit: string, load: Load): void => {
      standbys.get(unit)?.push(load);
      load.copies++;
    };
    const isFree = (unit: string, load: Load): boolean =>
      this.#owners.get(unit) !== load && standbys.get(unit)?.includes(load) !== true;
    // Those that are copies now stay, within bounds; then the owner before, which has everything; then by preference.
    for (const unit of this.#units) {
      const held = this.#current.get(unit);
      for (const name of [...(held?.standbys ?? []), held?.next, held?.owner]) {
        if (name === undefined) continue;
        const load = this.#byName.get(name);
        if (load === undefined || !isFree(unit, load) || !hasRoom(load)) continue;
        if ((standbys.get(unit)?.length ?? 0) < wanted) add(unit, load);
      }
    }
    for (const unit of this.#units) {
      while ((standbys.get(unit)?.length ?? 0) < wanted) {
        const free = this.#loads.filter((load) => isFree(unit, load));
        const roomy = free.filter(hasRoom);
        const best = this.#preferred(unit, roomy.length > 0 ? roomy : leastLoaded(free));
        if (best === undefined) break;
        add(unit, best);
      }
    }
    for (const unit of this.#units) {
      const names = (standbys.get(unit) ?? []).map(({ name }) => name);
      target.set(unit, { owner: this.#owners.get(unit)?.name, standbys: names });
    }
    return target;
  }

  #copiesMax(load: Load, wanted: number): number {
    const total = this.#loads.reduce((sum, { weight }) => sum + weight, 0);
    return Math.ceil((this.#units.length * wanted * load.weight) / total) + 1;
  }

  #give(unit: string, load: Load): void {
    this.#owners.set(unit, load);
    load.owned.push(unit);
  }

  /** A standby with room, which goes on soonest; else the unit's preferred node with room. */
  #forOrphan(unit: string): Load {
    const copies = (this.#current.get(unit)?.standbys ?? []).flatMap((name) => this.#byName.get(name) ?? []);
    const standby = copies.find((load) => load.owned.length < load.most);
    if (standby !== undefined) return standby;
    // First to those below their share, so that nothing has to move on at once.
    for (const hasRoom of [
      (load: Load) => load.owned.length < load.least,
      (load: Load) => load.owned.length < load.most,
    ]) {
      const best = this.#preferred(unit, this.#loads.filter(hasRoom));
      if (best !== undefined) return best;
    }
    return this.#preferred(unit, this.#loads) ?? this.#loads[0]!;
  }

  /**
   * Moves from nodes above their share to nodes below theirs: each move brings one node nearer to its bound, so no
   * plan with fewer moves reaches the bounds.
   */
  #even(movesMax: number): { unit: string; from: string; to: string }[] {
    const moves: { unit: string; from: string; to: string }[] = [];
    while (moves.length < movesMax) {
      const over = mostOver(this.#loads);
      const isOver = over.owned.length > over.most;
      const under = this.#loads.filter((load) => load.owned.length < (isOver ? load.most : load.least));
      // Nodes within their bounds give to one below its share only from what is above their lower bound.
      if (under.length === 0 || (!isOver && over.owned.length <= over.least)) break;
      const needy = under.filter((load) => load.owned.length < load.least);
      const [unit, to] = this.#bestMove(over, needy.length > 0 ? needy : under);
      over.owned.splice(over.owned.indexOf(unit), 1);
      this.#give(unit, to);
      const from = this.#current.get(unit)?.owner;
      if (from !== undefined && this.#byName.has(from)) moves.push({ unit, from, to: to.name });
    }
    return moves;
  }

  /** Of a node's units the one that another prefers most: to one of its standbys if possible. */
  #bestMove(from: Load, to: readonly Load[]): [unit: string, to: Load] {
    let best: [string, Load] | undefined;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (const unit of from.owned) {
      const { standbys = [], next } = this.#current.get(unit) ?? {};
      for (const load of to) {
        const bonus = load.name === next ? UNDER_WAY : standbys.includes(load.name) ? HAS_COPY : 0;
        const score = this.#score(unit, load) + bonus;
        if (score <= bestScore) continue;
        bestScore = score;
        best = [unit, load];
      }
    }
    return best ?? [from.owned[0]!, to[0]!];
  }

  #preferred(unit: string, loads: readonly Load[]): Load | undefined {
    let best: Load | undefined;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (const load of loads) {
      const score = this.#score(unit, load);
      if (score <= bestScore) continue;
      bestScore = score;
      best = load;
    }
    return best;
  }

  /** Larger is preferred; in proportion to the weight. */
  #score(unit: string, load: Load): number {
    const uniform = (rehash32(this.#hashes.get(unit) ?? 0, load.hash) + 0.5) / 4_294_967_296;
    return -load.weight / Math.log(uniform);
  }
}

/** Larger than any score. */
const HAS_COPY = 1e12;
const UNDER_WAY = 2e12;

/** The node that exceeds its share the most, relative to it. */
function mostOver(loads: readonly Load[]): Load {
  let most = loads[0]!;
  const excess = (load: Load): number =>
    load.owned.length > load.most ? 1e6 + load.owned.length - load.most : load.owned.length - load.least;
  for (const load of loads) if (excess(load) > excess(most)) most = load;
  return most;
}

function leastLoaded(loads: readonly Load[]): Load[] {
  const least = Math.min(...loads.map(({ copies, weight }) => copies / weight));
  return loads.filter(({ copies, weight }) => copies / weight === least);
}
