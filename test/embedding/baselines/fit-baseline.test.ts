import { describe, expect, test } from "vitest";
import { BaselineScorer } from "../../../src/embedding/baselines/baseline-scorer.ts";
import { depthBin } from "../../../src/embedding/baselines/depth-calibration.ts";
import {
  BASELINE_NAMES,
  type BaselineName,
  fitBaseline,
} from "../../../src/embedding/baselines/fit-baseline.ts";
import type { History } from "../../../src/embedding/encoder.ts";
import { someHistories } from "../build-histories.ts";
import { labelled } from "./some-users.ts";

const SEGMENTS = 3;
const training = someHistories({ users: 900, segments: SEGMENTS, preference: 0.4, seed: 1 });
const strangers = someHistories({ users: 300, segments: SEGMENTS, preference: 0.4, seed: 2 });
const END = [Number.POSITIVE_INFINITY];

function fitted(name: BaselineName, histories: readonly History[] = training) {
  const users = labelled(histories, SEGMENTS);
  const baseline = fitBaseline(name, users, 1);
  return { baseline, scorer: new BaselineScorer(baseline, users.vocabulary) };
}

/** Mean log-loss of the strangers after so many events, and mean of the highest probability less the share right. */
function quality(scorer: BaselineScorer, depths: readonly number[]) {
  let [loss, gap] = [0, 0];
  for (const [u, { events }] of strangers.entries()) {
    scorer.score(events, depths, (_, p) => {
      const label = u % SEGMENTS;
      const top = p.indexOf(Math.max(...p));
      loss -= Math.log(p[label]!) / strangers.length;
      gap += (p[top]! - (top === label ? 1 : 0)) / strangers.length;
    });
  }
  return { loss, gap };
}

describe.each(BASELINE_NAMES)("%s", (name) => {
  test("answers with distributions", () => {
    fitted(name).scorer.score(strangers[0]!.events, [1, 3, 9], (_, p) => {
      expect(p.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 12);
    });
  });

  test("the same members and seed give the same numbers", () => {
    const [one, other] = [fitted(name).baseline, fitted(name).baseline];
    expect(one).toEqual(other);
  });
});

test("every baseline but the prior tells strangers, better at the end than at first, and means its probabilities", () => {
  const prior = quality(fitted("prior").scorer, END).loss;
  expect(prior).toBeCloseTo(Math.log(SEGMENTS), 2);
  for (const name of BASELINE_NAMES.slice(1)) {
    const { scorer } = fitted(name);
    const [first, end] = [quality(scorer, [1]), quality(scorer, END)];
    expect(end.loss, name).toBeLessThan(first.loss);
    expect(first.loss, name).toBeLessThan(prior);
    expect(Math.abs(end.gap), name).toBeLessThan(0.08);
  }
});

test("where nothing is to be learned, held-out members say so: answers stay near the shares", () => {
  const chance = someHistories({ users: 900, segments: SEGMENTS, preference: 0, seed: 3 });
  for (const name of BASELINE_NAMES.slice(1)) {
    expect(quality(fitted(name, chance).scorer, END).loss, name).toBeLessThan(Math.log(SEGMENTS) + 0.02);
  }
});

test("a token counts once, and a visitor's past is no other's", () => {
  const { scorer } = fitted("naive-bayes");
  const [event] = strangers[0]!.events;
  const ask = (events: History["events"]) => {
    let answer: number[] = [];
    scorer.score(events, END, (_, p) => {
      answer = [...p];
    });
    return answer;
  };
  const once = ask([event!]);
  expect(ask([event!])).toEqual(once);
  // Two events are another depth, but of the same bin as three.
  expect(ask([event!, event!])).toEqual(ask([event!, event!, event!]));
});

test("lengths of history fall into bins whose ends belong to them", () => {
  expect([0, 1, 2, 3, 4, 7, 8, 50, 1e6].map(depthBin)).toEqual([0, 0, 1, 1, 2, 2, 3, 5, 7]);
});
