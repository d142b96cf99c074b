/**
 * Where privacy noise comes from: uniform bits that nobody can predict. In production the machine's entropy; never a
 * seeded source, whose seed would give the noise, and with it what it hides, away.
 */
export interface RandomBits {
  /** A uniform number of so many bits: in [0, 2^count). @param count - A whole number of 0 or more. */
  bits(count: number): bigint;
}
