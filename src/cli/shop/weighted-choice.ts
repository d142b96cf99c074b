import { assert } from "../../kernel/assert.ts";
import type { Random } from "../../kernel/random.ts";

/**
 * A draw from a fixed distribution over 0 .. n-1, prepared once: one uniform number and a binary search a draw.
 *
 * @param weights - Not negative, with a positive sum; they need not sum to 1.
 * @throws AssertionFailed if no weight is positive.
 */
export function weightedChoice(weights: readonly number[]): (random: Random) => number {
  const ends = new Float64Array(weights.length);
  let sum = 0;
  for (const [index, weight] of weights.entries()) {
    assert(weight >= 0, "a weight is not negative");
    sum += weight;
    ends[index] = sum;
  }
  assert(sum > 0, "a choice has something to choose");
  const last = weights.findLastIndex((weight) => weight > 0);
  return (random) => {
    const drawn = random() * sum;
    let low = 0;
    let high = last; // Never past the last possible one, whatever rounding does to the sum.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle] ?? sum) > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
