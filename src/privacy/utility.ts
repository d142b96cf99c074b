import { COUNT_WEIGHT } from "./contribution.ts";

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

/** A segment's profile, and the contributions that it is the mean of. */
export type CountedCentroid = Readonly<{ centroid: ArrayLike<number>; count: number }>;

/**
 * What the cosines of noisy to exact directions are expected to be, where each direction is from the mean of all centroids to a
 * centroid, as a score has it. The mean's own noise counts, as does that of the counts which sums are divided by.
 *
 * @param noise - Standard deviation of the noise on each coordinate of a sum, in contributions' length.
 * @returns A cosine for each profile; 0 for those without contributions.
 */
export function expectedCosines(profiles: readonly CountedCentroid[], noise: number): number[] {
  const populated = profiles.filter(({ count }) => count > 0);
  const dim = populated[0]?.centroid.length ?? 0;
  const center = new Float64Array(dim);
  for (const { centroid } of populated)
    for (let i = 0; i < dim; i++) center[i]! += centroid[i]! / populated.length;
  // What noise does to a centroid: to its coordinates, and by the count to its length.
  const spreads = populated.map(({ centroid, count }) => {
    const squared = squaredLength(centroid);
    return (noise / count) ** 2 * (dim + squared / COUNT_WEIGHT ** 2);
  });
  const ofAll = spreads.reduce((sum, spread) => sum + spread, 0) / populated.length ** 2;
  return profiles.map((profile) => {
    const at = populated.indexOf(profile);
    if (at < 0) return 0;
    const signal = squaredLength(Float64Array.from(center, (value, i) => profile.centroid[i]! - value));
    const own = spreads[at]! * (1 - 2 / populated.length);
    return signal === 0 ? 0 : 1 / Math.sqrt(1 + (own + ofAll) / signal);
  });
}

function squaredLength(vector: ArrayLike<number>): number {
  let squared = 0;
  for (let i = 0; i < vector.length; i++) squared += vector[i]! ** 2;
  return squared;
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
