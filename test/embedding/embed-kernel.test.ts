import fc from "fast-check";
import { expect, test } from "vitest";
import type { LinearArtefact } from "../../src/embedding/linear-artefact.ts";
import { linearEncoder } from "../../src/embedding/linear-encoder.ts";
import { STATE } from "../../src/embedding/projected-state.ts";
import type { FeatureFamily } from "../../src/features/feature-family.ts";
import { FeatureSchema } from "../../src/features/feature-schema.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { plainEmbed } from "../reference/plain-linear-encoder.ts";

const NOW_MS = 20_000 * 86_400_000;

/** Features that are only named: these tests write what they read. */
function schemaOf(width: number): FeatureSchema {
  const family: FeatureFamily = {
    name: "any",
    slots: 0,
    features: Array.from({ length: width }, (_, i) => `f${i}`),
    orderIndependent: true,
    fold() {},
    read() {},
  };
  return new FeatureSchema([family]);
}

type Shape = Readonly<{ dim: number; width: number; supervised: number; seed: number }>;

/** An artefact of random numbers; one feature in five says nothing. */
function anArtefact({ dim, width, supervised, seed }: Shape): LinearArtefact {
  const random = seededRandom(seed);
  const numbers = (length: number) => Float32Array.from({ length }, () => 2 * random() - 1);
  return {
    version: "v",
    schema: schemaOf(width).version,
    dim,
    supervised: Math.max(1, Math.min(dim, supervised)),
    fill: 0.5 + random(),
    halfLifeMs: 86_400_000,
    power: 0.5,
    valueSplits: [],
    tokens: new Uint32Array(1),
    table: new Float32Array(dim),
    early: new Float32Array(Math.max(1, Math.min(dim, supervised))),
    mean: numbers(width),
    scale: numbers(width).map((x) => (random() < 0.2 ? 0 : Math.abs(x) * 4)),
    dense: numbers(width * dim),
    bias: numbers(dim),
  };
}

/** A user's state and what the schema read of them; `share` of the features are not 0. */
function aUser({ dim, width, seed }: Shape, share: number) {
  const random = seededRandom(seed + 1);
  const at = 3;
  const slab = Float64Array.from({ length: at + STATE.sums + 2 * dim }, () => 10 * random() - 5);
  slab[at + STATE.atMs] = NOW_MS;
  slab[at + STATE.events] = 1 + 10 * random();
  const features = Float32Array.from({ length: width }, () => (random() < share ? 8 * random() - 4 : 0));
  return { slab, at, features };
}

function expectSame(artefact: LinearArtefact, user: ReturnType<typeof aUser>, laterMs = 1_000_000): void {
  const encoder = linearEncoder(artefact, schemaOf(artefact.mean.length));
  const [actual, expected] = [new Float32Array(artefact.dim), new Float32Array(artefact.dim)];
  encoder.embed(user.slab, user.at, user.features, NOW_MS + laterMs, actual);
  plainEmbed(artefact)(user.slab, user.at, user.features, NOW_MS + laterMs, expected);
  const furthest = actual.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i]!)), 0);
  // One step of single precision between 0.5 and 1.
  expect(furthest).toBeLessThan(6e-8);
}

const someShape = fc.record({
  dim: fc.integer({ min: 1, max: 128 }),
  width: fc.integer({ min: 0, max: 300 }),
  supervised: fc.integer({ min: 1, max: 128 }),
  seed: fc.nat(),
});

test("the kernel says what plain code says, whatever the shape and however many features are 0", () => {
  const holds = (shape: Shape, share: number) => expectSame(anArtefact(shape), aUser(shape, share));
  fc.assert(fc.property(someShape, fc.double({ min: 0, max: 1, noNaN: true }), holds), { numRuns: 200 });
});

test("every dimension up to three tiles, every number of features around a word", () => {
  for (let dim = 1; dim <= 33; dim++) {
    const shape = { dim, width: 62 + (dim % 5), supervised: dim >> 1, seed: dim };
    expectSame(anArtefact(shape), aUser(shape, 0.3));
  }
});

test("features beyond the clip, and those that say nothing whatever they read", () => {
  const shape = { dim: 32, width: 159, supervised: 20, seed: 5 };
  const user = aUser(shape, 0.5);
  const wild = user.features.map((x, i) => (i % 3 === 0 ? x * 1e6 : i % 7 === 0 ? -0 : x));
  expectSame(anArtefact(shape), { ...user, features: wild });
  const artefact = anArtefact(shape);
  const silent = artefact.scale.indexOf(0);
  expectSame(artefact, { ...user, features: user.features.with(silent, Number.POSITIVE_INFINITY) });
});

test("a new user, of whom there is neither a sum nor a feature", () => {
  const shape = { dim: 32, width: 159, supervised: 20, seed: 5 };
  expectSame(anArtefact(shape), {
    slab: new Float64Array(54),
    at: 0,
    features: new Float32Array(159),
  });
});

test("a projection that is all zero gives an embedding of zeros", () => {
  const shape = { dim: 9, width: 4, supervised: 3, seed: 5 };
  const artefact = { ...anArtefact(shape), dense: new Float32Array(36), bias: new Float32Array(9) };
  const out = new Float32Array(9).fill(1);
  linearEncoder(artefact, schemaOf(4)).embed(new Float64Array(14), 0, new Float32Array(4), NOW_MS, out);
  expect([...out]).toEqual(new Array(9).fill(0));
});

test("features of another shape are refused, and write nothing", () => {
  const shape = { dim: 9, width: 64, supervised: 3, seed: 5 };
  const encoder = linearEncoder(anArtefact(shape), schemaOf(64));
  for (const width of [63, 65]) {
    expect(() =>
      encoder.embed(new Float64Array(14), 0, new Float32Array(width), 0, new Float32Array(9)),
    ).toThrow(expect.objectContaining({ code: "DIMENSION_MISMATCH" }));
  }
});
