/** A smooth function to be minimised: writes its gradient and returns its value. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

export type Minimum = Readonly<{
  x: Float64Array;
  value: number;
  /** Largest component of the gradient there. */
  gradientMax: number;
  iterations: number;
  /** Whether the gradient fell below what was asked for, or rounding leaves nothing to gain. */
  converged: boolean;
}>;

/** Pairs of steps and gradient changes that stand for the curvature: more of them where they are short. */
const MEMORY = { min: 6, max: 20, numbers: 16_000_000 } as const;
/** Armijo's share of the decrease that the slope promises. */
const SUFFICIENT = 1e-4;
const HALVINGS_MAX = 40;
/** A relative gain below this is rounding. */
const ROUNDING = 1e-13;

/**
 * Minimises a convex function by L-BFGS with a backtracking line search.
 *
 * @param start - Shape [n]; not changed.
 * @param options - `inverseCurvature`: a guess of one over the second derivative of each variable, shape [n], all > 0;
 *   `gradientMax`, and `gainMin`, relative to the value: where to stop.
 * @see Nocedal & Wright, "Numerical Optimization", 2nd ed. 2006, algorithms 7.4 and 3.1.
 */
export function minimise(
  objective: Objective,
  start: Float64Array,
  options: {
    readonly gradientMax: number;
    readonly iterationsMax: number;
    readonly inverseCurvature?: Float64Array;
    readonly gainMin?: number;
  },
): Minimum {
  const n = start.length;
  let x = Float64Array.from(start);
  let gradient = new Float64Array(n);
  let value = objective(x, gradient);
  const pairs = Math.max(MEMORY.min, Math.min(MEMORY.max, Math.floor(MEMORY.numbers / 2 / n)));
  const steps: Float64Array[] = [];
  const changes: Float64Array[] = [];
  const products: number[] = [];
  const direction = new Float64Array(n);
  let nextX = new Float64Array(n);
  let nextGradient = new Float64Array(n);
  let iterations = 0;
  let converged = largest(gradient) <= options.gradientMax;
  while (!converged && iterations < options.iterationsMax) {
    writeDirection(direction, gradient, { steps, changes, products }, options.inverseCurvature);
    const slope = dot(direction, gradient);
    // The first step of a function whose curvature nobody guessed must not be wild.
    const isBlind = steps.length === 0 && options.inverseCurvature === undefined;
    let length = isBlind ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
    let nextValue = Number.POSITIVE_INFINITY;
    for (let halving = 0; halving < HALVINGS_MAX; halving++) {
      for (let i = 0; i < n; i++) nextX[i] = x[i]! + length * direction[i]!;
      nextValue = objective(nextX, nextGradient);
      if (nextValue <= value + SUFFICIENT * length * slope) break;
      length /= 2;
    }
    iterations++;
    if (!(nextValue < value)) {
      converged = true; // No step along a direction of descent gains anything: rounding is all that is left.
      break;
    }
    const isFull = steps.length === pairs;
    const step = isFull ? steps.shift()! : new Float64Array(n);
    const change = isFull ? changes.shift()! : new Float64Array(n);
    if (isFull) products.shift();
    let product = 0;
    for (let i = 0; i < n; i++) {
      step[i] = nextX[i]! - x[i]!;
      change[i] = nextGradient[i]! - gradient[i]!;
      product += step[i]! * change[i]!;
    }
    if (product > Number.MIN_VALUE) {
      steps.push(step);
      changes.push(change);
      products.push(product);
    }
    const gain = value - nextValue;
    [x, nextX] = [nextX, x];
    [gradient, nextGradient] = [nextGradient, gradient];
    value = nextValue;
    converged =
      largest(gradient) <= options.gradientMax || gain <= (options.gainMin ?? ROUNDING) * Math.abs(value);
  }
  return { x, value, gradientMax: largest(gradient), iterations, converged };
}

type Memory = Readonly<{ steps: Float64Array[]; changes: Float64Array[]; products: number[] }>;

/** Minus the gradient times the inverse curvature that the memory stands for (the two-loop recursion). */
function writeDirection(
  direction: Float64Array,
  gradient: Float64Array,
  { steps, changes, products }: Memory,
  inverseCurvature: Float64Array | undefined,
): void {
  const n = direction.length;
  for (let i = 0; i < n; i++) direction[i] = -gradient[i]!;
  const factors = new Float64Array(steps.length);
  for (let m = steps.length - 1; m >= 0; m--) {
    factors[m] = dot(steps[m]!, direction) / products[m]!;
    add(direction, changes[m]!, -factors[m]!);
  }
  const last = steps.length - 1;
  if (inverseCurvature !== undefined) for (let i = 0; i < n; i++) direction[i]! *= inverseCurvature[i]!;
  else if (last >= 0) {
    const scale = products[last]! / dot(changes[last]!, changes[last]!);
    for (let i = 0; i < n; i++) direction[i]! *= scale;
  }
  for (let m = 0; m < steps.length; m++) {
    const beta = dot(changes[m]!, direction) / products[m]!;
    add(direction, steps[m]!, factors[m]! - beta);
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function add(to: Float64Array, from: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * from[i]!;
}

function largest(vector: Float64Array): number {
  let most = 0;
  for (let i = 0; i < vector.length; i++) most = Math.max(most, Math.abs(vector[i]!));
  return most;
}
