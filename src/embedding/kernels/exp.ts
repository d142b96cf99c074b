/**
 * Each number from `from` to `end`, two at a time, becomes e^(number - less): x = k ln 2 + r with |r| <= ln(2) / 2,
 * then Taylor's sum for e^r up to r^12, then 2^k by way of the exponent's bits. The relative error is below 1e-15 from
 * -708 to 709; below that it is 0, above that e^709; NaN stays NaN.
 *
 * @returns The sum of all.
 * @see Cody and Waite, "Software Manual for the Elementary Functions", 1980: ln 2 in two parts, so that r is exact.
 */
export function exponentials(from: usize, end: usize, less: f64): f64 {
  let sum = f64x2.splat(0);
  for (let at = from; at < end; at += 16) {
    const x = f64x2.sub(v128.load(at), f64x2.splat(less));
    // `pmin` and `pmax` keep a NaN of their first argument, and are one instruction each.
    const held = f64x2.pmin(f64x2.pmax(x, constant(LOWEST)), constant(HIGHEST));
    // Adding 1.5 * 2^52 rounds to a whole number and leaves it in the lowest bits.
    const shifted = f64x2.add(f64x2.mul(held, constant(LOG2E)), constant(ROUNDER));
    const k = f64x2.sub(shifted, constant(ROUNDER));
    const high = f64x2.sub(held, f64x2.mul(k, constant(LN2_HIGH)));
    const r = f64x2.sub(high, f64x2.mul(k, constant(LN2_LOW)));
    const scaled = i64x2.add(taylor(r), i64x2.shl(shifted, 52));
    const e = v128.andnot(scaled, f64x2.lt(x, constant(LOWEST)));
    v128.store(at, e);
    sum = f64x2.add(sum, e);
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** By Estrin's scheme: pairs first, so that little waits for anything. */
function taylor(r: v128): v128 {
  const r2 = f64x2.mul(r, r);
  const r4 = f64x2.mul(r2, r2);
  const a = f64x2.add(constant(FACTORIALS), r);
  const b = pair(2, r);
  const c = pair(4, r);
  const d = pair(6, r);
  const e = pair(8, r);
  const f = pair(10, r);
  const low = f64x2.add(a, f64x2.mul(b, r2));
  const middle = f64x2.add(c, f64x2.mul(d, r2));
  const tail = f64x2.add(f, f64x2.mul(constant(FACTORIALS + 12 * 8), r2));
  const high = f64x2.add(e, f64x2.mul(tail, r2));
  return f64x2.add(low, f64x2.mul(f64x2.add(middle, f64x2.mul(high, r4)), r4));
}

/** 1 / n! + r / (n + 1)!. */
function pair(n: usize, r: v128): v128 {
  return f64x2.add(constant(FACTORIALS + n * 8), f64x2.mul(constant(FACTORIALS + n * 8 + 8), r));
}

/** From memory: V8 builds a literal anew for each use, of five instructions. */
function constant(at: usize): v128 {
  return v128.load64_splat(at);
}

const REDUCTION = memory.data<f64>([
  -708,
  709,
  Math.LOG2E,
  6755399441055744,
  0.6931471803691238,
  1.9082149292705877e-10,
]);
const LOWEST = REDUCTION;
const HIGHEST = REDUCTION + 8;
const LOG2E = REDUCTION + 16;
const ROUNDER = REDUCTION + 24;
const LN2_HIGH = REDUCTION + 32;
const LN2_LOW = REDUCTION + 40;
/** 1 / n!, from 0. */
const FACTORIALS = memory.data<f64>([
  1, 1, 0.5, 0.16666666666666666, 0.041666666666666664, 0.008333333333333333, 0.001388888888888889,
  0.0001984126984126984, 0.0000248015873015873, 0.0000027557319223985893, 2.755731922398589e-7,
  2.505210838544172e-8, 2.08767569878681e-9,
]);

/** Where the host may place what it likes: behind the constants. */
export function constantsEnd(): usize {
  return __heap_base;
}
