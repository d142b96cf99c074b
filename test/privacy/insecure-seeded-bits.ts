import type { RandomBits } from "../../src/privacy/random-bits.ts";

/**
 * Bits that follow from a seed, for tests that must come out alike each time. Whoever knows the seed knows the noise, so it
 * lives among the tests and says its name; it refuses to be made anywhere else.
 */
export class InsecureSeededBits implements RandomBits {
  readonly #state = new Uint32Array(4);
  #pool = 0n;
  #left = 0;

  constructor(seed: number, acknowledgement: "these bits hide nothing") {
    const isTest =
      process.env["VITEST"] !== undefined || /\/test\/[^/]+\/main\.ts$/.test(process.argv[1] ?? "");
    if (acknowledgement !== "these bits hide nothing" || !isTest)
      throw new Error("seeded bits are for tests only: their noise hides nothing");
    for (let i = 0, x = seed | 0; i < 4; i++) {
      x = (x + 0x9e3779b9) | 0;
      let mixed = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      this.#state[i] = mixed ^ (mixed >>> 16);
    }
  }

  bits(count: number): bigint {
    while (this.#left < count) {
      this.#pool |= BigInt(this.#next()) << BigInt(this.#left);
      this.#left += 32;
    }
    const drawn = BigInt.asUintN(count, this.#pool);
    this.#pool >>= BigInt(count);
    this.#left -= count;
    return drawn;
  }

  /** xoshiro128**. */
  #next(): number {
    const s = this.#state;
    const scrambled = Math.imul(s[1]!, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = (s[3]! << 11) | (s[3]! >>> 21);
    return result;
  }
}

/** Seeded bits of a test. */
export function insecureBits(seed: number): RandomBits {
  return new InsecureSeededBits(seed, "these bits hide nothing");
}
