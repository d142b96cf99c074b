import { gaussian, seededRandom } from "../kernel/random.ts";
import type { Corpus } from "./corpus.ts";
import type { FitOptions } from "./fit-options.ts";
import { cholesky, symmetricEigen } from "./symmetric-matrix.ts";
import { addScaled, dot } from "./vector.ts";

/** Columns beyond those asked for, which make the leading ones exact. */
const OVERSAMPLING = 8;
/** Rounds that sharpen the components. The second is worth its time only where there is little to learn from. */
const POWER_ITERATIONS = 2;
const POWER_ITERATIONS_LARGE = 1;
const LARGE_USERS = 5_000;

/**
 * The leading directions in which users differ by the tokens they use, without any label: a randomised singular
 * value decomposition of the users' TF-IDF vectors (binary counts, length 1).
 *
 * @returns Shape [tokens, components], each row times the token's inverse document frequency, so that a user's
 *   coordinates are sums over tokens; fewer users or tokens than components leave zero columns.
 * @see Halko, Martinsson & Tropp, "Finding Structure with Randomness", SIAM Review 2011, algorithm 4.4.
 */
export function tokenComponents(corpus: Corpus, { components, seed }: FitOptions): Float32Array {
  const tokens = corpus.tokens.length;
  const weights = tfIdf(corpus);
  const width = components + OVERSAMPLING;
  const random = seededRandom(seed);
  const basis = Float64Array.from({ length: tokens * width }, () => gaussian(random));
  const users = new Float64Array(corpus.users * width);
  const rounds = corpus.users > LARGE_USERS ? POWER_ITERATIONS_LARGE : POWER_ITERATIONS;
  for (let round = 0; round <= rounds; round++) {
    project(weights, basis, users, width);
    orthonormalise(users, corpus.users, width);
    projectBack(weights, users, basis, width);
    if (round < rounds) orthonormalise(basis, tokens, width);
  }
  // basis = A' Q: its right singular vectors rotate it onto the components.
  const { values, vectors } = symmetricEigen(gram(basis, tokens, width), width);
  const table = new Float32Array(tokens * components);
  for (let j = 0; j < components; j++) {
    if (!(values[j]! > 1e-9 * values[0]!)) break;
    const factor = 1 / Math.sqrt(values[j]!);
    for (let id = 0; id < tokens; id++) {
      table[id * components + j] =
        factor * weights.idf[id]! * dot(basis, id * width, vectors, j * width, width);
    }
  }
  return table;
}

type TfIdf = Readonly<{ idf: Float64Array; rowsAt: Uint32Array; ids: Uint32Array; values: Float64Array }>;

function tfIdf(corpus: Corpus): TfIdf {
  // A token of one user relates nobody to anybody.
  const idf = Float64Array.from(corpus.usersOf, (users) =>
    users > 1 ? Math.log(1 + corpus.users / users) : 0,
  );
  const lastUser = new Int32Array(corpus.tokens.length).fill(-1);
  const rowsAt = new Uint32Array(corpus.users + 1);
  const ids: number[] = [];
  const values: number[] = [];
  for (let u = 0; u < corpus.users; u++) {
    const from = ids.length;
    let square = 0;
    const end = corpus.tokensAt[corpus.eventsAt[u + 1]!]!;
    for (let t = corpus.tokensAt[corpus.eventsAt[u]!]!; t < end; t++) {
      const id = corpus.tokenIds[t]!;
      if (lastUser[id] === u || idf[id] === 0) continue;
      lastUser[id] = u;
      ids.push(id);
      values.push(idf[id]!);
      square += idf[id]! ** 2;
    }
    for (let i = from; i < values.length; i++) values[i]! /= Math.sqrt(square);
    rowsAt[u + 1] = ids.length;
  }
  return { idf, rowsAt, ids: Uint32Array.from(ids), values: Float64Array.from(values) };
}

function project(matrix: TfIdf, basis: Float64Array, out: Float64Array, width: number): void {
  out.fill(0);
  for (let u = 0; u + 1 < matrix.rowsAt.length; u++) {
    for (let i = matrix.rowsAt[u]!; i < matrix.rowsAt[u + 1]!; i++) {
      addScaled(out, u * width, basis, matrix.ids[i]! * width, width, matrix.values[i]!);
    }
  }
}

function projectBack(matrix: TfIdf, users: Float64Array, out: Float64Array, width: number): void {
  out.fill(0);
  for (let u = 0; u + 1 < matrix.rowsAt.length; u++) {
    for (let i = matrix.rowsAt[u]!; i < matrix.rowsAt[u + 1]!; i++) {
      addScaled(out, matrix.ids[i]! * width, users, u * width, width, matrix.values[i]!);
    }
  }
}

function gram(rows: Float64Array, count: number, width: number): Float64Array {
  const sums = new Float64Array(width * width);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < width; i++) {
      const x = rows[row * width + i]!;
      if (x !== 0) addScaled(sums, i * width, rows, row * width, width, x);
    }
  }
  return sums;
}

/** Makes the columns orthonormal by the Cholesky factor of their Gram matrix; dependent ones become tiny. */
function orthonormalise(rows: Float64Array, count: number, width: number): void {
  const sums = gram(rows, count, width);
  let trace = 0;
  for (let i = 0; i < width; i++) trace += sums[i * width + i]!;
  for (let i = 0; i < width; i++) sums[i * width + i]! += 1e-10 * trace + Number.MIN_VALUE;
  if (trace === 0) return;
  const factor = cholesky(sums, width);
  for (let row = 0; row < count; row++) {
    const at = row * width;
    for (let i = 0; i < width; i++) {
      rows[at + i] = (rows[at + i]! - dot(factor, i * width, rows, at, i)) / factor[i * width + i]!;
    }
  }
}
