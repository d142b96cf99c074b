import { expect, test } from "vitest";
import { tensorBackend } from "../../../src/adapters/tensor-backend.ts";
import { contrastLoss, prototypeLoss, sharpnessOf } from "../../../src/embedding/deep/losses.ts";

const { tensors: tf } = await tensorBackend("cpu");
const EVEN = Float32Array.of(Math.log(0.5), Math.log(0.5));

function prototype(rows: number[][], labels: number[], sharpness = 10): number {
  const embeddings = tf.tensor2d(rows);
  const given = { labels: Int16Array.from(labels), logPrior: EVEN };
  return prototypeLoss(tf, embeddings, given, tf.fill([rows.length, 1], sharpness)).dataSync()[0]!;
}

test("members who lie with their own are told apart, those who lie with the others are not", () => {
  const apart = [
    [1, 0.1],
    [1, -0.1],
    [-1, 0.1],
    [-1, -0.1],
  ];
  expect(prototype(apart, [0, 0, 1, 1])).toBeLessThan(0.01);
  expect(prototype(apart, [0, 1, 1, 0])).toBeGreaterThan(0.6);
});

test("a member's own centroid is taken without the member", () => {
  // Centroids are (1, 0) and (-1, 0). The first member alone made its own: the rest of it lies with the others, so
  // that it is as likely of both; the second is taken for one of the others; those are told.
  const rows = [
    [3, 0],
    [-1, 0],
    [-1, 0.1],
    [-1, -0.1],
  ];
  expect(prototype(rows, [0, 0, 1, 1])).toBeCloseTo((Math.LN2 + 20) / 4, 3);
});

test("a member without a segment changes nothing but by being there, and a segment of one member is left out", () => {
  const rows = [
    [1, 0.1],
    [1, -0.1],
    [-1, 0.1],
    [-1, -0.1],
  ];
  const before = prototype(rows, [0, 0, 1, 1]);
  expect(prototype([...rows, [0.3, 0.9]], [0, 0, 1, 1, -1])).toBeCloseTo(before, 6);
  expect(prototype(rows, [0, 0, 0, 1])).toBe(0);
});

test("the inverse temperature rises with the evidence and stays at or below 100", () => {
  const values = sharpnessOf(tf, tf.tensor1d([1, 0.5]), Float64Array.of(0, 5, 1e12)).dataSync();
  expect(values[0]).toBeCloseTo(Math.E, 5);
  expect(values[1]).toBeCloseTo(Math.exp(1 + 0.5 * Math.log(6)), 4);
  expect(values[2]).toBeCloseTo(100, 3);
});

test("two slices of one user find each other, and who is no rival does not count", () => {
  const queries = tf.tensor2d([
    [1, 0],
    [0, 1],
  ]);
  const loss = (keys: number[][], isRival: boolean) =>
    contrastLoss(tf, queries, tf.tensor2d(keys), 0.1, () => isRival).dataSync()[0]!;
  expect(
    loss(
      [
        [1, 0],
        [0, 1],
      ],
      true,
    ),
  ).toBeLessThan(0.001);
  expect(
    loss(
      [
        [0, 1],
        [1, 0],
      ],
      true,
    ),
  ).toBeGreaterThan(5);
  expect(
    loss(
      [
        [0, 1],
        [1, 0],
      ],
      false,
    ),
  ).toBeCloseTo(0, 5);
});
