import { expect, test } from "vitest";
import type { History } from "../../src/embedding/encoder.ts";
import { fitLinear } from "../../src/embedding/fit-linear.ts";
import { prepareFit } from "../../src/embedding/fit-material.ts";
import { encodeArtefact, type LinearArtefact } from "../../src/embedding/linear-artefact.ts";
import { linearEncoder } from "../../src/embedding/linear-encoder.ts";
import { artefactOf, embedSamples, fitWithout } from "../../src/embedding/linear-fit.ts";
import { someHistories, someMaps, tinySchema } from "./build-histories.ts";

function embeddingsOf(artefact: LinearArtefact, histories: readonly History[]): Float32Array[] {
  const encoder = linearEncoder(artefact, tinySchema);
  return histories.map(({ events }) => {
    const slab = new Float64Array(encoder.slots);
    const state = new Float64Array(tinySchema.slots);
    for (const event of events) {
      encoder.fold(slab, 0, event);
      tinySchema.fold(state, 0, event);
    }
    const atMs = Math.max(...events.map(({ tsMs }) => tsMs));
    const features = new Float32Array(tinySchema.width);
    tinySchema.read(state, 0, atMs, features);
    const out = new Float32Array(encoder.dim);
    encoder.embed(slab, 0, features, atMs, out);
    return out;
  });
}

/** Share of users that are nearest, by centred cosine, to the profile of their own segment. */
function recognised(
  artefact: LinearArtefact,
  members: readonly History[],
  strangers: readonly History[],
): number {
  const names = [...new Set(members.map(({ labels }) => labels["taste"]!))];
  const embedded = embeddingsOf(artefact, members);
  const mean = (vectors: Float32Array[]) =>
    Float64Array.from(
      { length: artefact.dim },
      (_, i) => vectors.reduce((sum, v) => sum + v[i]!, 0) / vectors.length,
    );
  const profiles = names.map((name) => mean(embedded.filter((_, i) => members[i]!.labels["taste"] === name)));
  const centre = profiles[0]!.map((_, i) => profiles.reduce((sum, p) => sum + p[i]! / profiles.length, 0));
  const directions = profiles.map((profile) => profile.map((x, i) => x - centre[i]!));
  const cosine = (x: Float32Array, u: Float64Array) =>
    u.reduce((sum, value, i) => sum + value * (x[i]! - centre[i]!), 0) / Math.hypot(...u);
  const right = embeddingsOf(artefact, strangers).filter((x, i) => {
    const scores = directions.map((direction) => cosine(x, direction));
    return names[scores.indexOf(Math.max(...scores))] === strangers[i]!.labels["taste"];
  });
  return right.length / strangers.length;
}

test("users who were never seen are recognised by what they touch", () => {
  const members = someHistories({ users: 400, segments: 3, seed: 1 });
  const strangers = someHistories({ users: 200, segments: 3, seed: 2 });
  const artefact = fitLinear(members, someMaps(3), tinySchema, {});
  expect(recognised(artefact, members, strangers)).toBeGreaterThan(0.75);
});

test("the same histories give the same bytes, in any order", () => {
  const histories = someHistories({ users: 90, segments: 2 });
  const fit = (of: History[]) => encodeArtefact(fitLinear(of, someMaps(2), tinySchema, { seed: 4 }));
  expect(fit(histories.toReversed())).toEqual(fit(histories));
});

test("another seed gives another encoder", () => {
  const histories = someHistories({ users: 90, segments: 2 });
  const versionOf = (seed: number) => fitLinear(histories, someMaps(2), tinySchema, { seed }).version;
  expect(versionOf(1)).not.toBe(versionOf(2));
});

test("served event by event, an embedding is what the fit computed", () => {
  const histories = someHistories({ users: 50, segments: 2 });
  const material = prepareFit(histories, someMaps(2), tinySchema, {});
  const fit = fitWithout(material, undefined);
  const artefact = artefactOf(material, fit);
  const fitted = embedSamples(material, fit);
  const last = Array.from({ length: material.corpus.users }, (_, u) => material.corpus.samplesAt[u + 1]! - 1);
  const norms = (vectors: Float32Array[]) =>
    vectors.map((vector) => Array.from(vector, (x) => x.toFixed(4)).join()).sort();
  const rows = last.map((sample) => fitted.subarray(sample * artefact.dim, (sample + 1) * artefact.dim));
  expect(norms(rows)).toEqual(norms(embeddingsOf(artefact, histories)));
});

test("several maps share one embedding, which grows with their segments", () => {
  const two = someHistories({ users: 300, segments: 2, map: "a" });
  const many = someHistories({ users: 300, segments: 25, map: "b", preference: 0.6 });
  const both = two.map((history, i) => ({
    ...history,
    labels: { ...history.labels, ...many[i]!.labels },
    events: [...history.events, ...many[i]!.events].sort((x, y) => x.tsMs - y.tsMs),
  }));
  const maps = [...someMaps(2, "a"), ...someMaps(25, "b")];
  expect(fitLinear(two, someMaps(2, "a"), tinySchema, {}).dim).toBe(32);
  const artefact = fitLinear(both, maps, tinySchema, {});
  expect(artefact.supervised).toBe(25);
  expect(artefact.dim).toBe(41);
});

test("an encoder has no more dimensions than asked for, also if that is fewer than usual", () => {
  const members = someHistories({ users: 400, segments: 12, seed: 1 });
  const strangers = someHistories({ users: 200, segments: 12, seed: 2 });
  const small = fitLinear(members, someMaps(12), tinySchema, { dimMax: 20 });
  expect(small.dim).toBe(20);
  expect(recognised(small, members, strangers)).toBeGreaterThan(2 / 12);
});

test("users without events or without a known segment do no harm", () => {
  const histories = someHistories({ users: 60, segments: 2 });
  const strange: History[] = [
    { user: "silent", labels: { taste: "segment-0" }, events: [] },
    { user: "elsewhere", labels: { other: "x" }, events: histories[0]!.events },
    { user: "unknown", labels: { taste: "no such segment" }, events: histories[1]!.events },
  ];
  const artefact = fitLinear([...histories, ...strange], someMaps(2), tinySchema, {});
  expect(artefact.table.every(Number.isFinite)).toBe(true);
});

test("histories of nothing known still give an encoder", () => {
  const blank = someHistories({ users: 30, segments: 2 }).map((history) => ({
    ...history,
    events: history.events.map((event) => ({ ...event, itemHash: 0, typeHash: 0 })),
  }));
  const artefact = fitLinear(blank, someMaps(2), tinySchema, {});
  expect(embeddingsOf(artefact, blank).every((x) => x.every(Number.isFinite))).toBe(true);
});

test("beyond the limit, the same members are kept whoever else comes", () => {
  const histories = someHistories({ users: 120, segments: 2 });
  const kept = (of: History[]) => prepareFit(of, someMaps(2), tinySchema, { usersMax: 40 }).corpus.users;
  expect(kept(histories)).toBe(40);
  const background = histories.map((history) => ({ ...history, user: `b-${history.user}`, labels: {} }));
  expect(kept([...background, ...histories])).toBe(40);
  expect(kept([...background, ...histories.slice(0, 5)])).toBe(15);
});

test("of many segments a fit takes fewer columns, and only widely used tokens have weights: it stays small", () => {
  const histories = someHistories({ users: 500, segments: 40 });
  const fitted = fitLinear(histories, someMaps(40), tinySchema, { weightsMax: 400 });
  expect(fitted.early).toHaveLength(0);
  expect(fitted.table.every(Number.isFinite)).toBe(true);
  const strangers = someHistories({ users: 200, segments: 40, seed: 2 });
  expect(recognised(fitted, histories, strangers)).toBeGreaterThan(2 / 40);
});
