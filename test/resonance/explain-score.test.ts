import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Encoder } from "../../src/embedding/encoder.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { explainScore } from "../../src/resonance/explain-score.ts";
import type { Breakdown, Part } from "../../src/resonance/explanation.ts";
import { logitsOf } from "../../src/resonance/logits.ts";
import { offsetsOf, Rescore, type ScoredUser } from "../../src/resonance/rescore.ts";
import { newScoreBuffer, type Scorer, scoreInto } from "../../src/resonance/scorer.ts";
import { Context } from "../../src/shards/context.ts";
import { fitted } from "../shards/replay-world.ts";
import { ENCODERS, history, INDEPENDENT, scorerOf, userOf } from "./scored-users.ts";

/** The same user with a prior of their own. */
function shifted(user: ScoredUser, scorer: Scorer, seed: number): ScoredUser {
  const random = seededRandom(seed);
  const values = Float64Array.from({ length: scorer.segments.length + 1 }, () => 4 * random() - 2);
  return { ...user, shifts: [{ label: { kind: "prior", name: "own" }, values }] };
}

/** The distribution as it is served. */
function served(encoder: Encoder, scorer: Scorer, user: ScoredUser) {
  const { held, atMs } = user;
  const features = new Float32Array(FEATURES.width);
  const embedding = new Float32Array(encoder.dim);
  FEATURES.readSparse(held, atMs, features);
  encoder.embed(held.slab, 0, features, atMs, embedding);
  const scores = newScoreBuffer(scorer.segments.length);
  const evidence = encoder.evidence(held.slab, 0, atMs);
  scoreInto(scorer, embedding, evidence, scores, offsetsOf(user, scorer.segments.length));
  return { ...scores, evidence, embedding };
}

const ASPECT = { resonating: new Set<string>(), done: 0 };
const sum = (parts: readonly Part[]) => parts.reduce((total, { value }) => total + value, 0);
const anyHistory = fc.record({
  seed: fc.nat(10_000),
  events: fc.integer({ min: 1, max: 40 }),
  kept: fc.integer({ min: 1, max: 40 }),
});

describe.each(ENCODERS)("%s", (_, encoder) => {
  const explain = (scorer: Scorer, user: ScoredUser, segments: readonly string[] = []) =>
    explainScore({ encoder, schema: FEATURES, scorer }, user, { ...ASPECT, segments });

  test("the parts of every logit add up to what was served, by source and by event", () => {
    const holds = ({ seed, events, kept }: { seed: number; events: number; kept: number }) => {
      const scorer = scorerOf(encoder, seed);
      const plain = userOf(encoder, history(seed, events), kept);
      const user = seed % 2 === 0 ? plain : shifted(plain, scorer, seed);
      const { probabilities } = served(encoder, scorer, user);
      const told = explain(scorer, user, scorer.segments);
      const addsUp = ({ value, bySource, byEvent }: Breakdown) => {
        expect(Math.abs(sum(bySource) - value)).toBeLessThan(1e-4);
        expect(Math.abs(sum(byEvent) - value)).toBeLessThan(1e-4);
      };
      for (const one of told.segments) addsUp(one);
      addsUp(told.lead);
      // Log odds of what was served: the logits themselves are known up to a constant.
      const served2 = [...probabilities].sort((a, b) => b - a);
      expect(told.lead.value).toBeCloseTo(Math.log((served2[0] ?? 0) / (served2[1] ?? 1)), 5);
      expect(told.top.probability).toBe(served2[0]);
      const reference = told.segments.find(({ segment }) => segment === scorer.segments[0]);
      for (const { segment, value } of told.segments) {
        const k = segment === null ? scorer.segments.length : scorer.segments.indexOf(segment);
        const difference = Math.log((probabilities[k] ?? 0) / (probabilities[0] ?? 1));
        expect(value - (reference?.value ?? 0)).toBeCloseTo(difference, 5);
      }
    };
    fc.assert(fc.property(anyHistory, holds), { numRuns: 40, seed: 2 });
  });

  test("of an independent map the logit is that of the segment's own probability", () => {
    const scorer = scorerOf(encoder, 4, INDEPENDENT);
    const user = shifted(userOf(encoder, history(4, 12)), scorer, 4);
    const { probabilities } = served(encoder, scorer, user);
    for (const { segment, value, bySource, byEvent } of explain(scorer, user, scorer.segments).segments) {
      const p = probabilities[scorer.segments.indexOf(segment ?? "")] ?? 0;
      expect(value).toBeCloseTo(Math.log(p / (1 - p)), 6);
      expect(sum(bySource)).toBeCloseTo(value, 4);
      expect(sum(byEvent)).toBeCloseTo(value, 4);
    }
  });

  test("the change that flips the decision is the smallest: all smaller ones were tried", () => {
    let flips = 0;
    let chosen = 0;
    for (let seed = 0; seed < 40; seed++) {
      const scorer = scorerOf(encoder, seed);
      const events = history(seed, 6);
      const topOf = (some: readonly FeatureEvent[]) => {
        const { probabilities } = served(encoder, scorer, userOf(encoder, some));
        const k = probabilities.indexOf(Math.max(...probabilities));
        return scorer.segments[k] ?? null;
      };
      const { flip, top } = explain(scorer, userOf(encoder, events));
      expect(flip.isExact).toBe(true);
      expect(top.segment).toBe(topOf(events));
      // By brute force: as many of the newest as it takes.
      const absent = [1, 2, 3, 4, 5, 6].find((count) => topOf(events.slice(0, 6 - count)) !== top.segment);
      expect(flip.newest?.events).toBe(absent);
      if (flip.newest !== null) {
        flips++;
        expect(topOf(events.slice(0, 6 - flip.newest.events))).toBe(flip.newest.becomes);
      }
      if (flip.fewest === null) continue;
      chosen++;
      const without = (some: readonly number[]) => topOf(events.filter((_, e) => !some.includes(e)));
      expect(without(flip.fewest.events)).toBe(flip.fewest.becomes);
      expect(flip.fewest.becomes).not.toBe(top.segment);
      expect(flip.fewest.events.length).toBeLessThan(flip.newest?.events ?? 7);
      for (const one of flip.fewest.events) // None of them is there in vain.
        expect(without(flip.fewest.events.filter((other) => other !== one))).toBe(top.segment);
    }
    expect(flips).toBeGreaterThan(5);
    expect(chosen).toBeGreaterThan(0);
  });

  test("of a user of whom nothing is known the prior is all that there is", () => {
    const scorer = scorerOf(encoder, 1);
    const held = new Context("nobody", encoder.slots, encoder.version);
    const told = explain(scorer, { held, events: [], isWhole: true, atMs: 0 }, scorer.segments);
    for (const { value, bySource } of told.segments) {
      expect(bySource.find(({ kind }) => kind === "prior")?.value).toBeCloseTo(value, 12);
      expect(sum(bySource)).toBeCloseTo(value, 12);
    }
    expect(told.flip).toEqual({ newest: null, fewest: null, isExact: true });
  });
});

test("the plain logits are those of the kernel", () => {
  for (const [, encoder] of ENCODERS)
    for (let seed = 0; seed < 10; seed++) {
      const scorer = scorerOf(encoder, seed);
      const { probabilities, embedding, evidence } = served(
        encoder,
        scorer,
        userOf(encoder, history(seed, seed + 1)),
      );
      const { values } = logitsOf(scorer, embedding, evidence);
      const total = values.reduce((all, logit) => all + Math.exp(logit), 0);
      for (const [k, logit] of values.entries())
        expect(Math.exp(logit) / total).toBeCloseTo(probabilities[k] ?? 0, 12);
    }
});

test("a linear encoder's events have their exact share, and older ones are told together", () => {
  const scorer = scorerOf(fitted, 9);
  const events = history(9, 40);
  const told = explainScore({ encoder: fitted, schema: FEATURES, scorer }, userOf(fitted, events, 30), {
    ...ASPECT,
    done: 40,
  });
  expect(told).toMatchObject({ method: "exact", counts: { done: 40, held: 30, told: 20 } });
  expect(told.events.map(({ tsMs }) => tsMs)).toEqual(events.slice(-20).map(({ tsMs }) => tsMs));
  expect(told.lead.byEvent.filter(({ kind }) => kind === "event").map(({ event }) => event)).toEqual(
    Array.from({ length: 20 }, (_, e) => e),
  );
  expect(Math.abs(told.lead.byEvent.find(({ kind }) => kind === "earlier")?.value ?? 0)).toBeGreaterThan(0);
  expect(told.flip.isExact).toBe(false);
});

test("taking events out of a linear state leaves that of a user who did not do them", () => {
  const holds = ({ seed, events }: { seed: number; events: number }) => {
    const all = history(seed, events);
    const random = seededRandom(seed);
    const gone = all.filter(() => random() < 0.4);
    const left = all.filter((event) => !gone.includes(event));
    const slabOf = (some: readonly FeatureEvent[]) => {
      const slab = new Float64Array(fitted.slots);
      for (const event of some) fitted.fold(slab, 0, event);
      return slab;
    };
    const slab = slabOf(all);
    fitted.takeOff?.(slab, 0, gone, Math.max(0, ...left.map(({ tsMs }) => tsMs)));
    for (const [i, x] of slabOf(left).entries()) expect(slab[i]).toBeCloseTo(x, 8);
  };
  fc.assert(fc.property(anyHistory, holds), { numRuns: 30, seed: 3 });
});

test.each(ENCODERS)(
  "%s: without the newest events is without those events, however much is held",
  (_, encoder) => {
    const holds = ({ seed, events, kept }: { seed: number; events: number; kept: number }) => {
      const parts = { encoder, schema: FEATURES, scorer: scorerOf(encoder, seed) };
      const rescore = new Rescore(parts, userOf(encoder, history(seed, events), kept));
      const held = rescore.user.events.length;
      let absent = 0;
      for (const logits of rescore.withoutNewest()) {
        absent++;
        const removed = new Set(Array.from({ length: absent }, (_, e) => held - 1 - e));
        for (const [k, logit] of rescore.without(removed).entries()) expect(logits[k]).toBeCloseTo(logit, 5);
      }
      expect(absent).toBe(held);
    };
    fc.assert(fc.property(anyHistory, holds), { numRuns: 20, seed: 6 });
  },
);

test("the distance to a threshold is in log odds, and one that resonates has to fall below where it leaves", () => {
  const scorer = scorerOf(fitted, 2);
  const user = userOf(fitted, history(2, 10));
  const [first = "", second = ""] = scorer.segments;
  const { thresholds } = explainScore({ encoder: fitted, schema: FEATURES, scorer }, user, {
    resonating: new Set([second]),
    done: 10,
  });
  const of = (segment: string) => thresholds.find((one) => one.segment === segment);
  const logit = (p: number) => Math.log(p / (1 - p));
  expect(of(first)?.distance).toBeCloseTo(logit(of(first)?.probability ?? 0) - logit(0.5), 9);
  expect(of(second)?.distance).toBeCloseTo(logit(of(second)?.probability ?? 0) - logit(0.5) + 0.7, 9);
});
