import fc from "fast-check";
import { expect, test } from "vitest";
import { VersionMismatch } from "../../src/embedding/version-mismatch.ts";
import type { LogEntry } from "../../src/events/log-entry.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import type { Sample } from "../../src/profiles/sample.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";
import { encodeContext } from "../../src/shards/context-codec.ts";
import { shadowOf } from "../../src/shards/embed-context.ts";
import type { Outcome } from "../../src/shards/outcome.ts";
import type { ShardState } from "../../src/shards/shard-state.ts";
import { aShardThatKnows, aView, fold, MAP, START_MS } from "./a-shard.ts";

const MEMBERS = ["ada", "bob", "cyd", "dan", "eve"];

test("a candidate's members are sampled a slice at a time, and the last slice tells that it was the last", async () => {
  const shard = await aShardWithMembers();
  const since = shard.applied + 1;
  expect(candidates(fold(shard, { kind: "encoder-prepared", encoder: "e2" }))).toEqual([]);
  expect(candidates(fold(shard, slice(since, 0, 2)))).toEqual(["ada", "bob"]);
  expect(candidates(fold(shard, slice(since, 1, 2)))).toEqual(["cyd", "dan"]);
  const last = fold(shard, slice(since, 2, 2));
  expect(candidates(last)).toEqual(["eve"]);
  expect(last.prepared).toEqual(["e2"]);
  expect(shard.warmUps).toMatchObject([{ version: "e2", slices: 3, sampled: 5, done: true }]);
});

test("a slice that comes again, out of turn, or of another warm-up has no effect", async () => {
  const shard = await aShardWithMembers();
  const since = shard.applied + 1;
  fold(shard, { kind: "encoder-prepared", encoder: "e2" }, slice(since, 0, 2));
  for (const [from, number] of [
    [since, 0],
    [since, 2],
    [since - 1, 1],
  ] as const)
    expect(fold(shard, slice(from, number, 2)).samples).toEqual([]);
  expect(candidates(fold(shard, slice(since, 1, 1)))).toEqual(["cyd"]);
});

test("a member who acts is sampled under both encoders once their turn has been, and before it under the old one", async () => {
  const shard = await aShardWithMembers();
  const since = shard.applied + 1;
  fold(shard, { kind: "encoder-prepared", encoder: "e2" }, slice(since, 0, 2));
  const encoders = (user: string): string[] =>
    fold(shard, identify(user), aView({ user })).samples.map(({ encoder }) => encoder);
  expect(new Set(encoders("bob"))).toEqual(new Set([shard.encoder.version, "e2"]));
  expect(new Set(encoders("dan"))).toEqual(new Set([shard.encoder.version]));
  const [first, second] = fold(shard, identify("ada")).samples;
  expect(second?.index).toBe((first?.index ?? 0) + 1); // Each has an id of its own.
  fold(shard, { kind: "encoder-discarded", encoder: "e2", order: 1 });
  expect(new Set(encoders("bob"))).toEqual(new Set([shard.encoder.version]));
});

test("where there is nobody to sample, the preparation is done at once", async () => {
  const shard = await aShardThatKnows(["e2"], { ringEvents: 20 });
  expect(fold(shard, { kind: "encoder-prepared", encoder: "e2" }).prepared).toEqual(["e2"]);
});

test("the newest sample of each member under a candidate does not depend on how the slices are cut", async () => {
  const acts = fc.array(fc.record({ user: fc.constantFrom(...MEMBERS), slices: fc.nat({ max: 3 }) }), {
    maxLength: 30,
  });
  const newest = async (given: readonly { user: string; slices: number }[], users: number) => {
    const shard = await aShardWithMembers();
    const since = shard.applied + 1;
    const samples: Sample[] = [];
    const take = ({ samples: taken }: Outcome): void => void samples.push(...taken);
    let serial = 0;
    take(fold(shard, { kind: "encoder-prepared", encoder: "e2" }));
    const goOn = (): void => take(fold(shard, slice(since, shard.warmUps[0]!.slices, users)));
    for (const { user, slices } of given) {
      const id = `act-${++serial}`;
      // An identification is always sampled; what a view is counts by its place in its bucket.
      take(fold(shard, aView({ id, user, item: `item-${serial}`, tsMs: START_MS + serial })));
      take(fold(shard, identify(user, `identify-${serial}`)));
      for (let i = 0; i < slices; i++) goOn();
    }
    while (!shard.warmUps[0]!.done) goOn();
    const byUser = new Map<string, string>();
    for (const sample of samples)
      if (sample.encoder === "e2") byUser.set(sample.user, JSON.stringify([...sample.vector]));
    return [...byUser].sort();
  };
  await fc.assert(
    fc.asyncProperty(acts, fc.integer({ min: 1, max: 6 }), async (given, users) => {
      const other = given.map(({ user }) => ({ user, slices: 0 }));
      expect(await newest(given, users)).toEqual(await newest(other, 100));
    }),
    { numRuns: 50 },
  );
});

test("a context comes to the same bytes whether its state under the new encoder was made before the switch or not", () => {
  const steps = fc.array(
    fc.record({ kind: fc.constantFrom("act", "act", "shadow"), user: fc.constantFrom("ada", "bob") }),
    { minLength: 1, maxLength: 40 },
  );
  return fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      const run = async (isShadowed: boolean): Promise<Uint8Array[]> => {
        const shard = await aShardThatKnows(["e2"], { ringEvents: 20 });
        fold(shard, identify("ada", "a"), identify("bob", "b"), { kind: "encoder-prepared", encoder: "e2" });
        const candidate = shard.warmUps[0]!.encoder!;
        for (const [i, { kind, user }] of taken.entries()) {
          const context = shard.contexts.find(user)!;
          if (kind === "act")
            fold(shard, aView({ id: `act-${i}`, user, item: `item-${i}`, tsMs: START_MS + i }));
          else if (isShadowed) shadowOf(shard, candidate, context);
        }
        fold(shard, { kind: "encoder-activated", encoder: "e2", profiles: {}, order: 1 });
        const writer = new ByteWriter();
        return ["ada", "bob"].map((user) => {
          fold(shard, aView({ id: "last", user, item: "last", tsMs: START_MS + 99 }));
          return encodeContext(shard.contexts.find(user)!, writer).slice();
        });
      };
      expect(await run(true)).toEqual(await run(false));
    }),
    { numRuns: 100 },
  );
});

test("profiles of another encoder are never put in force: their entry throws, and nothing is changed", async () => {
  const shard = await aShardWithMembers();
  const published = publishedUnder("e9", shard.encoder.dim);
  const nothing = async () => undefined;
  const source = {
    encoder: nothing,
    profiles: async () => published,
    segments: nothing,
    content: nothing,
    rates: nothing,
    experiments: nothing,
    privacy: nothing,
  };
  await shard.releases.fetchProfiles(source, MAP.name, 7);
  const before = shard.scorers;
  const activation = { map: MAP.name, version: 7 } as const;
  const encoder = shard.encoder.version;
  expect(() => fold(shard, { kind: "profiles-activated", ...activation, encoder })).toThrow(VersionMismatch);
  expect(() =>
    fold(shard, { kind: "encoder-activated", encoder: "e2", profiles: { [MAP.name]: 7 }, order: 3 }),
  ).toThrow(VersionMismatch);
  expect(shard.scorers).toBe(before);
  expect(shard.encoder.version).toBe(encoder);
});

test("profiles of another encoder that are in force all the same are not compared with: the fold throws", async () => {
  const shard = await aShardWithMembers();
  // The planted mistake: somebody puts a scorer in force without looking whose it is.
  shard.scorers = shard.scorers.map((scorer) => ({ ...scorer, version: 1, encoder: "e9" }));
  expect(() => fold(shard, aView({ user: "ada" }))).toThrow(VersionMismatch);
});

test("a state of another encoder is not embedded", async () => {
  const shard = await aShardWithMembers();
  const ada = shard.contexts.find("ada")!;
  ada.encoder = "e9";
  // Rebuilding is what keeps the two apart; without it nothing is computed.
  Object.defineProperty(shard, "stateKey", { get: alternating("e9", "e8") });
  expect(() => fold(shard, aView({ user: "ada" }))).toThrow(VersionMismatch);
});

/** A planted mistake: the version in force changes between two looks at it. */
function alternating(first: string, second: string): () => string {
  let looks = 0;
  return () => (looks++ === 0 ? first : second);
}

function slice(since: number, number: number, users: number): LogEntry {
  return { kind: "warm-up-continued", warmUp: "encoder", since, slice: number, users };
}

function candidates({ samples }: Outcome): string[] {
  return samples.filter(({ encoder }) => encoder === "e2").map(({ user }) => user);
}

let identified = 0;

function identify(user: string, id = `identify-${++identified}`): LogEntry {
  return aView({ id, user, tsMs: START_MS, type: "identify", segments: { [MAP.name]: "new" } });
}

async function aShardWithMembers(): Promise<ShardState> {
  const shard = await aShardThatKnows(["e2"], { ringEvents: 20 });
  for (const user of MEMBERS)
    fold(shard, identify(user, `who-${user}`), aView({ id: user, user, tsMs: START_MS, item: `of-${user}` }));
  return shard;
}

function publishedUnder(encoder: string, dim: number): PublishedProfiles {
  return {
    map: MAP.name,
    mode: MAP.mode,
    version: 7,
    encoder,
    dim,
    watermarkMs: START_MS,
    profiles: MAP.segments.map(({ name }) => ({
      segment: name,
      members: 1,
      centroid: new Float32Array(dim).fill(0.1),
    })),
    background: 0,
    calibration: defaultCalibration(encoder, MAP.name, MAP.segments.length),
    threshold: MAP.threshold,
  };
}
