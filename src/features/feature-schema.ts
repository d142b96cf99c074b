import { assert } from "../kernel/assert.ts";
import { sha256Hex } from "../kernel/hash.ts";
import type { FeatureEvent } from "./feature-event.ts";
import type { FeatureFamily } from "./feature-family.ts";

/**
 * The state of one user in the slots of those families only that have seen something: most users never search, pay or
 * write to anybody, and a family that never saw anything reads 0 in all its features.
 */
export type SparseSlab = {
  /** Behind `featuresAt`: the slots of the families in `mask`, in the schema's order. */
  slab: Float64Array;
  /** Bit f is set if family f of the schema has slots. */
  mask: number;
  /** Slots in front of the features, which belong to somebody else. */
  readonly featuresAt: number;
  /** Makes room: a run of so many zeros in the place of `slab`, which is copied from and then given up. */
  exchange(slots: number, copy: (from: Float64Array, to: Float64Array) => void): void;
};

/** Where the families of a mask begin, from `featuresAt`; -1 for those that are not there. */
type Layout = Readonly<{ starts: Int32Array; slots: number }>;

/** Bits of a mask: 2^16 layouts are the most that are ever kept. */
const FAMILIES_MAX = 16;

/** All feature families in one layout: what the slab of a context holds and what an encoder reads. */
export class FeatureSchema {
  readonly families: readonly FeatureFamily[];
  /** Float64 slots of state a user whose every family has seen something. */
  readonly slots: number;
  /** Number of features read. */
  readonly width: number;
  readonly features: readonly string[];
  /** SHA-256 over names, slots and features, 16 digits: two schemas that differ never mix. */
  readonly version: string;
  /** By mask, made when first met: a deployment meets a few dozen. */
  readonly #layouts: (Layout | undefined)[] = [];
  /** Where each family's features begin among those read. */
  readonly #readAt: Int32Array;
  /** Zero, but while families that were not there yet fold. */
  readonly #fresh: Float64Array;

  constructor(families: readonly FeatureFamily[]) {
    assert(families.length <= FAMILIES_MAX, "a mask has a bit for each family");
    this.families = families;
    this.slots = families.reduce((sum, family) => sum + family.slots, 0);
    this.features = families.flatMap((family) => family.features.map((name) => `${family.name}.${name}`));
    this.width = this.features.length;
    const layout = families.map((family) => `${family.name}:${family.slots}:${family.features.join(",")}`);
    this.version = sha256Hex(layout.join("\n")).slice(0, 16);
    let readAt = 0;
    this.#readAt = Int32Array.from(families, (family) => {
      readAt += family.features.length;
      return readAt - family.features.length;
    });
    this.#fresh = new Float64Array(this.slots);
  }

  /** Folds one event into the `slots` numbers from `slab[at]`. */
  fold(slab: Float64Array, at: number, event: FeatureEvent): void {
    let slot = at;
    for (const family of this.families) {
      family.fold(slab, slot, event);
      slot += family.slots;
    }
  }

  /** Reads `width` features as of `atMs` into `out`. */
  read(slab: Float64Array, at: number, atMs: number, out: Float32Array): void {
    out.fill(0);
    let slot = at;
    let outAt = 0;
    for (const family of this.families) {
      if (slab[slot] !== 0) family.read(slab, slot, atMs, out, outAt);
      slot += family.slots;
      outAt += family.features.length;
    }
  }

  /**
   * As {@link fold}, into the families that are there; those that see something for the first time get their slots.
   *
   * @param except - Mask of families that do not see the event.
   */
  foldSparse(held: SparseSlab, event: FeatureEvent, except = 0): void {
    const { families } = this;
    const { starts } = this.#layoutOf(held.mask);
    const fresh = this.#fresh;
    let grown = 0;
    for (let f = 0, freshAt = 0; f < families.length; f++) {
      const family = families[f]!;
      if ((except & (1 << f)) !== 0) {
        freshAt += family.slots;
        continue;
      }
      const start = starts[f]!;
      if (start >= 0) family.fold(held.slab, held.featuresAt + start, event);
      else {
        family.fold(fresh, freshAt, event);
        if (fresh[freshAt] !== 0) grown |= 1 << f;
      }
      freshAt += family.slots;
    }
    if (grown !== 0) this.#grow(held, grown);
  }

  /** As {@link read}, of the families that are there; the others read 0. */
  readSparse(held: SparseSlab, atMs: number, out: Float32Array): void {
    out.fill(0);
    const { families } = this;
    const { starts } = this.#layoutOf(held.mask);
    for (let f = 0; f < families.length; f++) {
      const start = starts[f]!;
      if (start >= 0) families[f]!.read(held.slab, held.featuresAt + start, atMs, out, this.#readAt[f]!);
    }
  }

  /** Makes families as if they had never seen anything. @param mask - Of these families. */
  forgetSparse(held: SparseSlab, mask: number): void {
    const gone = held.mask & mask;
    if (gone === 0) return;
    const { featuresAt } = held;
    const before = this.#layoutOf(held.mask);
    const left = held.mask & ~gone;
    const after = this.#layoutOf(left);
    held.exchange(featuresAt + after.slots, (slab, shrunk) => {
      for (let i = 0; i < featuresAt; i++) shrunk[i] = slab[i]!;
      for (const [f, { slots }] of this.families.entries()) {
        if ((left & (1 << f)) === 0) continue;
        const from = featuresAt + before.starts[f]!;
        const to = featuresAt + after.starts[f]!;
        for (let i = 0; i < slots; i++) shrunk[to + i] = slab[from + i]!;
      }
    });
    held.mask = left;
  }

  /** Float64 slots of the families of a mask. */
  slotsOf(mask: number): number {
    return this.#layoutOf(mask).slots;
  }

  /** Makes room for the families of a mask, all at once, and moves in what they have just folded. */
  #grow(held: SparseSlab, added: number): void {
    const { featuresAt } = held;
    const mask = held.mask | added;
    const layout = this.#layoutOf(mask);
    held.exchange(featuresAt + layout.slots, (slab, grown) =>
      this.#spread(slab, grown, featuresAt, { mask, added, layout }),
    );
    held.mask = mask;
  }

  /** Copies a slab into one that has more families, which have just folded. */
  #spread(
    slab: Float64Array,
    grown: Float64Array,
    featuresAt: number,
    { mask, added, layout }: Readonly<{ mask: number; added: number; layout: Layout }>,
  ): void {
    for (let i = 0; i < featuresAt; i++) grown[i] = slab[i]!;
    let from = featuresAt;
    for (let f = 0, freshAt = 0; f < this.families.length; f++) {
      const { slots } = this.families[f]!;
      const start = featuresAt + layout.starts[f]!;
      if ((added & (1 << f)) !== 0) {
        for (let i = 0; i < slots; i++) {
          grown[start + i] = this.#fresh[freshAt + i]!;
          this.#fresh[freshAt + i] = 0;
        }
      } else if ((mask & (1 << f)) !== 0) {
        for (let i = 0; i < slots; i++) grown[start + i] = slab[from + i]!;
        from += slots;
      }
      freshAt += slots;
    }
  }

  #layoutOf(mask: number): Layout {
    const known = this.#layouts[mask];
    if (known !== undefined) return known;
    let slots = 0;
    const starts = Int32Array.from(this.families, (family, f) => {
      if ((mask & (1 << f)) === 0) return -1;
      slots += family.slots;
      return slots - family.slots;
    });
    const layout = { starts, slots };
    this.#layouts[mask] = layout;
    return layout;
  }
}
