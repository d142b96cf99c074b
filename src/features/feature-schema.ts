import { sha256Hex } from "../kernel/hash.ts";
import type { FeatureEvent } from "./feature-event.ts";
import type { FeatureFamily } from "./feature-family.ts";

/** All feature families in one layout: what the slab of a context holds and what an encoder reads. */
export class FeatureSchema {
  readonly families: readonly FeatureFamily[];
  /** Float64 slots of state a user. */
  readonly slots: number;
  /** Number of features read. */
  readonly width: number;
  readonly features: readonly string[];
  /** SHA-256 over names, slots and features, 16 digits: two schemas that differ never mix. */
  readonly version: string;

  constructor(families: readonly FeatureFamily[]) {
    this.families = families;
    this.slots = families.reduce((sum, family) => sum + family.slots, 0);
    this.features = families.flatMap((family) => family.features.map((name) => `${family.name}.${name}`));
    this.width = this.features.length;
    const layout = families.map((family) => `${family.name}:${family.slots}:${family.features.join(",")}`);
    this.version = sha256Hex(layout.join("\n")).slice(0, 16);
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
}
