import { gaussian, type Random } from "../../kernel/random.ts";
import { type NetworkShape, servedArrays, trainingArrays } from "./network-shape.ts";

/** Half-lives of the recurrent units at the start, spread evenly on a logarithmic scale, in days. */
const HALF_LIFE_DAYS = { shortest: 0.02, longest: 60 } as const;
/** A closed gate: at the start a unit remembers for about ten events. */
const GATE_BIAS = -2;
/** Heads of the transformer forget slowly at the start: exp(-1) for each unit of log1p(hours). */
const AGE = -1;
/** Logarithm of the inverse temperature at no events, and its growth with their logarithm. */
const SHARPNESS = [0.7, 0.2] as const;

/**
 * The arrays before the first step. What leads back to the projection is 0, so that training begins as good as the
 * linear encoder is.
 *
 * @see He et al., "Delving Deep into Rectifiers", 2015, for the spread of the others.
 */
export function initialArrays(
  shape: NetworkShape,
  maps: number,
  random: Random,
): Record<string, Float32Array> {
  const shapes = { ...servedArrays(shape), ...trainingArrays(shape, maps) };
  return Object.fromEntries(Object.entries(shapes).map(([name, of]) => [name, initial(name, of, random)]));
}

function initial(name: string, shape: readonly number[], random: Random): Float32Array {
  const size = shape.reduce((product, length) => product * length, 1);
  if (name === "sharpness") return Float32Array.from({ length: size }, (_, i) => SHARPNESS[i % 2]!);
  if (name === "decay") return Float32Array.from({ length: size }, (_, i) => Math.log(rate(i / (size - 1))));
  if (name.startsWith("age")) return new Float32Array(size).fill(AGE);
  if (name === "gateBias") return new Float32Array(size).fill(GATE_BIAS);
  if (name === "outWeights" || shape.length === 1) return new Float32Array(size);
  const spread = Math.sqrt(2 / (shape[0] ?? 1));
  return Float32Array.from({ length: size }, () => spread * gaussian(random));
}

/** Decay a day of the half-life at `place` in [0, 1] of the range. */
function rate(place: number): number {
  const { shortest, longest } = HALF_LIFE_DAYS;
  return Math.LN2 / (shortest * (longest / shortest) ** place);
}
