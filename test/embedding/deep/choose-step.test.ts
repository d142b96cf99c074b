import { expect, test } from "vitest";
import { chooseStep } from "../../../src/embedding/deep/choose-step.ts";

function run(...losses: number[][]) {
  return losses.map((of, i) => ({ step: 20 * i, losses: Float32Array.from(of), arrays: {} }));
}

test("the steps that serve the members of all runs best are taken", () => {
  const chosen = chooseStep([
    run([0.7, 0.6], [0.5, 0.5], [0.4, 0.3], [0.5, 0.5]),
    run([0.7, 0.7], [0.6, 0.5], [0.5, 0.4], [0.6, 0.6]),
  ]);
  expect(chosen).toMatchObject({ place: 2, step: 40 });
  expect(chosen.loss).toBeCloseTo(0.4, 6);
  expect(chosen.gain).toBeCloseTo(0.275, 6);
});

test("a gain that is chance is not taken: the linear encoder stays as it is", () => {
  expect(chooseStep([run([0.5, 0.5, 0.5], [0.1, 0.8, 0.5])])).toMatchObject({ place: 0, step: 0, gain: 0 });
});

test("members without a label say nothing, and a run that ended early ends the comparison", () => {
  const runs = [run([0.7, Number.NaN], [0.5, Number.NaN], [0.1, Number.NaN]), run([0.7, 0.7], [0.6, 0.6])];
  expect(chooseStep(runs)).toMatchObject({ place: 1, step: 20 });
});
