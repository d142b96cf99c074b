/** A source of uniform numbers in [0, 1). */
export type Random = () => number;

/**
 * A seeded source (sfc32): the same seed gives the same numbers on every machine. Not for secrets or privacy noise.
 *
 * @see Chris Doty-Humphrey, PractRand (small fast counting generator, 32 bits).
 */
export function seededRandom(seed: number): Random {
  let a = seed | 0;
  let b = (seed ^ 0x9e3779b9) | 0;
  let c = 0x243f6a88;
  let counter = 1;
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4294967296;
  };
  for (let round = 0; round < 15; round++) next(); // The first outputs still show the seed.
  return next;
}

/** A standard normal number (Box-Muller). Not for privacy noise: its low bits leak. */
export function gaussian(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}
