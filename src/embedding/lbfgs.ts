/** Value of a smooth convex function at a point; writes its gradient. */
export type Objective = (point: Float64Array, gradient: Float64Array) => number;

/** Steps remembered. */
const MEMORY = 6;
/** Share of the expected descent that a step must reach (Armijo). */
const SUFFICIENT = 1e-4;
const HALVINGS_MAX = 30;
/** A round that lowers the value by less than this share of it is the last. */
const FLAT = 1e-5;

/**
 * Minimises a smooth convex function by limited-memory BFGS, in place. Deterministic.
 *
 * @param rounds - Steps at most.
 * @returns The value reached.
 * @see Nocedal & Wright, Numerical Optimization, algorithm 7.5.
 */
export function lbfgs(point: Float64Array, rounds: number, objective: Objective): number {
  const size = point.length;
  let gradient = new Float64Array(size);
  let value = objective(point, gradient);
  const next = new Float64Array(size);
  let nextGradient = new Float64Array(size);
  const direction = new Float64Array(size);
  const kept: { step: Float64Array; change: Float64Array; rho: number }[] = [];
  const factors = new Float64Array(MEMORY);
  for (let round = 0; round < rounds; round++) {
    direction.set(gradient);
    for (let i = kept.length - 1; i >= 0; i--) {
      const { step, change, rho } = kept[i]!;
      factors[i] = rho * inner(step, direction);
      accumulate(direction, change, -factors[i]!);
    }
    const newest = kept.at(-1);
    const first = 1 / Math.max(1, Math.sqrt(inner(gradient, gradient)));
    const curvature = newest === undefined ? first : 1 / (newest.rho * inner(newest.change, newest.change));
    for (let i = 0; i < size; i++) direction[i]! *= curvature;
    for (const [i, { step, change, rho }] of kept.entries()) {
      accumulate(direction, step, factors[i]! - rho * inner(change, direction));
    }
    const slope = -inner(gradient, direction);
    if (!(slope < 0)) return value;
    let length = 1;
    let reached = Number.NaN;
    for (let halving = 0; halving < HALVINGS_MAX; halving++, length /= 2) {
      for (let i = 0; i < size; i++) next[i] = point[i]! - length * direction[i]!;
      reached = objective(next, nextGradient);
      if (reached <= value + SUFFICIENT * length * slope) break;
    }
    if (!(reached < value)) return value;
    const oldest = kept.length === MEMORY ? kept.shift() : undefined;
    const step = oldest?.step ?? new Float64Array(size);
    const change = oldest?.change ?? new Float64Array(size);
    for (let i = 0; i < size; i++) {
      step[i] = next[i]! - point[i]!;
      change[i] = nextGradient[i]! - gradient[i]!;
    }
    const bent = inner(step, change);
    if (bent > 1e-12 * inner(change, change)) kept.push({ step, change, rho: 1 / bent });
    point.set(next);
    [gradient, nextGradient] = [nextGradient, gradient];
    const gained = value - reached;
    value = reached;
    if (gained < FLAT * Math.max(1, Math.abs(value))) return value;
  }
  return value;
}

function inner(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function accumulate(to: Float64Array, from: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * from[i]!;
}
