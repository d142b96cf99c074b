import { assert } from "../kernel/assert.ts";
import { COUNT_UNITS } from "./contribution.ts";
import { discreteGaussian } from "./discrete-gaussian.ts";
import type { RandomBits } from "./random-bits.ts";

/** Exact sums of one segment's contributions to a bucket, in units of the grid. */
export type ExactSums = Readonly<{ sum: ArrayLike<number>; count: number }>;

/**
 * A bucket's sums with noise on every coordinate, the count last.
 *
 * @param sigmaUnits - Standard deviation of the noise in units of the grid, a whole number >= 1.
 * @returns Shape [dim + 1], whole numbers.
 */
export function noisedSums({ sum, count }: ExactSums, sigmaUnits: number, bits: RandomBits): number[] {
  const next = discreteGaussian(BigInt(sigmaUnits), bits);
  const noised: number[] = [];
  for (let i = 0; i < sum.length; i++) noised.push(exactly(BigInt(sum[i]!) + next()));
  noised.push(exactly(BigInt(count) * BigInt(COUNT_UNITS) + next()));
  return noised;
}

function exactly(value: bigint): number {
  const number = Number(value);
  assert(Number.isSafeInteger(number), "sums of contributions are below 2^53");
  return number;
}
