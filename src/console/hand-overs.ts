/** A unit that got another owner. */
export type HandOver = Readonly<{
  unit: string;
  /** Null for nobody. */
  from: string | null;
  to: string | null;
  epoch: number;
  /** When this node saw it, epoch ms. */
  atMs: number;
}>;

/** A unit, as the cluster's view tells it. */
type OwnedUnit = Readonly<{ unit: string; owner: string | null; epoch: number }>;

/** The newest changes of owners that a node has seen, of which none is kept elsewhere. */
export class HandOvers {
  readonly #most: number;
  readonly #owners = new Map<string, string | null>();
  #seen: HandOver[] = [];

  /** @param most - So many are kept. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Compares with what was seen before; what is seen for the first time is no change. */
  look(units: readonly OwnedUnit[], nowMs: number): void {
    for (const { unit, owner, epoch } of units) {
      const before = this.#owners.get(unit);
      this.#owners.set(unit, owner);
      if (before === undefined || before === owner) continue;
      this.#seen.push({ unit, from: before, to: owner, epoch, atMs: nowMs });
    }
    this.#seen = this.#seen.slice(-this.#most);
  }

  /** The newest first. */
  get newest(): readonly HandOver[] {
    return this.#seen.toReversed();
  }
}
