import { EngineError } from "../kernel/engine-error.ts";

/**
 * The lower Cholesky factor L of a symmetric positive definite matrix, A = L L'.
 *
 * @param matrix - Shape [size, size]; only the lower triangle is read.
 * @returns Shape [size, size], zero above the diagonal.
 * @throws EngineError `FIT_NOT_DEFINITE` if a pivot is not positive: the caller's ridge is too small.
 */
export function cholesky(matrix: Float64Array, size: number): Float64Array {
  const factor = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = matrix[i * size + j]!;
      for (let k = 0; k < j; k++) rest -= factor[i * size + k]! * factor[j * size + k]!;
      if (i !== j) factor[i * size + j] = rest / factor[j * size + j]!;
      else if (rest > 0) factor[i * size + i] = Math.sqrt(rest);
      else throw notDefinite(i, rest);
    }
  }
  return factor;
}

function notDefinite(row: number, pivot: number): EngineError {
  const message = `a covariance is not positive definite: pivot ${pivot} in row ${row}`;
  return new EngineError({ code: "FIT_NOT_DEFINITE", message, retryable: false, detail: { row, pivot } });
}

/** Solves L y = b in place; `factor` is lower triangular of shape [size, size], `b` of shape [size]. */
export function solveLower(factor: Float64Array, size: number, b: Float64Array): void {
  for (let i = 0; i < size; i++) {
    let rest = b[i]!;
    for (let k = 0; k < i; k++) rest -= factor[i * size + k]! * b[k]!;
    b[i] = rest / factor[i * size + i]!;
  }
}

/** Solves L' x = b in place; `factor` is lower triangular of shape [size, size], `b` of shape [size]. */
export function solveLowerTransposed(factor: Float64Array, size: number, b: Float64Array): void {
  for (let i = size - 1; i >= 0; i--) {
    const x = b[i]! / factor[i * size + i]!;
    b[i] = x;
    for (let k = 0; k < i; k++) b[k]! -= factor[i * size + k]! * x;
  }
}

/** Eigenvalues, largest first, and the eigenvectors as rows. */
export type SymmetricEigen = Readonly<{ values: Float64Array; vectors: Float64Array }>;

const SWEEPS_MAX = 50;

/**
 * Eigendecomposition of a symmetric matrix by cyclic Jacobi rotations: slow beyond a few hundred rows, but
 * accurate and the same on every machine. The sign of a vector makes its largest component positive.
 *
 * @param matrix - Shape [size, size]; left as it was.
 * @see Golub & Van Loan, Matrix Computations, section 8.5.
 */
export function symmetricEigen(matrix: Float64Array, size: number): SymmetricEigen {
  const a = Float64Array.from(matrix);
  const v = new Float64Array(size * size);
  for (let i = 0; i < size; i++) v[i * size + i] = 1;
  for (let sweep = 0; sweep < SWEEPS_MAX && offDiagonalShare(a, size) > 1e-22; sweep++) {
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, v, size, p, q);
  }
  const order = Array.from({ length: size }, (_, i) => i);
  order.sort((i, j) => a[j * size + j]! - a[i * size + i]! || i - j);
  const values = Float64Array.from(order, (i) => a[i * size + i]!);
  const vectors = new Float64Array(size * size);
  for (const [row, i] of order.entries()) {
    let largest = 0;
    for (let k = 0; k < size; k++) {
      const x = v[i * size + k]!;
      if (Math.abs(x) > Math.abs(largest) * (1 + 1e-9)) largest = x;
    }
    for (let k = 0; k < size; k++)
      vectors[row * size + k] = largest < 0 ? -v[i * size + k]! : v[i * size + k]!;
  }
  return { values, vectors };
}

function offDiagonalShare(a: Float64Array, size: number): number {
  let off = 0;
  let all = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const square = a[i * size + j]! ** 2;
      all += square;
      if (i !== j) off += square;
    }
  }
  return all > 0 ? off / all : 0;
}

/** One Jacobi rotation that makes a[p][q] zero; `v` holds the eigenvectors as rows. */
function rotate(a: Float64Array, v: Float64Array, size: number, p: number, q: number): void {
  const apq = a[p * size + q]!;
  if (apq === 0) return;
  const theta = (a[q * size + q]! - a[p * size + p]!) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < size; k++) {
    const x = a[k * size + p]!;
    const y = a[k * size + q]!;
    a[k * size + p] = c * x - s * y;
    a[k * size + q] = s * x + c * y;
  }
  for (let k = 0; k < size; k++) {
    const x = a[p * size + k]!;
    const y = a[q * size + k]!;
    a[p * size + k] = c * x - s * y;
    a[q * size + k] = s * x + c * y;
    const vx = v[p * size + k]!;
    const vy = v[q * size + k]!;
    v[p * size + k] = c * vx - s * vy;
    v[q * size + k] = s * vx + c * vy;
  }
}
