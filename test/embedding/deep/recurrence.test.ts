import type { Tensor2D } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { tensorBackend } from "../../../src/adapters/tensor-backend.ts";
import { lastStates } from "../../../src/embedding/deep/recurrence.ts";
import { dense } from "../../../src/embedding/deep/tensor-ops.ts";
import { seededRandom } from "../../../src/kernel/random.ts";

const { tensors: tf } = await tensorBackend("cpu");
const UNITS = 3;
const OFFSETS = Uint32Array.of(0, 4, 4, 5, 11);

function numbers(length: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, random);
}

/** The same recurrence as tensor operations, one step after another. */
function stepByStep(keep: Tensor2D, added: Tensor2D): Tensor2D {
  const ends = Array.from({ length: OFFSETS.length - 1 }, (_, s) => {
    let state = tf.zeros([1, UNITS]) as Tensor2D;
    for (let e = OFFSETS[s]!; e < OFFSETS[s + 1]!; e++) {
      const row = (x: Tensor2D) => tf.slice(x, [e, 0], [1, UNITS]);
      state = tf.add(tf.mul(row(keep), state), row(added));
    }
    return state;
  });
  return tf.concat(ends, 0);
}

test("states and slopes are those of one step after another, for sequences of any length", () => {
  const keep = tf.tensor2d(numbers(11 * UNITS, 1), [11, UNITS]);
  const added = tf.tensor2d(numbers(11 * UNITS, 2), [11, UNITS]);
  const weights = tf.tensor2d(numbers(4 * UNITS, 3), [4, UNITS]);
  const of = (run: (k: Tensor2D, a: Tensor2D) => Tensor2D) =>
    tf.valueAndGrads((k, a) => tf.sum(tf.mul(weights, run(k as Tensor2D, a as Tensor2D))))([keep, added]);
  const one = of((k, a) => lastStates(tf, k, a, OFFSETS));
  const other = of(stepByStep);
  expect(one.value.dataSync()[0]).toBeCloseTo(other.value.dataSync()[0]!, 5);
  for (const place of [0, 1]) {
    const expected = other.grads[place]!.dataSync();
    for (const [i, slope] of one.grads[place]!.dataSync().entries())
      expect(slope).toBeCloseTo(expected[i]!, 5);
  }
});

test("a dense layer has the slopes of the matrix product", () => {
  const x = tf.tensor2d(numbers(20, 4), [5, 4]);
  const w = tf.tensor2d(numbers(12, 5), [4, 3]);
  const of = (product: (a: Tensor2D, b: Tensor2D) => Tensor2D) =>
    tf.grads((a, b) => tf.sum(tf.square(product(a as Tensor2D, b as Tensor2D))))([x, w]);
  const expected = of((a, b) => tf.matMul(a, b));
  for (const [i, slopes] of of((a, b) => dense(tf, a, b)).entries()) {
    const wanted = expected[i]!.dataSync();
    for (const [j, slope] of slopes.dataSync().entries()) expect(slope).toBeCloseTo(wanted[j]!, 4);
  }
});
