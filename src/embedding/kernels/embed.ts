/**
 * The embedding of one user: features standardised and projected, the decayed sums added, the whole normalised. Most
 * features read 0, so `base` is the projection of a user without any, and only what differs is added to it.
 * At `at`, one after the other:
 *
 * | array | type and length | |
 * |---|---|---|
 * | weights | float64, width x lanes | of the features; 0 beyond the dimension |
 * | sums | float64, lanes | in: decayed sums of projected tokens |
 * | base | float64, lanes | projection of features that are all 0 |
 * | supervised | int64, lanes | all bits set for a supervised dimension, else 0 |
 * | projected | float64, lanes | scratch |
 * | standard | float64, width x 3 | mean, factor, and what a 0 becomes |
 * | differences | float64, width | scratch: of features that are not 0 |
 * | used | uint64, words | a bit a feature: whether it says anything |
 * | features | float32, words x 64 | in; 0 beyond `width` |
 * | embedding | float32, lanes | out |
 * | rows | uint32, width | scratch: where the weights of `differences` are |
 *
 * `lanes` is a multiple of 8, `words` is width / 64 rounded up.
 *
 * @param shrink - What the decayed sums are multiplied by.
 * @param fill - Length of the unsupervised part, > 0.
 * @param clip - Standardised features beyond this say no more.
 */
export function embed(at: usize, width: i32, lanes: i32, shrink: f64, fill: f64, clip: f64): void {
  const laneBytes = (<usize>lanes) << 3;
  const words = <usize>(width + 63) >> 6;
  const sums = at + <usize>width * laneBytes;
  const base = sums + laneBytes;
  const supervised = base + laneBytes;
  const projected = supervised + laneBytes;
  const standard = projected + laneBytes;
  const differences = standard + <usize>width * 24;
  const used = differences + ((<usize>width) << 3);
  const features = used + (words << 3);
  const embedding = features + (words << 8);
  const rows = embedding + (laneBytes >> 1);

  let count: usize = 0;
  for (let word: usize = 0; word < words; word++) {
    let bits = notZero(features + (word << 8)) & load<u64>(used + (word << 3));
    for (; bits !== 0; bits &= bits - 1) {
      const feature = (word << 6) + <usize>ctz(bits);
      const one = standard + feature * 24;
      const x = f64x2.splat(<f64>load<f32>(features + (feature << 2)) - load<f64>(one));
      const z = f64x2.mul(x, v128.load64_splat(one, 8));
      // `pmin` and `pmax` keep a NaN of their first argument, and are one instruction each.
      const clipped = f64x2.pmax(f64x2.pmin(z, f64x2.splat(clip)), f64x2.splat(-clip));
      v128.store64_lane(differences + (count << 3), f64x2.sub(clipped, v128.load64_splat(one, 16)), 0);
      store<u32>(rows + (count << 2), <u32>(at + feature * laneBytes));
      count++;
    }
  }
  const shrinks = f64x2.splat(shrink);
  let lane: usize = 0;
  for (; lane + 128 <= laneBytes; lane += 128) {
    project16(differences, rows, count, lane, base + lane, sums + lane, shrinks, projected + lane);
  }
  if (lane < laneBytes) {
    project8(differences, rows, count, lane, base + lane, sums + lane, shrinks, projected + lane);
  }
  compose(projected, supervised, laneBytes, fill, embedding);
}

/** One bit for each of 64 features that is not 0. */
function notZero(features: usize): u64 {
  let bits: u64 = 0;
  for (let i: usize = 0; i < 64; i += 16) {
    const zero = f32x4.splat(0);
    const at = features + (i << 2);
    const a = i32x4.bitmask(f32x4.ne(v128.load(at), zero));
    const b = i32x4.bitmask(f32x4.ne(v128.load(at, 16), zero));
    const c = i32x4.bitmask(f32x4.ne(v128.load(at, 32), zero));
    const d = i32x4.bitmask(f32x4.ne(v128.load(at, 48), zero));
    bits |= (<u64>(a | (b << 4) | (c << 8) | (d << 12))) << i;
  }
  return bits;
}

/** Sixteen dimensions, summed in registers: base + differences x weights + shrink x sums. */
function project16(
  differences: usize,
  rows: usize,
  count: usize,
  lane: usize,
  base: usize,
  sums: usize,
  shrink: v128,
  out: usize,
): void {
  let a = v128.load(base);
  let b = v128.load(base, 16);
  let c = v128.load(base, 32);
  let d = v128.load(base, 48);
  let e = v128.load(base, 64);
  let f = v128.load(base, 80);
  let g = v128.load(base, 96);
  let h = v128.load(base, 112);
  for (let i: usize = 0; i < count; i++) {
    const x = v128.load64_splat(differences + (i << 3));
    const row = <usize>load<u32>(rows + (i << 2)) + lane;
    a = f64x2.add(a, f64x2.mul(x, v128.load(row)));
    b = f64x2.add(b, f64x2.mul(x, v128.load(row, 16)));
    c = f64x2.add(c, f64x2.mul(x, v128.load(row, 32)));
    d = f64x2.add(d, f64x2.mul(x, v128.load(row, 48)));
    e = f64x2.add(e, f64x2.mul(x, v128.load(row, 64)));
    f = f64x2.add(f, f64x2.mul(x, v128.load(row, 80)));
    g = f64x2.add(g, f64x2.mul(x, v128.load(row, 96)));
    h = f64x2.add(h, f64x2.mul(x, v128.load(row, 112)));
  }
  v128.store(out, f64x2.add(a, f64x2.mul(shrink, v128.load(sums))));
  v128.store(out, f64x2.add(b, f64x2.mul(shrink, v128.load(sums, 16))), 16);
  v128.store(out, f64x2.add(c, f64x2.mul(shrink, v128.load(sums, 32))), 32);
  v128.store(out, f64x2.add(d, f64x2.mul(shrink, v128.load(sums, 48))), 48);
  v128.store(out, f64x2.add(e, f64x2.mul(shrink, v128.load(sums, 64))), 64);
  v128.store(out, f64x2.add(f, f64x2.mul(shrink, v128.load(sums, 80))), 80);
  v128.store(out, f64x2.add(g, f64x2.mul(shrink, v128.load(sums, 96))), 96);
  v128.store(out, f64x2.add(h, f64x2.mul(shrink, v128.load(sums, 112))), 112);
}

/** The last eight dimensions. */
function project8(
  differences: usize,
  rows: usize,
  count: usize,
  lane: usize,
  base: usize,
  sums: usize,
  shrink: v128,
  out: usize,
): void {
  let a = v128.load(base);
  let b = v128.load(base, 16);
  let c = v128.load(base, 32);
  let d = v128.load(base, 48);
  for (let i: usize = 0; i < count; i++) {
    const x = v128.load64_splat(differences + (i << 3));
    const row = <usize>load<u32>(rows + (i << 2)) + lane;
    a = f64x2.add(a, f64x2.mul(x, v128.load(row)));
    b = f64x2.add(b, f64x2.mul(x, v128.load(row, 16)));
    c = f64x2.add(c, f64x2.mul(x, v128.load(row, 32)));
    d = f64x2.add(d, f64x2.mul(x, v128.load(row, 48)));
  }
  v128.store(out, f64x2.add(a, f64x2.mul(shrink, v128.load(sums))));
  v128.store(out, f64x2.add(b, f64x2.mul(shrink, v128.load(sums, 16))), 16);
  v128.store(out, f64x2.add(c, f64x2.mul(shrink, v128.load(sums, 32))), 32);
  v128.store(out, f64x2.add(d, f64x2.mul(shrink, v128.load(sums, 48))), 48);
}

/** What `compose` of the linear encoder does: the unsupervised part has length `fill`, then the norm becomes 1. */
function compose(projected: usize, supervised: usize, bytes: usize, fill: f64, out: usize): void {
  let signals = f64x2.splat(0);
  let rests = f64x2.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const pair = v128.load(projected + i);
    const squares = f64x2.mul(pair, pair);
    const mask = v128.load(supervised + i);
    signals = f64x2.add(signals, v128.and(squares, mask));
    rests = f64x2.add(rests, v128.andnot(squares, mask));
  }
  const signal = f64x2.extract_lane(signals, 0) + f64x2.extract_lane(signals, 1);
  const rest = f64x2.extract_lane(rests, 0) + f64x2.extract_lane(rests, 1);
  const norm = Math.sqrt(fill * fill + signal);
  const signalScale = f64x2.splat(1 / norm);
  const restScale = f64x2.splat(rest > 0 ? fill / (norm * Math.sqrt(rest)) : 0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const factor = v128.bitselect(signalScale, restScale, v128.load(supervised + i));
    const pair = f64x2.mul(v128.load(projected + i), factor);
    v128.store64_lane(out + (i >> 1), f32x4.demote_f64x2_zero(pair), 0);
  }
}
