import type { DeepWeights } from "../../../src/embedding/deep/deep-artefact.ts";
import { initialArrays } from "../../../src/embedding/deep/initial-arrays.ts";
import { type DeepKind, servedArrays } from "../../../src/embedding/deep/network-shape.ts";
import type { LinearWeights } from "../../../src/embedding/linear-artefact.ts";
import { gaussian, seededRandom } from "../../../src/kernel/random.ts";

/** A network whose every array is by chance, so that each has a say in what it embeds. */
export function aNetwork(kind: DeepKind, linear: LinearWeights, seed = 1): DeepWeights {
  const { early: _early, ...base } = linear;
  const random = seededRandom(seed);
  const shape = { kind, dim: base.dim, features: base.mean.length };
  const initial = initialArrays(shape, 1, random);
  const arrays = Object.keys(servedArrays(shape)).map((name) => {
    const array = (initial[name] ?? new Float32Array()).map((value) => value + 0.2 * gaussian(random));
    return [name, array] as const;
  });
  return { kind, base, arrays: Object.fromEntries(arrays) };
}
