import { expect, test } from "vitest";
import {
  cholesky,
  solveLower,
  solveLowerTransposed,
  symmetricEigen,
} from "../../src/embedding/symmetric-matrix.ts";
import { gaussian, seededRandom } from "../../src/kernel/random.ts";

const SIZE = 7;

function aDefiniteMatrix(seed: number): Float64Array {
  const random = seededRandom(seed);
  const root = Float64Array.from({ length: SIZE * SIZE }, () => gaussian(random));
  return Float64Array.from({ length: SIZE * SIZE }, (_, index) => {
    const [i, j] = [Math.floor(index / SIZE), index % SIZE];
    let sum = i === j ? 0.1 : 0;
    for (let k = 0; k < SIZE; k++) sum += root[i * SIZE + k]! * root[j * SIZE + k]!;
    return sum;
  });
}

function times(matrix: Float64Array, x: Float64Array): Float64Array {
  return x.map((_, i) => x.reduce((sum, value, j) => sum + matrix[i * SIZE + j]! * value, 0));
}

test("the Cholesky factor solves the system it came from", () => {
  const matrix = aDefiniteMatrix(1);
  const expected = Float64Array.from({ length: SIZE }, (_, i) => i - 2);
  const x = times(matrix, expected);
  const factor = cholesky(matrix, SIZE);
  solveLower(factor, SIZE, x);
  solveLowerTransposed(factor, SIZE, x);
  for (let i = 0; i < SIZE; i++) expect(x[i]).toBeCloseTo(expected[i]!, 8);
});

test("a matrix that is not definite is refused by name", () => {
  const thrown = () => cholesky(Float64Array.of(1, 2, 2, 1), 2);
  expect(thrown).toThrow(expect.objectContaining({ code: "FIT_NOT_DEFINITE" }));
});

test("eigenvectors are orthonormal, ordered, and scaled by the matrix", () => {
  const matrix = aDefiniteMatrix(2);
  const { values, vectors } = symmetricEigen(matrix, SIZE);
  for (let row = 0; row < SIZE; row++) {
    const vector = vectors.slice(row * SIZE, (row + 1) * SIZE);
    const image = times(matrix, vector);
    for (let i = 0; i < SIZE; i++) expect(image[i]).toBeCloseTo(values[row]! * vector[i]!, 8);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 10);
    if (row > 0) expect(values[row]).toBeLessThanOrEqual(values[row - 1]!);
  }
});
