import type { LinearArtefact } from "./linear-artefact.ts";
import type { Placement } from "./vector-kernels.ts";

/** Standardised features beyond this say no more (METHODS 5.8). */
export const FEATURE_CLIP = 4;

/** Where the kernel `embed` finds what, in bytes from the place; its source tells the arrays apart. */
export type LinearLayout = Readonly<{
  width: number;
  /** Dimensions, with zeros up to a multiple of eight. */
  lanes: number;
  places: Readonly<Record<ArrayName, number>>;
  sizeBytes: number;
}>;

type ArrayName = (typeof ARRAYS)[number];
/** In the order in which they lie. */
const ARRAYS = [
  "weights",
  "sums",
  "base",
  "supervised",
  "projected",
  "standard",
  "differences",
  "used",
  "features",
  "embedding",
  "rows",
] as const;

export function linearLayout({ dim, mean }: LinearArtefact): LinearLayout {
  const width = mean.length;
  const lanes = Math.ceil(dim / 8) * 8;
  const words = Math.ceil(width / 64);
  const sizesBytes: Record<ArrayName, number> = {
    weights: 8 * width * lanes,
    sums: 8 * lanes,
    base: 8 * lanes,
    supervised: 8 * lanes,
    projected: 8 * lanes,
    standard: 8 * width * 3,
    differences: 8 * width,
    used: 8 * words,
    features: 4 * words * 64,
    embedding: 4 * lanes,
    rows: 4 * width,
  };
  let sizeBytes = 0;
  const places: Partial<Record<ArrayName, number>> = {};
  for (const name of ARRAYS) {
    places[name] = sizeBytes;
    sizeBytes += sizesBytes[name];
  }
  return { width, lanes, places: places as Record<ArrayName, number>, sizeBytes };
}

/**
 * A fitted projection in the kernels' memory. Most features of most users read 0, so their projection is summed here,
 * once; an event pays for those that do not.
 */
export const LINEAR_PLACEMENT: Placement<LinearArtefact> = {
  sizeBytes: (artefact) => linearLayout(artefact).sizeBytes,
  write(artefact, at, { float64, uint32 }) {
    const { dim, bias, dense, mean, scale, supervised } = artefact;
    const { width, lanes, places, sizeBytes } = linearLayout(artefact);
    uint32.fill(0, at / 4, (at + Math.ceil(sizeBytes / 8) * 8) / 4);
    const base = float64.subarray((at + places.base) / 8);
    const weights = float64.subarray((at + places.weights) / 8);
    const standard = float64.subarray((at + places.standard) / 8);
    const used = uint32.subarray((at + places.used) / 4);
    uint32.fill(0xffff_ffff, (at + places.supervised) / 4, (at + places.supervised) / 4 + 2 * supervised);
    base.set(bias);
    for (let feature = 0; feature < width; feature++) {
      const factor = scale[feature]!;
      if (factor === 0) continue; // It says nothing, whatever it reads.
      const ofZero = Math.min(FEATURE_CLIP, Math.max(-FEATURE_CLIP, -mean[feature]! * factor));
      standard.set([mean[feature]!, factor, ofZero], 3 * feature);
      used[feature >> 5]! |= 1 << (feature & 31);
      for (let i = 0; i < dim; i++) {
        const weight = dense[feature * dim + i]!;
        weights[feature * lanes + i] = weight;
        base[i]! += ofZero * weight;
      }
    }
  },
};
