import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Encoder } from "../../src/embedding/encoder.ts";
import { fitLinear } from "../../src/embedding/fit-linear.ts";
import { linearEncoder } from "../../src/embedding/linear-encoder.ts";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import {
  anEvent,
  DAY_MS,
  otherSchema,
  START_MS,
  someHistories,
  someMaps,
  tinySchema,
} from "./build-histories.ts";

const artefact = fitLinear(someHistories({ users: 80, segments: 3 }), someMaps(3), tinySchema, {});
const encoders = [linearEncoder(artefact, tinySchema), untrainedEncoder(tinySchema)];

const anyEvent = fc
  .record({
    item: fc.constantFrom("own-0-1", "own-1-2", "own-2-3", "common-4", "never-seen"),
    tsMs: fc.integer({ min: START_MS, max: START_MS + 100 * DAY_MS }),
    categoryHashes: fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 3 }),
  })
  .map(anEvent);
const anyHistory = fc.array(anyEvent, { minLength: 1, maxLength: 20 });

function folded(encoder: Encoder, events: readonly FeatureEvent[], at = 0): Float64Array {
  const slab = new Float64Array(at + encoder.slots + 3);
  for (const event of events) encoder.fold(slab, at, event);
  return slab;
}

function embedded(encoder: Encoder, events: readonly FeatureEvent[], atMs: number): Float32Array {
  const slab = folded(encoder, events);
  const features = new Float32Array(tinySchema.width);
  const state = new Float64Array(tinySchema.slots);
  for (const event of events) tinySchema.fold(state, 0, event);
  tinySchema.read(state, 0, atMs, features);
  const out = new Float32Array(encoder.dim);
  encoder.embed(slab, 0, features, atMs, out);
  return out;
}

const newestMs = (events: readonly FeatureEvent[]) => Math.max(...events.map(({ tsMs }) => tsMs));

describe.each(encoders.map((encoder) => [encoder.version.split("-")[0]!, encoder] as const))(
  "%s",
  (_, encoder) => {
    test("the order of arrival does not change the embedding", () => {
      const holds = (events: FeatureEvent[]) => {
        const atMs = newestMs(events);
        const forwards = embedded(encoder, events, atMs);
        const backwards = embedded(encoder, events.toReversed(), atMs);
        for (let i = 0; i < encoder.dim; i++) expect(forwards[i]).toBeCloseTo(backwards[i]!, 6);
      };
      fc.assert(fc.property(anyHistory, holds), { numRuns: 50 });
    });

    test("an embedding has finite numbers and a norm of at most 1", () => {
      const holds = (events: FeatureEvent[], laterMs: number) => {
        const embedding = embedded(encoder, events, newestMs(events) + laterMs);
        expect(embedding.every(Number.isFinite)).toBe(true);
        expect(Math.hypot(...embedding)).toBeLessThanOrEqual(1 + 1e-6);
      };
      fc.assert(fc.property(anyHistory, fc.integer({ min: 0, max: 10_000 * DAY_MS }), holds), {
        numRuns: 50,
      });
    });

    test("evidence is the number of events, and halves with the half-life", () => {
      const events = [anEvent({ item: "own-0-1" }), anEvent({ item: "own-0-2" })];
      const slab = folded(encoder, events);
      expect(encoder.evidence(slab, 0, START_MS)).toBe(2);
      expect(encoder.evidence(slab, 0, START_MS + 60 * DAY_MS)).toBeCloseTo(1, 12);
    });

    test("a user of whom nothing is known has no evidence, and an embedding all the same", () => {
      expect(encoder.evidence(new Float64Array(encoder.slots), 0, START_MS)).toBe(0);
      expect(embedded(encoder, [], START_MS).every(Number.isFinite)).toBe(true);
    });

    test("a fold touches the user's own slots only", () => {
      const slab = folded(encoder, [anEvent({ item: "own-0-1" })], 2);
      expect([...slab.subarray(0, 2), ...slab.subarray(2 + encoder.slots)].every((x) => x === 0)).toBe(true);
      expect(slab.some((x) => x !== 0)).toBe(true);
    });
  },
);

test("the linear encoder's state is the decayed sum of the rows of its table", () => {
  const [encoder] = encoders as [Encoder];
  const [early, late] = [0, 60 * DAY_MS].map((ms) => anEvent({ item: "own-0-1", tsMs: START_MS + ms })) as [
    FeatureEvent,
    FeatureEvent,
  ];
  const sums = (events: FeatureEvent[]) => folded(encoder, events).subarray(2, 2 + encoder.dim);
  // The earlier of the two is one half-life old.
  const expected = sums([early]).map((x) => 1.5 * x);
  for (const events of [
    [early, late],
    [late, early],
  ]) {
    for (const [i, x] of sums(events).entries()) expect(x).toBeCloseTo(expected[i]!, 10);
  }
});

test("an artefact of other features is refused", () => {
  const thrown = () => linearEncoder(artefact, otherSchema);
  expect(thrown).toThrow(expect.objectContaining({ code: "SCHEMA_MISMATCH" }));
});

test("the untrained version names its schema", () => {
  expect(untrainedEncoder(tinySchema).version).toBe(untrainedEncoder(tinySchema).version);
  expect(untrainedEncoder(otherSchema).version).not.toBe(untrainedEncoder(tinySchema).version);
});

test("untrained, users of the same items look alike and users of others do not", () => {
  const encoder = untrainedEncoder(tinySchema);
  const user = (...items: string[]) =>
    embedded(
      encoder,
      items.map((item) => anEvent({ item })),
      START_MS,
    );
  const cosine = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, x, i) => sum + x * b[i]!, 0) / (Math.hypot(...a) * Math.hypot(...b));
  const jazz = user("bop", "swing", "cool");
  expect(cosine(jazz, user("cool", "bop", "modal"))).toBeGreaterThan(
    cosine(jazz, user("drone", "noise", "hum")),
  );
});
