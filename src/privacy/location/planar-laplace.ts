import { assert } from "../../kernel/assert.ts";

const STEPS_MAX = 64;
const METRES_A_DEGREE = 111_320;

/**
 * Radius of planar Laplace noise: the distance by which a place is moved, in the unit that epsilon is a reciprocal of. The mean
 * is 2 / epsilon.
 *
 * @param epsilon - > 0.
 * @param chance - Uniform in [0, 1).
 * @see Andres et al., "Geo-Indistinguishability", CCS 2013; METHODS 1.6.
 */
export function planarLaplaceRadius(epsilon: number, chance: number): number {
  assert(epsilon > 0 && chance >= 0 && chance < 1, "a radius needs an epsilon and a chance below 1");
  return -(lambertLower((chance - 1) / Math.E) + 1) / epsilon;
}

/**
 * A place moved by planar Laplace noise; a caller snaps it to a grid.
 *
 * @param place - Degrees.
 * @param epsilon - A metre, > 0: 0.001 hides well within a kilometre.
 * @param chances - Two of them, uniform in [0, 1): direction and distance.
 */
export function planarLaplace(
  { lat, lon }: Readonly<{ lat: number; lon: number }>,
  epsilon: number,
  [direction, distance]: readonly [number, number],
): Readonly<{ lat: number; lon: number }> {
  const angle = 2 * Math.PI * direction;
  const metres = planarLaplaceRadius(epsilon, distance);
  const north = Math.max(-90, Math.min(90, lat + (metres * Math.cos(angle)) / METRES_A_DEGREE));
  const shrunk = Math.max(1e-6, Math.cos((lat * Math.PI) / 180)); // Meridians meet at the poles.
  const east = lon + (metres * Math.sin(angle)) / (METRES_A_DEGREE * shrunk);
  return { lat: north, lon: ((((east + 180) % 360) + 360) % 360) - 180 };
}

/**
 * The lower branch of Lambert's W: the w <= -1 with w e^w = x.
 *
 * @param x - In [-1/e, 0).
 */
function lambertLower(x: number): number {
  if (x <= -1 / Math.E) return -1;
  // Near the branch point by its series, else by logarithms; Halley's steps do the rest.
  const root = Math.sqrt(2 * (1 + Math.E * x));
  const log = Math.log(-x);
  let w = x < -0.25 ? -1 - root - (root * root) / 3 : log - Math.log(-log);
  for (let step = 0; step < STEPS_MAX; step++) {
    const e = Math.exp(w);
    const error = w * e - x;
    const slope = e * (w + 1) - ((w + 2) * error) / (2 * w + 2);
    if (slope === 0 || !Number.isFinite(slope)) break;
    const next = w - error / slope;
    if (next === w || Math.abs(next - w) < 1e-15 * Math.abs(next)) return next;
    w = next;
  }
  return w;
}
