import { assert } from "../kernel/assert.ts";
import { hash32, rehash32 } from "../kernel/hash.ts";

/** A node that can take units; `weight` is its capacity relative to the others'. One of weight 0 takes none. */
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
 * and every node gets its share by weight, rounded down or up. It starts from where the units are, so that a node
 * that joins or leaves moves only what it must. The order of units and nodes changes nothing.
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

/** Larger than any score: a move to a node that has a copy already. */
const HAS_COPY = 1e12;

type Load = {
  readonly index: number;
  readonly name: string;
  readonly hash: number;
  readonly weight: number;
  /** The node's exact share of the units, rounded down and up. */
  readonly least: number;
  readonly most: number;
  readonly owned: Set<string>;
  copies: number;
};

type Candidate = Readonly<{ to: Load; score: number }>;

class Plan {
  readonly #units: readonly string[];
  readonly #current: ReadonlyMap<string, UnitPlacement>;
  readonly #loads: readonly Load[];
  readonly #byName: ReadonlyMap<string, Load>;
  readonly #totalWeight: number;
  readonly #owners = new Map<string, Load>();
  /** Scores of a unit, by the node's index; made when they are needed, since most plans change nothing. */
  readonly #scores = new Map<string, Float64Array>();
  /** Units that nodes may still take beyond their share rounded down, so that every share is filled. */
  #spare: number;

  constructor(
    units: readonly string[],
    nodes: readonly PlacementNode[],
    current: ReadonlyMap<string, UnitPlacement>,
  ) {
    this.#units = [...units].sort();
    this.#current = current;
    const taking = nodes.filter(({ weight }) => weight > 0);
    this.#totalWeight = taking.reduce((sum, { weight }) => sum + weight, 0);
    this.#loads = taking
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, weight }, index) => {
        const share = (units.length * weight) / this.#totalWeight;
        const [least, most] = [Math.floor(share), Math.ceil(share)];
        return { index, name, hash: hash32(name, 0x51ed), weight, least, most, owned: new Set(), copies: 0 };
      });
    this.#byName = new Map(this.#loads.map((load) => [load.name, load]));
    this.#spare = units.length - this.#loads.reduce((sum, { least }) => sum + least, 0);
  }

  placeOwners(movesMax: number): PlacementPlan["moves"] {
    if (this.#loads.length === 0) return [];
    const orphans: string[] = [];
    for (const unit of this.#units) {
      const load = this.#named(this.#current.get(unit)?.owner);
      if (load === undefined) orphans.push(unit);
      else this.#give(unit, load);
    }
    // Those first that a standby can go on with, before others take its room.
    const homeless = orphans.filter((unit) => {
      const standbys = this.#current.get(unit)?.standbys ?? [];
      const standby = standbys.map((name) => this.#named(name)).find((load) => load && this.#hasRoom(load));
      if (standby !== undefined) this.#give(unit, standby);
      return standby === undefined;
    });
    for (const unit of homeless) {
      const best = this.#preferred(unit, (load) => this.#hasRoom(load));
      assert(best !== undefined, "the shares add up to the units, so there is room for each");
      this.#give(unit, best);
    }
    return this.#even(movesMax);
  }

  placeStandbys(count: number): ReadonlyMap<string, UnitPlacement> {
    const wanted = Math.max(0, Math.min(count, this.#loads.length - 1));
    const most = this.#loads.map(
      ({ weight }) => Math.ceil((this.#units.length * wanted * weight) / this.#totalWeight) + 1,
    );
    const hasRoom = (load: Load): boolean => load.copies < (most[load.index] ?? 0);
    const placed = this.#units.map((unit) => {
      const held = this.#current.get(unit);
      const owner = this.#owners.get(unit);
      const standbys: Load[] = [];
      // Those that are copies now stay, within bounds; then the owner before, which has everything.
      for (const name of [...(held?.standbys ?? []), held?.next, held?.owner]) {
        const load = this.#named(name);
        if (load === undefined || load === owner || standbys.includes(load) || !hasRoom(load)) continue;
        if (standbys.length === wanted) break;
        standbys.push(load);
        load.copies++;
      }
      return { unit, owner, standbys };
    });
    for (const { unit, owner, standbys } of placed) {
      while (standbys.length < wanted) {
        const isFree = (load: Load): boolean => load !== owner && !standbys.includes(load);
        const best =
          this.#preferred(unit, (load) => hasRoom(load) && isFree(load)) ??
          leastCopies(this.#loads.filter(isFree));
        if (best === undefined) break;
        standbys.push(best);
        best.copies++;
      }
    }
    return new Map(
      placed.map(({ unit, owner, standbys }) => [
        unit,
        { owner: owner?.name, standbys: standbys.map(({ name }) => name) },
      ]),
    );
  }

  #named(name: string | undefined): Load | undefined {
    return name === undefined ? undefined : this.#byName.get(name);
  }

  /** Whether a node may take one more without another having to go short for it. */
  #hasRoom({ owned, least, most }: Load): boolean {
    return owned.size < least || (owned.size < most && this.#spare > 0);
  }

  #give(unit: string, to: Load): void {
    const from = this.#owners.get(unit);
    if (from !== undefined) {
      from.owned.delete(unit);
      if (from.owned.size >= from.least) this.#spare++;
    }
    if (to.owned.size >= to.least) this.#spare--;
    to.owned.add(unit);
    this.#owners.set(unit, to);
  }

  /**
   * Moves from nodes above their share to nodes below theirs: each move brings one node nearer to its bound, so no
   * plan with fewer moves reaches the bounds.
   */
  #even(movesMax: number): PlacementPlan["moves"] {
    const moves: { unit: string; from: string; to: string }[] = [];
    const move = (unit: string, to: Load): void => {
      const from = this.#named(this.#current.get(unit)?.owner);
      if (from !== undefined) moves.push({ unit, from: from.name, to: to.name });
      this.#give(unit, to);
    };
    // What has begun goes on, if it still brings anything.
    for (const unit of this.#units) {
      const [from, to] = [this.#owners.get(unit), this.#named(this.#current.get(unit)?.next)];
      if (moves.length >= movesMax) break;
      if (from !== undefined && to !== undefined && this.#gives(from) && this.#takes(to)) move(unit, to);
    }
    const candidates = new Map<string, Candidate>();
    let someLack = this.#someLack();
    while (moves.length < movesMax) {
      if (someLack && !this.#someLack()) {
        someLack = false;
        candidates.clear(); // From here on, who takes is another.
      }
      const from = this.#giver(someLack);
      const best = from === undefined ? undefined : this.#bestMove(from, candidates);
      if (best === undefined) break;
      move(...best);
      candidates.delete(best[0]);
    }
    return moves;
  }

  #someLack(): boolean {
    return this.#loads.some(({ owned, least }) => owned.size < least);
  }

  #gives({ owned, least, most }: Load): boolean {
    return owned.size > (this.#someLack() ? least : most);
  }

  #takes({ owned, least, most }: Load): boolean {
    return owned.size < (this.#someLack() ? least : most);
  }

  /** The node that exceeds its share the most; if others lack units, one that has more than its share rounded down. */
  #giver(someLack: boolean): Load | undefined {
    const over = highest(this.#loads, ({ owned, most }) => owned.size - most);
    return over ?? (someLack ? highest(this.#loads, ({ owned, least }) => owned.size - least) : undefined);
  }

  /**
   * Of a node's units the one that another prefers most, and that other.
   *
   * @param candidates - The best of each unit as far as known: good until that node takes no more.
   */
  #bestMove(from: Load, candidates: Map<string, Candidate>): [unit: string, to: Load] | undefined {
    const takers = new Set(this.#loads.filter((load) => this.#takes(load)));
    let best: [string, Load] | undefined;
    let bestScore = 0;
    for (const unit of from.owned) {
      let candidate = candidates.get(unit);
      if (candidate === undefined || !takers.has(candidate.to)) {
        candidate = this.#candidate(unit, takers);
        if (candidate === undefined) return undefined;
        candidates.set(unit, candidate);
      }
      if (candidate.score <= bestScore) continue;
      bestScore = candidate.score;
      best = [unit, candidate.to];
    }
    return best;
  }

  /** Who of some should take a unit: one that has a copy, else the preferred one. */
  #candidate(unit: string, takers: ReadonlySet<Load>): Candidate | undefined {
    const scores = this.#scoresOf(unit);
    const standbys = this.#current.get(unit)?.standbys ?? [];
    const copies = standbys.flatMap((name) => this.#named(name) ?? []).filter((load) => takers.has(load));
    const copy = highest(copies, ({ index }) => scores[index] ?? 0);
    const to = copy ?? this.#preferred(unit, (load) => takers.has(load));
    if (to === undefined) return undefined;
    return { to, score: (scores[to.index] ?? 0) + (copy === undefined ? 0 : HAS_COPY) };
  }

  #preferred(unit: string, allows: (load: Load) => boolean): Load | undefined {
    const scores = this.#scoresOf(unit);
    let best: Load | undefined;
    let bestScore = 0;
    for (const load of this.#loads) {
      const score = scores[load.index] ?? 0;
      if (score <= bestScore || !allows(load)) continue;
      bestScore = score;
      best = load;
    }
    return best;
  }

  /** Above 0; larger is preferred, as often as the weight says. */
  #scoresOf(unit: string): Float64Array {
    const known = this.#scores.get(unit);
    if (known !== undefined) return known;
    const unitHash = hash32(unit, 0x9e37);
    const scores = new Float64Array(this.#loads.length);
    for (const { index, hash, weight } of this.#loads) {
      const uniform = (rehash32(unitHash, hash) + 0.5) / 4_294_967_296;
      scores[index] = -weight / Math.log(uniform);
    }
    this.#scores.set(unit, scores);
    return scores;
  }
}

/** The first load of the highest measure, if that is above 0. */
function highest(loads: readonly Load[], measure: (load: Load) => number): Load | undefined {
  let best: Load | undefined;
  let bestMeasure = 0;
  for (const load of loads) {
    const measured = measure(load);
    if (measured <= bestMeasure) continue;
    bestMeasure = measured;
    best = load;
  }
  return best;
}

function leastCopies(loads: readonly Load[]): Load | undefined {
  return highest(loads, ({ copies, weight }) => weight / (copies + 1));
}
