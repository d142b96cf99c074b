import { expect, test } from "vitest";
import { trainingLine, trainingText } from "../../../src/cli/view/training-line.ts";
import type { TrainingProgress } from "../../../src/embedding/encoder-training.ts";

const fit: TrainingProgress = { stage: "fit", step: 250, steps: 1_000 };

test("a training tells its stage, loss, rate and the time left", () => {
  expect(trainingText("gru", { ...fit, loss: 1.25, heldOutLoss: 0.5, events: 40_000 }, 20_000)).toBe(
    "gru: fit 250 of 1,000, loss 1.2500, held out 0.5000, 2,000 events/s, 1 min 0 s left",
  );
});

test("what is not known is left out, and one of several trainings says which it is", () => {
  expect(trainingText("linear", { stage: "fit", step: 0, steps: 1 }, 0)).toBe("linear: fit 0 of 1");
  expect(trainingText("gru", { ...fit, part: 1, parts: 5 }, 3_000)).toBe(
    "gru (training 2 of 5): fit 250 of 1,000, 9 s left",
  );
});

test("a pipe gets a line for each stage, and not one for each step", () => {
  let nowMs = 0;
  const written: string[] = [];
  const line = trainingLine({ write: (text) => written.push(text) }, { monotonicMs: () => nowMs });
  for (let step = 0; step < 100; step++) {
    nowMs += 100;
    line.update("gru", { stage: "fit", step, steps: 100 });
  }
  line.update("gru", { stage: "calibrate", step: 0, steps: 4 });
  line.end();
  expect(written).toEqual([
    "gru: fit 0 of 100\n",
    expect.stringMatching(/^gru: fit 50 of 100, 5 s left\n$/),
    "gru: calibrate 0 of 4\n",
  ]);
});

test("a terminal redraws one line, which is left at the end", () => {
  let nowMs = 0;
  const written: string[] = [];
  const terminal = { write: (text: string) => written.push(text), isTTY: true, columns: 20 };
  const line = trainingLine(terminal, { monotonicMs: () => nowMs });
  for (const step of [0, 10]) {
    nowMs += 1_000;
    line.update("gru", { stage: "fit", step, steps: 100 });
  }
  line.end();
  line.end();
  expect(written).toEqual(["\r\u001b[2Kgru: fit 0 of 100", "\r\u001b[2Kgru: fit 10 of 100,", "\n"]);
});
