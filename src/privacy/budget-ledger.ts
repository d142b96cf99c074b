/** One release of a bucket's sums, as it is charged to a map's budget. */
export type Charge = Readonly<{
  /** What the sums are of, an encoder's and the map's key: the contribution cap holds within one. */
  of: string;
  /** The bucket in time, epoch ms: [fromMs, fromMs + bucketMs). */
  fromMs: number;
  bucketMs: number;
  /** zCDP that it costs a user who contributed to it, > 0. */
  rho: number;
  /** How many such releases a user contributes to at most within a window. */
  contributions: number;
}>;

/** What a map may spend within any window. */
export type Budget = Readonly<{ rho: number; windowMs: number }>;

/** Room for rounding where many small charges add up to the budget itself. */
const SLACK = 1e-9;

/**
 * What one map has spent of its users' privacy. It refuses a release that would cost some user more than the budget within some
 * window of consecutive buckets. Releases of two encoders, or of two definitions of the map, add up.
 */
export class BudgetLedger {
  #charges: Charge[];
  #lifetime: { releases: number; rho: number };
  #refused: number;

  constructor(held?: StoredLedger) {
    this.#charges = [...(held?.charges ?? [])];
    this.#lifetime = { ...(held?.lifetime ?? { releases: 0, rho: 0 }) };
    this.#refused = held?.refused ?? 0;
  }

  /** All releases ever: what they cost a user who contributed to each. */
  get lifetime(): Readonly<{ releases: number; rho: number }> {
    return this.#lifetime;
  }

  /** Releases that were refused. */
  get refused(): number {
    return this.#refused;
  }

  /** End of the newest bucket that was charged, epoch ms; 0 before the first. */
  get untilMs(): number {
    return this.#charges.reduce((newest, { fromMs, bucketMs }) => Math.max(newest, fromMs + bucketMs), 0);
  }

  /** Takes a charge in. @returns False, and nothing is spent, if it goes beyond the budget. */
  charge(charge: Charge, budget: Budget): boolean {
    const held = this.#charges;
    this.#charges = [...held, charge];
    // Windows without the new charge cost what they did.
    if (this.#worst(budget.windowMs, charge) > budget.rho * (1 + SLACK)) {
      this.#charges = held;
      this.#refused++;
      return false;
    }
    this.#lifetime.releases++;
    this.#lifetime.rho += charge.rho;
    return true;
  }

  /** What the window that ends at a time costs a user at most. */
  spentUntil(untilMs: number, windowMs: number): number {
    return this.#costOf(untilMs - windowMs, windowMs);
  }

  /** Forgets charges that no window shares with anything still to come. @param beforeMs - Nothing is released of earlier buckets. */
  forget(beforeMs: number): void {
    this.#charges = this.#charges.filter(({ fromMs, bucketMs }) => fromMs + bucketMs > beforeMs);
  }

  /** Whether it holds nothing that counts. */
  get isEmpty(): boolean {
    return this.#charges.length === 0 && this.#lifetime.releases === 0 && this.#refused === 0;
  }

  stored(): StoredLedger {
    return { charges: this.#charges, lifetime: { ...this.#lifetime }, refused: this.#refused };
  }

  /** Over windows that begin where a charge does; only those that hold all of `within`, if given. */
  #worst(windowMs: number, within?: Charge): number {
    let worst = 0;
    for (const fromMs of new Set(this.#charges.map((charge) => charge.fromMs))) {
      if (within !== undefined && (fromMs > within.fromMs || fromMs + windowMs <= within.fromMs)) continue;
      worst = Math.max(worst, this.#costOf(fromMs, windowMs));
    }
    return worst;
  }

  /** A user contributes to the dearest buckets of each kind, as many as the cap allows, and pays all releases of these. */
  #costOf(fromMs: number, windowMs: number): number {
    const kinds = new Map<string, { cap: number; readonly byBucket: Map<number, number> }>();
    for (const charge of this.#charges) {
      if (charge.fromMs >= fromMs + windowMs || charge.fromMs + charge.bucketMs <= fromMs) continue;
      const kind = kinds.get(charge.of) ?? { cap: 0, byBucket: new Map() };
      kinds.set(charge.of, kind);
      kind.cap = Math.max(kind.cap, charge.contributions);
      kind.byBucket.set(charge.fromMs, (kind.byBucket.get(charge.fromMs) ?? 0) + charge.rho);
    }
    let cost = 0;
    for (const { cap, byBucket } of kinds.values()) {
      const dearest = [...byBucket.values()].sort((a, b) => b - a);
      for (const rho of dearest.slice(0, cap)) cost += rho;
    }
    return cost;
  }
}

/** A ledger as plain data. */
export type StoredLedger = Readonly<{
  charges: readonly Charge[];
  lifetime: Readonly<{ releases: number; rho: number }>;
  refused: number;
}>;
