/**
 * e^x of two numbers at once: x = k ln 2 + r with |r| <= ln(2) / 2, then Taylor's sum for e^r, then 2^k by way of the
 * exponent's bits. The relative error is below 1e-15 from -708 to 709; below that 0, above that e^709; NaN stays NaN.
 *
 * @see Cody and Waite, "Software Manual for the Elementary Functions", 1980: ln 2 in two parts, so that r is exact.
 */
export function expPair(x: v128): v128 {
  // `pmin` and `pmax` keep a NaN of their first argument, and are one instruction each.
  const held = f64x2.pmin(f64x2.pmax(x, f64x2.splat(-708)), f64x2.splat(709));
  // Adding 1.5 * 2^52 rounds to a whole number and leaves it in the lowest bits.
  const rounder = f64x2.splat(6755399441055744);
  const shifted = f64x2.add(f64x2.mul(held, f64x2.splat(Math.LOG2E)), rounder);
  const k = f64x2.sub(shifted, rounder);
  const high = f64x2.sub(held, f64x2.mul(k, f64x2.splat(0.6931471803691238)));
  const r = f64x2.sub(high, f64x2.mul(k, f64x2.splat(1.9082149292705877e-10)));
  const scaled = i64x2.add(taylor(r), i64x2.shl(shifted, 52));
  return v128.andnot(scaled, f64x2.lt(x, f64x2.splat(-708)));
}

/** 1 + r + r^2 / 2! + ... + r^12 / 12!, by Estrin's scheme: pairs first, so that little waits for anything. */
function taylor(r: v128): v128 {
  const r2 = f64x2.mul(r, r);
  const r4 = f64x2.mul(r2, r2);
  const a = f64x2.add(f64x2.splat(1), r);
  const b = line(1 / 2, 1 / 6, r);
  const c = line(1 / 24, 1 / 120, r);
  const d = line(1 / 720, 1 / 5040, r);
  const e = line(1 / 40320, 1 / 362880, r);
  const f = line(1 / 3628800, 1 / 39916800, r);
  const low = f64x2.add(a, f64x2.mul(b, r2));
  const middle = f64x2.add(c, f64x2.mul(d, r2));
  const tail = f64x2.add(f, f64x2.mul(f64x2.splat(1 / 479001600), r2));
  const high = f64x2.add(e, f64x2.mul(tail, r2));
  return f64x2.add(low, f64x2.mul(f64x2.add(middle, f64x2.mul(high, r4)), r4));
}

function line(constant: f64, slope: f64, r: v128): v128 {
  return f64x2.add(f64x2.splat(constant), f64x2.mul(f64x2.splat(slope), r));
}
