import { earlyDims, type LinearArtefact } from "../../src/embedding/linear-artefact.ts";
import { compose } from "../../src/embedding/linear-encoder.ts";
import { FEATURE_CLIP } from "../../src/embedding/linear-placement.ts";
import { leftAt, noveltyOf, STATE } from "../../src/embedding/projected-state.ts";

type Embed = (
  slab: Float64Array,
  at: number,
  features: Float32Array,
  atMs: number,
  out: Float32Array,
) => void;

/** What a linear encoder's `embed` computes, as plain code: the reference of the vector kernel. */
export function plainEmbed(artefact: LinearArtefact): Embed {
  const { dim, supervised, fill, power, halfLifeMs } = artefact;
  const sum = new Float64Array(dim);
  const dense = denseProjection(artefact);
  return (slab, at, features, atMs, out) => {
    const left = leftAt(slab, at, atMs, halfLifeMs);
    const events = slab[at + STATE.events]! * left;
    const shrink = left / (events + 1) ** power;
    dense.project(features, sum);
    for (let i = 0; i < dim; i++) {
      const early = i < earlyDims(artefact) ? noveltyOf(events) * slab[at + STATE.sums + dim + i]! : 0;
      sum[i]! += shrink * (slab[at + STATE.sums + i]! + early);
    }
    compose(sum, supervised, fill, out);
  };
}

type DenseProjection = Readonly<{ project(features: Float32Array, out: Float64Array): void }>;

/** Outputs that are summed at once, in registers. */
const TILE = 8;

/**
 * Only features that say something are projected. The weights are laid out so that eight outputs are summed in one
 * pass over the features: nothing is stored before its sum is complete. Measured twice as fast as row by row.
 */
function denseProjection(artefact: LinearArtefact): DenseProjection {
  const { dim, bias, dense, mean, scale } = artefact;
  const used = Int32Array.from(scale.keys()).filter((feature) => scale[feature] !== 0);
  const count = used.length;
  const offset = Float64Array.from(used, (feature) => mean[feature]!);
  const factor = Float64Array.from(used, (feature) => scale[feature]!);
  const tiles = Math.ceil(dim / TILE);
  const weights = new Float64Array(tiles * count * TILE); // Zero beyond `dim`.
  const start = new Float64Array(tiles * TILE);
  for (let i = 0; i < dim; i++) {
    const tileAt = Math.floor(i / TILE) * count * TILE + (i % TILE);
    for (let row = 0; row < count; row++) weights[tileAt + row * TILE] = dense[used[row]! * dim + i]!;
    start[i] = bias[i]!;
  }
  const standardised = new Float64Array(count);
  const sums = new Float64Array(tiles * TILE);
  return {
    project(features, out) {
      for (let row = 0; row < count; row++) {
        const z = (features[used[row]!]! - offset[row]!) * factor[row]!;
        standardised[row] = Math.min(FEATURE_CLIP, Math.max(-FEATURE_CLIP, z));
      }
      for (let tile = 0; tile < tiles; tile++) {
        projectTile(standardised, weights, tile * count * TILE, start, sums, tile * TILE);
      }
      for (let i = 0; i < dim; i++) out[i] = sums[i]!;
    },
  };
}

function projectTile(
  x: Float64Array,
  weights: Float64Array,
  weightsAt: number,
  start: Float64Array,
  out: Float64Array,
  outAt: number,
): void {
  let a = start[outAt]!;
  let b = start[outAt + 1]!;
  let c = start[outAt + 2]!;
  let d = start[outAt + 3]!;
  let e = start[outAt + 4]!;
  let f = start[outAt + 5]!;
  let g = start[outAt + 6]!;
  let h = start[outAt + 7]!;
  for (let row = 0, at = weightsAt; row < x.length; row++, at += TILE) {
    const z = x[row]!;
    a += z * weights[at]!;
    b += z * weights[at + 1]!;
    c += z * weights[at + 2]!;
    d += z * weights[at + 3]!;
    e += z * weights[at + 4]!;
    f += z * weights[at + 5]!;
    g += z * weights[at + 6]!;
    h += z * weights[at + 7]!;
  }
  out[outAt] = a;
  out[outAt + 1] = b;
  out[outAt + 2] = c;
  out[outAt + 3] = d;
  out[outAt + 4] = e;
  out[outAt + 5] = f;
  out[outAt + 6] = g;
  out[outAt + 7] = h;
}
