import { expect, test } from "vitest";
import type { ProfilesReply } from "../../src/gateway/describe-profiles.ts";
import { encodeProfiles } from "../../src/profiles/profiles-codec.ts";
import { PrecisionCounter } from "../../src/resonance/precision-curve.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";
import { A_MAP, gatewayWorld, NOW_MS } from "./gateway-world.ts";

type World = Awaited<ReturnType<typeof gatewayWorld>>;

const ask = async (world: World, body: unknown = {}): Promise<readonly ProfilesReply[]> =>
  ((await world.ask("profiles", body)).value as { maps: readonly ProfilesReply[] }).maps;

/** The default threshold, with the one at which a user stops to resonate. */
const PLAIN = { enter: 0.5, leave: expect.closeTo(0.3318, 4) };

test("before the first publication a map has version 0, no encoder and no members", async () => {
  const world = await gatewayWorld();
  await world.define();
  expect(await ask(world)).toEqual([
    {
      map: "life",
      mode: "exclusive",
      version: 0,
      encoder: null,
      ageMs: null,
      segments: [
        { segment: "new", members: 0, threshold: PLAIN },
        { segment: "loyal", members: 0, threshold: PLAIN },
      ],
      background: 0,
      threshold: { enter: 0.5, minEvidence: 1 },
      calibration: null,
      overlap: [],
    },
  ]);
});

test("of a private map it is told what its profiles promise and have cost; of another nothing", async () => {
  const world = await gatewayWorld();
  await world.define([
    { ...A_MAP, privacy: {} },
    { name: "open", segments: ["new"] },
  ]);
  expect((await ask(world)).map(({ privacy }) => privacy)).toEqual([null, undefined]);
  const privacy = {
    epsilon: 1,
    delta: 1e-6,
    windowMs: 604_800_000,
    contributions: 7,
    window: { epsilon: 0.5, exact: 0.4, share: 0.3 },
    lifetime: { releases: 9, epsilon: 0.6 },
    refused: 1,
    buckets: 7,
    noise: 35,
  };
  const published = profiles(3, [
    [1, 0],
    [0, 1],
  ]);
  await publish(world, { ...published, privacy });
  expect((await ask(world))[0]?.privacy).toEqual(privacy);
});

test("the version in force is told: members, age, calibration and how alike the profiles are", async () => {
  const world = await gatewayWorld();
  await world.define();
  await publish(
    world,
    profiles(3, [
      [1, 0],
      [0, 1],
    ]),
  );
  const [told] = await ask(world);
  expect(told).toMatchObject({
    version: 3,
    encoder: "e1",
    ageMs: 60_000,
    segments: [
      { segment: "new", members: 10, threshold: PLAIN },
      { segment: "loyal", members: 11, threshold: PLAIN },
    ],
    background: 4,
    calibration: { members: 9, kappa: [5] },
  });
  // Two profiles lie on opposite sides of their own centre.
  expect(told?.overlap).toEqual([{ a: "new", b: "loyal", similarity: expect.closeTo(-1, 5) }]);
});

test("one map may be asked for; one that is not defined is refused", async () => {
  const world = await gatewayWorld();
  await world.define([A_MAP, { name: "taste", segments: ["jazz"] }]);
  expect((await ask(world)).map(({ map }) => map)).toEqual(["life", "taste"]);
  expect((await ask(world, { map: "taste" })).map(({ map }) => map)).toEqual(["taste"]);
  for (const map of ["other", 5, null]) {
    const { reply } = await world.ask("profiles", { map });
    expect(reply.error).toMatchObject({
      code: "UNKNOWN_MAP",
      message: expect.stringContaining("life, taste"),
    });
  }
});

test("a segment without members has no overlap", async () => {
  const world = await gatewayWorld();
  await world.define();
  const published = profiles(1, [
    [1, 0],
    [0, 0],
  ]);
  const [first, second] = published.profiles;
  if (first === undefined || second === undefined) throw new Error("two profiles were made");
  await publish(world, { ...published, profiles: [first, { ...second, members: 0 }] });
  expect((await ask(world))[0]?.overlap).toEqual([]);
});

test("a threshold by precision is off before a fit; what is in force is told, or why there is none", async () => {
  const world = await gatewayWorld();
  await world.define([{ ...A_MAP, threshold: { precision: 0.9 } }]);
  const offAll = [
    { threshold: null, off: "not-fitted" },
    { threshold: null, off: "not-fitted" },
  ];
  expect((await ask(world))[0]?.segments).toMatchObject(offAll);
  const published = profiles(1, [
    [1, 0],
    [0, 1],
  ]);
  await publish(world, {
    ...published,
    threshold: { precision: 0.9, confidence: 0.95, minEvidence: 1 },
    thresholds: [
      { enter: 0.8, leave: 0.665, minEvidence: 1 },
      { enter: null, why: "too-few-accepted" },
    ],
  });
  expect((await ask(world))[0]?.segments).toEqual([
    { segment: "new", members: 10, threshold: { enter: 0.8, leave: 0.665 } },
    { segment: "loyal", members: 11, threshold: null, off: "too-few-accepted" },
  ]);
});

test("the curves are told if they are asked for, and null before a fit", async () => {
  const world = await gatewayWorld();
  await world.define();
  expect((await ask(world, { curve: true }))[0]?.quality).toBeNull();
  const published = profiles(1, [
    [1, 0],
    [0, 1],
  ]);
  await publish(world, { ...published, fittedIn: "calibration.e1" });
  await fit(world, ["new", "loyal"]);
  expect((await ask(world))[0]).not.toHaveProperty("quality");
  const quality = (await ask(world, { curve: true }))[0]?.quality;
  expect(quality).toMatchObject({ prior: "members", users: 200, ece: 0.01, reliability: [{ n: 200 }] });
  const [curve] = quality?.curves ?? [];
  expect(curve?.segment).toBe("new");
  expect(curve?.threshold).toEqual(curve?.threshold.toSorted((a, b) => a - b));
  expect(curve?.share).toEqual(curve?.share.toSorted((a, b) => b - a));
  expect(curve?.threshold).toHaveLength(50);
  for (const [i, bound] of (curve?.bound ?? []).entries())
    expect(bound).toBeLessThan(curve?.precision[i] ?? 0);
  const { reply } = await world.ask("profiles", { curve: "yes" });
  expect(reply.error).toMatchObject({ code: "WRONG_TYPE" });
});

test("the curves of 1,024 segments fit into a reply", async () => {
  const world = await gatewayWorld();
  const names = Array.from({ length: 1_024 }, (_, i) => `a-segment-with-a-name-${i}`);
  await world.define([{ name: "life", segments: names }]);
  const some = profiles(1, [[1, 0]]);
  const published = names.map((segment) => ({ segment, members: 3, centroid: Float32Array.of(1, 0) }));
  const calibration = { ...some.calibration, intercepts: names.map(() => 0) };
  await publish(world, { ...some, profiles: published, calibration, fittedIn: "calibration.e1" });
  await fit(world, names);
  const { reply } = await world.ask("profiles", { curve: true });
  expect(reply.error).toBeUndefined();
  expect(reply.data.length).toBeLessThan(900_000);
});

test("of many segments the most alike pairs are told, the most alike first", async () => {
  const world = await gatewayWorld();
  const count = 60; // 1,770 pairs.
  await world.define([{ name: "life", segments: Array.from({ length: count }, (_, i) => `s${i}`) }]);
  const vectors = Array.from({ length: count }, (_, i) => [Math.cos(i * i), Math.sin(i * i)]);
  const published = profiles(1, vectors);
  await publish(world, published);
  const overlap = (await ask(world))[0]?.overlap ?? [];
  expect(overlap).toHaveLength(200);
  expect(overlap.map((pair) => pair.similarity)).toEqual(
    alikeness(vectors)
      .slice(0, 200)
      .map((one) => expect.closeTo(one, 4)),
  );
});

/** Centred cosines of all pairs, the greatest first: computed plainly. */
function alikeness(vectors: readonly (readonly number[])[]): number[] {
  const mean = [0, 1].map((d) => vectors.reduce((sum, vector) => sum + (vector[d] ?? 0), 0) / vectors.length);
  const units = vectors.map((vector) => {
    const centred = vector.map((value, d) => value - (mean[d] ?? 0));
    return centred.map((value) => value / Math.hypot(...centred));
  });
  const pairs = units.flatMap((x, i) =>
    units.slice(i + 1).map((y) => x.reduce((sum, value, d) => sum + value * (y[d] ?? 0), 0)),
  );
  return pairs.sort((a, b) => b - a);
}

function profiles(version: number, centroids: readonly (readonly number[])[]): PublishedProfiles {
  const names = centroids.length === 2 ? ["new", "loyal"] : centroids.map((_, i) => `s${i}`);
  return {
    map: "life",
    mode: "exclusive",
    version,
    encoder: "e1",
    dim: 2,
    watermarkMs: NOW_MS - 60_000,
    profiles: centroids.map((centroid, i) => ({
      segment: names[i] ?? "",
      members: 10 + i,
      centroid: Float32Array.from(centroid),
    })),
    background: 4,
    calibration: {
      encoder: "e1",
      map: "life",
      depthEnds: [Number.POSITIVE_INFINITY],
      kappa: [5],
      intercepts: centroids.map(() => 0),
      noneIntercept: 0,
      members: 9,
    },
    threshold: { enter: 0.5, minEvidence: 1 },
  };
}

/** Stores a fit whose curves have a point at every threshold. */
async function fit(world: World, segments: readonly string[]): Promise<void> {
  const counter = new PrecisionCounter();
  for (let i = 0; i < 200; i++) counter.add(i / 200, i % 3 > 0);
  const quality = {
    prior: "members",
    users: 200,
    logLoss: 0.3,
    ece: 0.01,
    reliability: [{ confidence: 0.5, observed: 0.49, n: 200 }],
    curves: segments.map(() => counter.curve()),
  };
  const stored = [{ map: "life", segments, quality }];
  await world.releases.put("calibration.e1", new TextEncoder().encode(JSON.stringify(stored)));
}

async function publish(world: World, published: PublishedProfiles): Promise<void> {
  const { map, version } = published;
  await world.releases.put(`profiles.${map}.${version}`, encodeProfiles(published));
  await world.releases.put(`profiles.${map}.current`, new TextEncoder().encode(JSON.stringify({ version })));
}
