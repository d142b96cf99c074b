import fc from "fast-check";
import { expect, test } from "vitest";
import { fitLogistic, type LogisticSamples, type SparseRows } from "../../src/embedding/logistic-fit.ts";
import { seededRandom } from "../../src/kernel/random.ts";

/** Rows that each use one to five of so many columns. */
function someRows(count: number, width: number, seed: number): SparseRows {
  const random = seededRandom(seed);
  const starts = new Uint32Array(count + 1);
  const columns: number[] = [];
  for (let row = 0; row < count; row++) {
    const used = new Set(
      Array.from({ length: 1 + Math.floor(5 * random()) }, () => Math.floor(width * random())),
    );
    columns.push(...used);
    starts[row + 1] = columns.length;
  }
  const values = Float32Array.from(columns, () => 0.5 + random());
  return { count, width, starts, columns: Uint32Array.from(columns), values };
}

function someSamples(classes: number, seed: number): LogisticSamples {
  const random = seededRandom(seed);
  const sparse = someRows(80, 12, seed);
  return {
    sparse,
    scales: Float64Array.from({ length: sparse.count }, () => 0.2 + random()),
    labels: Int16Array.from({ length: sparse.count }, () => Math.floor(classes * random())),
    weights: Float64Array.from({ length: sparse.count }, () => (random() < 0.2 ? 0 : random())),
    classes,
  };
}

/** The objective written out, one class after another: two classes have weights of opposite sign. */
function lossOf(
  samples: LogisticSamples,
  weights: Float64Array,
  bias: Float64Array,
  penalty: number,
): number {
  const { sparse, scales, labels, classes } = samples;
  const weightOf = (column: number, k: number): number => {
    if (classes > 2) return weights[column * classes + k]!;
    return (k === 0 ? 0.5 : -0.5) * weights[column]!;
  };
  const biasOf = (k: number): number => (classes > 2 ? bias[k]! : (k === 0 ? 0.5 : -0.5) * bias[0]!);
  let loss = 0;
  for (let row = 0; row < sparse.count; row++) {
    const logits = Array.from({ length: classes }, (_, k) => {
      let logit = biasOf(k);
      for (let i = sparse.starts[row]!; i < sparse.starts[row + 1]!; i++) {
        logit += sparse.values[i]! * scales[row]! * weightOf(sparse.columns[i]!, k);
      }
      return logit;
    });
    const sum = logits.reduce((all, logit) => all + Math.exp(logit), 0);
    loss += samples.weights[row]! * (Math.log(sum) - logits[labels[row]!]!);
  }
  for (let column = 0; column < sparse.width; column++) {
    for (let k = 0; k < classes; k++) loss += 0.5 * penalty * weightOf(column, k) ** 2;
  }
  return loss;
}

test("no step in any direction lowers what was minimised", () => {
  const given = fc.record({ classes: fc.integer({ min: 2, max: 5 }), seed: fc.nat(10_000) });
  fc.assert(
    fc.property(given, fc.double({ min: 0.05, max: 5, noNaN: true }), ({ classes, seed }, penalty) => {
      const samples = someSamples(classes, seed);
      const { weights, bias } = fitLogistic(samples, { penalty, rounds: 500 });
      const least = lossOf(samples, weights, bias, penalty);
      const random = seededRandom(seed + 1);
      for (let round = 0; round < 10; round++) {
        const moved = weights.map((weight) => weight + 0.02 * (random() - 0.5));
        const shifted = bias.map((value) => value + 0.02 * (random() - 0.5));
        expect(lossOf(samples, moved, shifted, penalty)).toBeGreaterThan(least - 1e-6);
      }
    }),
    { numRuns: 30 },
  );
});

test("a column that only one class uses speaks for it, the less the larger the penalty", () => {
  const rows = { count: 4, width: 1, starts: new Uint32Array([0, 1, 2, 2, 2]) };
  const samples: LogisticSamples = {
    sparse: { ...rows, columns: new Uint32Array([0, 0]), values: new Float32Array([1, 1]) },
    scales: new Float64Array(4).fill(1),
    labels: new Int16Array([0, 0, 1, 1]),
    weights: new Float64Array(4).fill(1),
    classes: 2,
  };
  const weightAt = (penalty: number): number => fitLogistic(samples, { penalty, rounds: 100 }).weights[0]!;
  expect(weightAt(0.1)).toBeGreaterThan(weightAt(1));
  expect(weightAt(1)).toBeGreaterThan(0);
});

test("without anything told apart, the biases are the log-odds of the shares", () => {
  const samples: LogisticSamples = {
    sparse: {
      count: 4,
      width: 0,
      starts: new Uint32Array(5),
      columns: new Uint32Array(0),
      values: new Float32Array(0),
    },
    scales: new Float64Array(4).fill(1),
    labels: new Int16Array([0, 0, 0, 1]),
    weights: new Float64Array(4).fill(1),
    classes: 2,
  };
  expect(fitLogistic(samples, { penalty: 1, rounds: 100 }).bias[0]).toBeCloseTo(Math.log(3), 3);
});
