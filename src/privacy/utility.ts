/**
 * What the cosine of a noisy vector to the true one is expected to be, roughly.
 *
 * @param dim - Coordinates.
 * @param noise - Standard deviation of the noise on each coordinate.
 * @param length - Of the true vector, in the noise's unit.
 * @returns In [0, 1].
 */
export function expectedCosine(
  dim: number,
  { noise, length }: Readonly<{ noise: number; length: number }>,
): number {
  return length <= 0 ? 0 : 1 / Math.sqrt(1 + (dim * noise * noise) / (length * length));
}

/** The length that the true vector must have for {@link expectedCosine} to be `cosine`, in (0, 1). */
export function lengthFor(cosine: number, { dim, noise }: Readonly<{ dim: number; noise: number }>): number {
  return noise * Math.sqrt(dim / (1 / cosine ** 2 - 1));
}

/** Cosine of two vectors of one length; 0 if one has none. */
export function cosineOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [product, squaredA, squaredB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    squaredA += a[i]! ** 2;
    squaredB += b[i]! ** 2;
  }
  const lengths = Math.sqrt(squaredA) * Math.sqrt(squaredB);
  return lengths === 0 ? 0 : product / lengths;
}
