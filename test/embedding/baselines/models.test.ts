import { expect, test } from "vitest";
import { logisticRegression, objectiveOf } from "../../../src/embedding/baselines/logistic-regression.ts";
import { naiveBayes } from "../../../src/embedding/baselines/naive-bayes.ts";
import { tfIdfCentroids } from "../../../src/embedding/baselines/tf-idf-centroids.ts";
import { RunningScores, walkUser } from "../../../src/embedding/baselines/token-weights.ts";
import { someHistories } from "../build-histories.ts";
import { aUser, labelled, rowOf } from "./some-users.ts";

test("naive Bayes: a token's logarithm is its share among its segment's tokens, smoothed, by hand", () => {
  // Segment 0 used a, b and a (3 uses, each user once a token); segment 1 used b and c.
  const users = labelled([aUser(0, "a", "b", "b"), aUser(0, "a"), aUser(1, "b", "c")], 2);
  const { rows } = naiveBayes(users, 1);
  const at = (item: string, segment: number) => rows[rowOf(users.vocabulary, item) * 2 + segment];
  expect(at("a", 0)).toBeCloseTo(Math.log((2 + 1) / (3 + 3)), 12);
  expect(at("b", 0)).toBeCloseTo(Math.log((1 + 1) / (3 + 3)), 12);
  expect(at("c", 0)).toBeCloseTo(Math.log((0 + 1) / (3 + 3)), 12);
  expect(at("a", 1)).toBeCloseTo(Math.log((0 + 1) / (2 + 3)), 12);
  expect(at("b", 1)).toBeCloseTo(Math.log((1 + 1) / (2 + 3)), 12);
});

test("TF-IDF: the score is the cosine to each segment's mean of unit vectors, by hand", () => {
  const users = labelled([aUser(0, "a", "b"), aUser(1, "b", "c"), aUser(1, "c")], 2);
  const idf = (used: number) => Math.log(4 / (1 + used)) + 1;
  const [a, b, c] = [idf(1), idf(2), idf(2)];
  const unit = (...vector: number[]) => vector.map((x) => x / Math.hypot(...vector));
  const first = unit(a, b, 0);
  const [second, third] = [unit(0, b, c), unit(0, 0, c)];
  const centroid = second.map((x, i) => (x + third[i]!) / 2);
  const cosine = (x: number[], y: number[]) =>
    x.reduce((sum, xi, i) => sum + xi * y[i]!, 0) / Math.hypot(...x) / Math.hypot(...y);
  const running = new RunningScores(tfIdfCentroids(users));
  const scores = new Float64Array(2);
  walkUser(users.indicators, 1, [2], running, () => running.write(scores, 0));
  expect(scores[0]).toBeCloseTo(cosine([0, b, c], first), 12);
  expect(scores[1]).toBeCloseTo(cosine([0, b, c], centroid), 12);
});

test("logistic regression: at the optimum the gradient is zero, and no other weights are better", () => {
  const users = labelled(someHistories({ users: 200, segments: 3 }), 3);
  const fit = logisticRegression(users, 2, { gradientMax: 1e-9 });
  const objective = objectiveOf(users, 2);
  const gradient = new Float64Array(fit.parameters.length);
  const best = objective(fit.parameters, gradient);
  expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-5);
  for (let i = 0; i < 20; i++) {
    const moved = fit.parameters.slice();
    moved[(i * 7) % moved.length]! += i % 2 === 0 ? 0.01 : -0.01;
    expect(objective(moved, gradient)).toBeGreaterThan(best);
  }
});

test("logistic regression: the gradient is that of the objective, by differences", () => {
  const users = labelled(someHistories({ users: 40, segments: 3 }), 3);
  const objective = objectiveOf(users, 0.7);
  const size = (users.indicators.tokens + 1) * 3;
  const x = Float64Array.from({ length: size }, (_, i) => Math.sin(i));
  const gradient = new Float64Array(size);
  objective(x, gradient);
  const ignored = new Float64Array(size);
  for (let i = 0; i < size; i += 11) {
    const [up, down] = [x.slice(), x.slice()];
    up[i]! += 1e-5;
    down[i]! -= 1e-5;
    const slope = (objective(up, ignored) - objective(down, ignored)) / 2e-5;
    expect(gradient[i]).toBeCloseTo(slope, 5);
  }
});

test("logistic regression: the stronger the penalty, the smaller the weights; intercepts keep the shares", () => {
  const users = labelled(someHistories({ users: 90, segments: 2 }), 2);
  const size = (strength: number) => Math.hypot(...logisticRegression(users, strength).weights.rows);
  expect(size(100)).toBeLessThan(size(1));
  const { weights } = logisticRegression(users, 1e9);
  // Shares are 45 to 45, with one more credited to each.
  expect(weights.start[0]! - weights.start[1]!).toBeCloseTo(0, 4);
});

test("a token that no member of a fit used says nothing, and makes nobody's vector longer", () => {
  const all = labelled([aUser(0, "a"), aUser(1, "b"), aUser(1, "unseen")], 2);
  const part = { ...all, members: [0, 1] };
  const unseen = rowOf(all.vocabulary, "unseen");
  for (const weights of [naiveBayes(part, 0.5), tfIdfCentroids(part), logisticRegression(part, 1).weights]) {
    expect([...weights.rows.slice(unseen * 2, unseen * 2 + 2)].map(Math.abs)).toEqual([0, 0]);
    expect(weights.squares?.[unseen] ?? 0).toBe(0);
  }
});
