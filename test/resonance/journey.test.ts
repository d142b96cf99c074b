import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Encoder } from "../../src/embedding/encoder.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import { type JourneyAspect, scoreJourney } from "../../src/resonance/journey.ts";
import { Rescore, type ScoredUser } from "../../src/resonance/rescore.ts";
import { newScoreBuffer, type Scorer, scoreInto } from "../../src/resonance/scorer.ts";
import { nextResonating } from "../../src/resonance/thresholds.ts";
import { Context } from "../../src/shards/context.ts";
import { fitted } from "../shards/replay-world.ts";
import { ENCODERS, EXCLUSIVE, history, INDEPENDENT, scorerOf, userOf } from "./scored-users.ts";

/** The distribution as it is served. */
function served(encoder: Encoder, scorer: Scorer, events: readonly FeatureEvent[]) {
  const { held, atMs } = userOf(encoder, events);
  const features = new Float32Array(FEATURES.width);
  const embedding = new Float32Array(encoder.dim);
  FEATURES.readSparse(held, atMs, features);
  encoder.embed(held.slab, 0, features, atMs, embedding);
  const scores = newScoreBuffer(scorer.segments.length);
  const evidence = encoder.evidence(held.slab, 0, atMs);
  scoreInto(scorer, embedding, evidence, scores);
  return { probabilities: [...scores.probabilities], evidence };
}

const aspect = (given: Partial<JourneyAspect> & { done: number }): JourneyAspect => ({
  events: 50,
  shiftsAt: () => [],
  ...given,
});
const anyHistory = fc.record({
  seed: fc.nat(10_000),
  events: fc.integer({ min: 1, max: 30 }),
  kept: fc.integer({ min: 1, max: 30 }),
  told: fc.integer({ min: 1, max: 40 }),
});

describe.each(ENCODERS)("%s", (_, encoder) => {
  test("each point is what is served of a user who has done no more, to the last bit", () => {
    const holds = ({ seed, events: count, told }: { seed: number; events: number; told: number }) => {
      const scorer = scorerOf(encoder, seed);
      const events = history(seed, count);
      const parts = { encoder, schema: FEATURES, scorer };
      const journey = scoreJourney(parts, userOf(encoder, events), aspect({ events: told, done: count }));
      const first = Math.max(0, count - told);
      expect(journey.isExact).toBe(true);
      expect(journey.points.map(({ done }) => done)).toEqual(
        Array.from({ length: count - first + 1 }, (_, i) => first + i),
      );
      for (const { done, probabilities, evidence } of journey.points)
        expect({ probabilities, evidence }).toEqual(served(encoder, scorer, events.slice(0, done)));
    };
    fc.assert(fc.property(anyHistory, holds), { numRuns: 25, seed: 11 });
  });

  test("the last point is the user as they are, and those before it without their newest events, however much is held", () => {
    const holds = ({ seed, events: count, kept }: { seed: number; events: number; kept: number }) => {
      const scorer = scorerOf(encoder, seed);
      const parts = { encoder, schema: FEATURES, scorer };
      const user = userOf(encoder, history(seed, count), kept);
      const { points, isExact } = scoreJourney(parts, user, aspect({ done: count }));
      expect(isExact).toBe(kept >= count);
      expect(points.at(-1)?.done).toBe(count);
      const rescore = new Rescore(parts, user);
      // What a network held of older events can't be told from its state: its points are of those held alone.
      const isTold = encoder.takeOff !== undefined || isExact;
      if (isTold) expectClose(points.at(-1)?.probabilities, [...rescore.distribution()]);
      let left = points.length - 1;
      for (const logits of rescore.withoutNewest()) {
        left--;
        const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
        expectClose(
          points[left]?.probabilities,
          [...logits].map((logit) => Math.exp(logit) / total),
        );
      }
      expect(left).toBe(0);
    };
    fc.assert(fc.property(anyHistory, holds), { numRuns: 25, seed: 12 });
  });

  test.each([
    ["exclusive", EXCLUSIVE],
    ["independent", INDEPENDENT],
  ])("what the sources of an event have changed is all that has changed, in an %s map", (mode, map) => {
    const holds = ({ seed, events: count, kept }: { seed: number; events: number; kept: number }) => {
      const scorer = scorerOf(encoder, seed, map);
      const parts = { encoder, schema: FEATURES, scorer };
      const event = seed % Math.min(count, kept);
      const user = userOf(encoder, history(seed, count), kept);
      const { points, step } = scoreJourney(parts, user, aspect({ done: count, event }));
      expect(step?.event).toBe(event);
      const oddsOf = (probabilities: readonly number[] = [], k = 0): number => {
        const p = probabilities[k] ?? 0;
        return Math.log(p / (mode === "exclusive" ? (probabilities.at(-1) ?? 1) : 1 - p));
      };
      for (const k of scorer.segments.keys()) {
        const change = (step?.sources ?? []).reduce(
          (sum, { before, after }) => sum + (after[k] ?? 0) - (before[k] ?? 0),
          0,
        );
        const odds = oddsOf(points[event + 1]?.probabilities, k) - oddsOf(points[event]?.probabilities, k);
        expect(Math.abs(change - odds)).toBeLessThan(1e-3);
      }
    };
    fc.assert(fc.property(anyHistory, holds), { numRuns: 20, seed: 13 });
  });
});

test("who resonates follows the thresholds from the first event on, with their hysteresis", () => {
  let resonated = 0;
  for (let seed = 1; seed <= 8; seed++) {
    const scorer = scorerOf(fitted, seed);
    const events = history(seed, 20);
    const parts = { encoder: fitted, schema: FEATURES, scorer };
    const { points } = scoreJourney(parts, userOf(fitted, events), aspect({ done: 20, events: 10 }));
    let now = new Set<number>();
    for (let count = 1; count <= events.length; count++) {
      const { probabilities, evidence } = served(fitted, scorer, events.slice(0, count));
      const places = [...scorer.segments.keys()];
      now = new Set(
        places.filter((k) =>
          nextResonating(now.has(k), probabilities[k] ?? 0, evidence, scorer.thresholds, k),
        ),
      );
      const told = points.find(({ done }) => done === count);
      if (told !== undefined) expect(told.resonating).toEqual([...now]);
      resonated += now.size;
    }
  }
  expect(resonated).toBeGreaterThan(0);
});

test("of somebody who did nothing the one point is the prior, and nothing has changed", () => {
  const scorer = scorerOf(fitted, 1);
  const held = new Context("nobody", fitted.slots, fitted.version);
  const user: ScoredUser = { held, events: [], isWhole: true, atMs: 0 };
  const parts = { encoder: fitted, schema: FEATURES, scorer };
  const { points, step } = scoreJourney(parts, user, aspect({ done: 0 }));
  expect(points).toHaveLength(1);
  expect(points[0]).toMatchObject({ done: 0, ...served(fitted, scorer, []) });
  expect(step).toBeNull();
});

test("a prior of the user's own counts from their first event on", () => {
  const scorer = scorerOf(fitted, 3);
  const shift = { label: { kind: "context" } as const, values: Float64Array.of(2, 0, 0, 0) };
  const parts = { encoder: fitted, schema: FEATURES, scorer };
  const user = userOf(fitted, history(3, 4));
  const plain = scoreJourney(parts, user, aspect({ done: 4 }));
  const shifted = scoreJourney(parts, user, aspect({ done: 4, event: 0, shiftsAt: () => [shift] }));
  expect(shifted.points[0]).toEqual(plain.points[0]);
  for (let i = 1; i <= 4; i++)
    expect(shifted.points[i]?.probabilities[0]).toBeGreaterThan(plain.points[i]?.probabilities[0] ?? 1);
  const context = shifted.step?.sources.find(({ kind }) => kind === "context");
  expect(context).toEqual({ kind: "context", before: [0, 0, 0], after: [2, 0, 0] });
});

function expectClose(actual: readonly number[] | undefined, expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [k, probability] of expected.entries()) expect(actual?.[k]).toBeCloseTo(probability, 5);
}
