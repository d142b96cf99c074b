import { exponentials } from "./exp.ts";

/**
 * The distribution of one user over the segments of a map. All in float64, at `at`, one after the other:
 *
 * | array | length | |
 * |---|---|---|
 * | probabilities | lanes | out; "none" at `count` |
 * | similarities | lanes | out; 0 from `count` on, where nobody but the loader writes |
 * | z | dim, made even with 0 | in: the embedding from the profiles' centre |
 * | intercepts | lanes | of the calibration; "none" at `count` |
 * | logPriors | lanes | "none" at `count`, minus infinity behind it: e^that is 0 |
 * | directions | tiles x dim x 8 | eight segments side by side: a sum is complete before it is stored |
 *
 * `lanes` is the multiple of 8 above `count`, `tiles` is count / 8 rounded up.
 *
 * @param trust - Share of the evidence that counts, in [0, 1].
 * @param shortest - Square of the length below which z points nowhere.
 */
export function score(
  at: usize,
  dim: i32,
  count: i32,
  trust: f64,
  kappa: f64,
  shortest: f64,
  exclusive: i32,
): void {
  const lanes: usize = (count + 8) & ~7;
  const similarities = at + (lanes << 3);
  const z = similarities + (lanes << 3);
  const zEnd = z + (((dim + 1) & ~1) << 3);
  const intercepts = zEnd;
  const logPriors = intercepts + (lanes << 3);
  const directions = logPriors + (lanes << 3);
  project(directions, similarities, z, dim, (count + 7) >> 3);

  const squared = squaredLength(z, zEnd);
  const scale = f64x2.splat(squared > shortest ? 1 / Math.sqrt(squared) : 0);
  const trusts = f64x2.splat(trust);
  const kappas = f64x2.splat(kappa);
  let highest = f64x2.splat(-Infinity);
  const end = at + (((count + 2) & ~1) << 3);
  for (let p = at, i: usize = 0; p < end; p += 16, i += 16) {
    const cosine = f64x2.mul(v128.load(similarities + i), scale);
    const similarity = f64x2.pmax(f64x2.pmin(cosine, f64x2.splat(1)), f64x2.splat(-1));
    v128.store(similarities + i, similarity);
    const told = f64x2.add(f64x2.mul(kappas, similarity), v128.load(intercepts + i));
    const logit = f64x2.add(f64x2.mul(trusts, told), v128.load(logPriors + i));
    v128.store(p, logit);
    highest = f64x2.pmax(highest, logit);
  }
  if (exclusive) {
    softmax(at, end, highest);
  } else {
    sigmoids(at, end);
    store<f64>(at + ((<usize>count) << 3), 0);
  }
}

/** Dot products of z with `tiles` times eight directions: sixteen at once, then the last eight. */
function project(directions: usize, out: usize, z: usize, dim: i32, tiles: i32): void {
  const zEnd = z + ((<usize>dim) << 3);
  const tileBytes = (<usize>dim) << 6;
  let left = tiles;
  for (; left > 1; left -= 2) {
    let a = f64x2.splat(0);
    let b = a;
    let c = a;
    let d = a;
    let e = a;
    let f = a;
    let g = a;
    let h = a;
    for (let from = z, row = directions; from < zEnd; from += 8, row += 64) {
      const x = v128.load64_splat(from);
      const second = row + tileBytes;
      a = f64x2.add(a, f64x2.mul(x, v128.load(row)));
      b = f64x2.add(b, f64x2.mul(x, v128.load(row, 16)));
      c = f64x2.add(c, f64x2.mul(x, v128.load(row, 32)));
      d = f64x2.add(d, f64x2.mul(x, v128.load(row, 48)));
      e = f64x2.add(e, f64x2.mul(x, v128.load(second)));
      f = f64x2.add(f, f64x2.mul(x, v128.load(second, 16)));
      g = f64x2.add(g, f64x2.mul(x, v128.load(second, 32)));
      h = f64x2.add(h, f64x2.mul(x, v128.load(second, 48)));
    }
    v128.store(out, a);
    v128.store(out, b, 16);
    v128.store(out, c, 32);
    v128.store(out, d, 48);
    v128.store(out, e, 64);
    v128.store(out, f, 80);
    v128.store(out, g, 96);
    v128.store(out, h, 112);
    out += 128;
    directions += tileBytes << 1;
  }
  if (left === 0) return;
  let a = f64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (let from = z, row = directions; from < zEnd; from += 8, row += 64) {
    const x = v128.load64_splat(from);
    a = f64x2.add(a, f64x2.mul(x, v128.load(row)));
    b = f64x2.add(b, f64x2.mul(x, v128.load(row, 16)));
    c = f64x2.add(c, f64x2.mul(x, v128.load(row, 32)));
    d = f64x2.add(d, f64x2.mul(x, v128.load(row, 48)));
  }
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
}

function squaredLength(from: usize, end: usize): f64 {
  let sum = f64x2.splat(0);
  for (; from < end; from += 16) {
    const pair = v128.load(from);
    sum = f64x2.add(sum, f64x2.mul(pair, pair));
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

function softmax(from: usize, end: usize, highest: v128): void {
  const left = f64x2.extract_lane(highest, 0);
  const right = f64x2.extract_lane(highest, 1);
  const factor = f64x2.splat(1 / exponentials(from, end, left > right ? left : right));
  for (let at = from; at < end; at += 16) v128.store(at, f64x2.mul(v128.load(at), factor));
}

function sigmoids(from: usize, end: usize): void {
  exponentials(from, end, 0);
  for (let at = from; at < end; at += 16) {
    const e = v128.load(at);
    v128.store(at, f64x2.div(e, f64x2.add(f64x2.splat(1), e)));
  }
}
