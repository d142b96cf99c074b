import { expect, test } from "vitest";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { ProfileState } from "../../src/profiles/profile-state.ts";
import type { ProfileStore } from "../../src/profiles/profile-store.ts";
import { dimOf, profilesOf } from "../../src/profiles/publish.ts";
import { membersOf } from "../../src/profiles/window-sum.ts";
import { aMap, aSample, centroidOf, DAY_MS, NOON_MS } from "./some-samples.ts";

test("a sample that a shard sends again counts once, whatever message it comes in", async () => {
  const { state } = aState();
  const first = aSample({ sequence: 4, index: 0 });
  const second = aSample({ sequence: 4, index: 1, user: "bob" });
  state.apply(1, { shard: 0, samples: [first, second] });
  state.apply(2, { shard: 0, samples: [first] });
  state.apply(3, { shard: 0, samples: [second, aSample({ sequence: 5, user: "cyd" })] });
  expect(members(state, "new")).toBe(3);
  expect(state.repeats).toBe(2);
});

test("shards number their samples by themselves", () => {
  const { state } = aState();
  state.apply(1, { shard: 0, samples: [aSample({ sequence: 9 })] });
  state.apply(2, { shard: 1, samples: [aSample({ sequence: 2, user: "bob" })] });
  expect(members(state, "new")).toBe(2);
  expect(state.repeats).toBe(0);
});

test("a message that is delivered again changes nothing", () => {
  const { state } = aState();
  const batch = { shard: 0, samples: [aSample()], prepared: ["e2"] };
  state.apply(1, batch);
  state.prepare("e2");
  state.apply(1, batch);
  expect(state.preparedShards.size).toBe(0);
  expect(state.repeats).toBe(0);
});

test("the first sample tells which encoder is in force, and those of others are dropped", () => {
  const { state } = aState();
  state.apply(1, { shard: 0, samples: [aSample(), aSample({ sequence: 2, user: "bob", encoder: "e9" })] });
  expect(state.encoder).toBe("e1");
  expect(members(state, "new")).toBe(1);
  expect(state.dropped).toBe(1);
});

test("what was committed is what a restart goes on from", async () => {
  const { state, store } = aState();
  state.prepare("e2");
  state.apply(1, { shard: 0, samples: [aSample(), aSample({ sequence: 2, user: "bob", labels: {} })] });
  state.apply(2, { shard: 1, samples: [aSample({ user: "cyd", encoder: "e2" })], prepared: ["e2"] });
  await commit(state, store);
  const again = new ProfileState(store);
  again.useMaps([aMap()], 1);
  expect(JSON.stringify(again.takeCommit().meta)).toBe(JSON.stringify(store.meta())); // In the same order, too.
  expect(again.applied).toBe(2);
  expect(again.candidate).toBe("e2");
  expect([...again.preparedShards]).toEqual([1]);
  expect(publishedBy(again, "e1")).toEqual(publishedBy(state, "e1"));
  expect(publishedBy(again, "e2")).toEqual(publishedBy(state, "e2"));
  again.apply(3, { shard: 0, samples: [aSample({ sequence: 2, user: "bob" })] });
  expect(again.repeats).toBe(1);
});

test("a published profile is the mean of its members' vectors; users without a label are background", () => {
  const { state } = aState();
  state.apply(1, {
    shard: 0,
    samples: [
      aSample({ sequence: 1, vector: [1_000, -3, 0] }),
      aSample({ sequence: 2, user: "bob", vector: [2_001, 4, 7] }),
      aSample({ sequence: 3, user: "cyd", labels: {}, vector: [4_000, 0, 0] }),
    ],
  });
  const published = publishedBy(state, "e1");
  expect(published).toMatchObject({ background: 1, dim: 3, watermarkMs: NOON_MS, encoder: "e1" });
  expect(published?.profiles.map(({ segment, members }) => [segment, members])).toEqual([
    ["new", 2],
    ["loyal", 0],
  ]);
  expect([...(published?.profiles[0]?.centroid ?? [])]).toEqual(centroidOf([1_000, -3, 0], [2_001, 4, 7]));
  expect([...(published?.profiles[1]?.centroid ?? [])]).toEqual([0, 0, 0]);
});

test("a calibration of this map is published, and the default one if it is for other segments", () => {
  const { state } = aState();
  state.apply(1, { shard: 0, samples: [aSample()] });
  const fitted = {
    encoder: "e1",
    map: "life",
    depthEnds: [Number.POSITIVE_INFINITY],
    kappa: [9],
    intercepts: [0.5, -0.5],
    noneIntercept: 1,
    members: 40,
  };
  expect(publishedBy(state, "e1", [fitted])?.calibration).toEqual(fitted);
  expect(publishedBy(state, "e1", [{ ...fitted, intercepts: [1, 2, 3] }])?.calibration.members).toBe(0);
  expect(publishedBy(state, "e1", [{ ...fitted, map: "taste" }])?.calibration.members).toBe(0);
});

test("a label that changes while a candidate is prepared changes under both encoders", () => {
  const { state } = aState();
  state.apply(1, { shard: 0, samples: [aSample()] });
  state.prepare("e2");
  state.apply(2, { shard: 0, samples: [aSample({ sequence: 2, encoder: "e2" })] });
  state.apply(3, { shard: 0, samples: [aSample({ sequence: 3, labels: { life: "loyal" } })] });
  expect(members(state, "new", "e2")).toBe(0);
  expect(members(state, "loyal", "e2")).toBe(1);
  state.promote();
  // The shard has not folded the activation yet, so this one is still of the old encoder.
  state.apply(4, { shard: 0, samples: [aSample({ sequence: 4, labels: { life: "new" } })] });
  expect(members(state, "new", "e2")).toBe(1);
});

test("the windows of a candidate end where those of the encoder in force do", () => {
  const { state } = aState();
  const late = NOON_MS + 30 * DAY_MS;
  state.apply(1, { shard: 0, samples: [aSample({ tsMs: late })] });
  state.prepare("e2");
  state.apply(2, { shard: 0, samples: [aSample({ sequence: 2, encoder: "e2", tsMs: NOON_MS })] });
  expect(members(state, "new", "e2")).toBe(0);
  expect(state.dropped).toBe(1);
});

test("another candidate takes the place of the one before, of which nothing is left", async () => {
  const { state, store } = aState();
  state.apply(1, { shard: 0, samples: [aSample()] });
  state.prepare("e2");
  state.apply(2, { shard: 0, samples: [aSample({ sequence: 2, encoder: "e2" })], prepared: ["e2"] });
  await commit(state, store);
  state.prepare("e3");
  await commit(state, store);
  expect(store.membersAfter("e2", undefined, 10)).toEqual([]);
  expect(state.preparedShards.size).toBe(0);
  state.prepare("e2");
  expect(members(state, "new", "e2")).toBe(0);
  state.apply(3, { shard: 0, samples: [aSample({ sequence: 3, encoder: "e2" })] });
  await commit(state, store);
  await commit(state, store);
  expect(store.membersAfter("e2", undefined, 10)).toHaveLength(1); // It was dropped once, not for ever.
});

test("an encoder that comes back before its ledger is gone from the store begins anew", async () => {
  const { state, store } = aState();
  state.prepare("e1");
  state.apply(1, { shard: 0, samples: [aSample(), aSample({ sequence: 2, user: "bob" })] });
  await commit(state, store);
  state.prepare("e2");
  state.apply(2, { shard: 0, samples: [aSample({ sequence: 3, vector: [7, 0, 0] })] });
  state.sweep(10);
  expect(state.encoder).toBe("e1");
  expect(members(state, "new")).toBe(1);
  await commit(state, store);
  expect(store.membersAfter("e1", undefined, 10).map(([user]) => user)).toEqual(["ada"]);
  expect([...(publishedBy(state, "e1")?.profiles[0]?.centroid ?? [])]).toEqual(centroidOf([7, 0, 0]));
});

test("what expired stays gone when a window grows, whether it was swept or not", async () => {
  const sums = async (isSwept: boolean) => {
    const { state, store } = aState();
    state.apply(1, { shard: 0, samples: [aSample()] });
    await commit(state, store);
    state.apply(2, {
      shard: 0,
      samples: [aSample({ sequence: 2, user: "bob", tsMs: NOON_MS + 9 * DAY_MS })],
    });
    await commit(state, store);
    if (isSwept) state.sweep(10);
    await commit(state, store);
    expect(store.membersAfter("e1", undefined, 10)).toHaveLength(isSwept ? 1 : 2);
    state.useMaps([aMap({ window: { bucketMs: DAY_MS, buckets: 30 } })], 2);
    await commit(state, store);
    expect(store.membersAfter("e1", undefined, 10).map(([user]) => user)).toEqual(["bob"]);
    return [...store.sums("e1")];
  };
  expect(await sums(true)).toEqual(await sums(false));
});

test("what expired of members who never come back is taken out of the store, a page at a time", async () => {
  const { state, store } = aState();
  const users = ["ann", "bob", "cyd", "dan", "eve"];
  const days = (user: string) => (user === "dan" ? [0, 6] : [0]); // One of them is still in the window later.
  const samples = users.flatMap((user) =>
    days(user).map((day) => aSample({ user, tsMs: NOON_MS + day * DAY_MS })),
  );
  state.apply(1, { shard: 0, samples: samples.map((sample, index) => ({ ...sample, index })) });
  await commit(state, store);
  const late = aSample({ sequence: 2, user: "bob", tsMs: NOON_MS + 7 * DAY_MS });
  state.apply(2, { shard: 0, samples: [late] });
  const sizes: number[] = [];
  for (let batch = 0; batch < 4; batch++) {
    state.sweep(2);
    await commit(state, store);
    sizes.push(store.membersAfter("e1", undefined, 10).length);
  }
  expect(sizes).toEqual([4, 3, 2, 2]);
  expect(store.membersAfter("e1", undefined, 10).map(([user]) => user)).toEqual(["bob", "dan"]);
  expect(members(state, "new")).toBe(2);
  const again = new ProfileState(store);
  again.useMaps([aMap({ segments: [{ name: "new" }] })], 2);
  expect(members(again, "new")).toBe(2);
});

test("a member who is taken out leaves no trace under any encoder, in the sums or the store", async () => {
  const run = async (...users: string[]): Promise<{ state: ProfileState; store: ProfileStore }> => {
    const { state, store } = aState();
    const samples = users.flatMap((user) =>
      [0, 1].map((day) => aSample({ sequence: day + 1, user, tsMs: NOON_MS + day * DAY_MS })),
    );
    const numbered = samples.map((sample, index) => ({ ...sample, index }));
    state.apply(1, { shard: 0, samples: numbered });
    state.prepare("e2");
    state.apply(2, { shard: 0, samples: numbered.map((one) => ({ ...one, sequence: 3, encoder: "e2" })) });
    await commit(state, store);
    state.apply(3, { shard: 0, samples: [], removals: [{ sequence: 4, index: 0, user: "ada" }] });
    await commit(state, store);
    return { state, store };
  };
  const [taken, never] = [await run("bob", "ada"), await run("bob")];
  for (const encoder of ["e1", "e2"]) {
    expect([...taken.store.sums(encoder)]).toEqual([...never.store.sums(encoder)]);
    expect(taken.store.membersAfter(encoder, undefined, 10)).toEqual(
      never.store.membersAfter(encoder, undefined, 10),
    );
    expect(publishedBy(taken.state, encoder)).toEqual(publishedBy(never.state, encoder));
  }
});

test("a removal that comes again undoes nothing that was sampled since", () => {
  const { state } = aState();
  const removals = [{ sequence: 2, index: 0, user: "ada" }];
  state.apply(1, { shard: 0, samples: [aSample({ sequence: 1 })] });
  state.apply(2, { shard: 0, samples: [aSample({ sequence: 2, index: 1 })], removals });
  expect(members(state, "new")).toBe(1);
  state.apply(3, { shard: 0, samples: [], removals });
  expect(members(state, "new")).toBe(1);
  expect(state.repeats).toBe(1);
});

test("within a message the numbers tell what comes first", () => {
  const { state } = aState();
  const removals = [{ sequence: 2, index: 0, user: "ada" }];
  state.apply(1, {
    shard: 0,
    samples: [aSample({ sequence: 1 }), aSample({ sequence: 3, user: "bob" })],
    removals,
  });
  expect(members(state, "new")).toBe(1);
  expect(state.ledger("e1")?.member("ada")).toBeUndefined();
});

test("of a member whose contributions have all expired the removal takes the stored record away too", async () => {
  const { state, store } = aState();
  state.apply(1, { shard: 0, samples: [aSample()] });
  await commit(state, store);
  const late = NOON_MS + 30 * DAY_MS;
  state.apply(2, { shard: 0, samples: [aSample({ sequence: 2, user: "bob", tsMs: late })] });
  state.apply(3, { shard: 0, samples: [], removals: [{ sequence: 3, index: 0, user: "ada" }] });
  await commit(state, store);
  expect(store.membersAfter("e1", undefined, 10).map(([user]) => user)).toEqual(["bob"]);
});

test("preparing the encoder in force, or the candidate again, changes nothing", () => {
  const { state } = aState();
  state.apply(1, { shard: 0, samples: [aSample()] });
  state.prepare("e1");
  expect(state.candidate).toBe("");
  state.prepare("e2");
  state.apply(2, { shard: 3, samples: [], prepared: ["e2"] });
  state.prepare("e2");
  expect([...state.preparedShards]).toEqual([3]);
});

test("a candidate waits for the shards that its preparation names, whatever the node knows", async () => {
  const { state, store } = aState();
  const known = { from: 0, count: 1 };
  state.prepare("e2", { from: 100, count: 2 });
  state.apply(1, { shard: 0, samples: [], prepared: ["e2"] }); // Of shards that are no more.
  state.apply(2, { shard: 101, samples: [], prepared: ["e2"] });
  expect(state.isPrepared(known)).toBe(false);
  await commit(state, store);
  const again = new ProfileState(store);
  again.apply(3, { shard: 100, samples: [], prepared: ["e2"] });
  expect(again.isPrepared(known)).toBe(true);
  again.prepare("e2", { from: 200, count: 2 }); // Rolled out anew, after another split.
  expect(again.isPrepared(known)).toBe(false);
  again.prepare("e3");
  again.apply(4, { shard: 0, samples: [], prepared: ["e3"] });
  expect(again.isPrepared(known)).toBe(true);
});

test("new definitions take effect on what was contributed before", async () => {
  const { state, store } = aState();
  const labels = { life: "new" };
  const samples = [0, 1].map((day) => aSample({ sequence: day + 1, tsMs: NOON_MS + day * DAY_MS, labels }));
  state.apply(1, { shard: 0, samples });
  await commit(state, store);
  const map = aMap({
    segments: [{ name: "loyal" }, { name: "new" }, { name: "lost" }],
    window: { bucketMs: DAY_MS, buckets: 1 },
  });
  state.useMaps([map, aMap({ name: "taste" })], 2);
  await commit(state, store);
  const ledger = state.ledger("e1");
  const counts = ledger?.sums.get("life new")?.buckets;
  expect([...(counts?.values() ?? [])].map(({ count }) => count)).toEqual([1]);
  expect(ledger?.sums.get("taste ")?.buckets.size).toBe(2); // Background, until the shards tell.
  const again = new ProfileState(store);
  again.useMaps([map, aMap({ name: "taste" })], 2);
  expect(again.ledger("e1")?.sums).toEqual(ledger?.sums);
});

test("buckets of another length hold the contributions whose own buckets began in them", async () => {
  const { state, store } = aState();
  const start = 20_000 * DAY_MS; // An even day: it begins a bucket of two.
  const samples = [0, 1, 2].map((day) =>
    aSample({ sequence: day + 1, tsMs: start + day * DAY_MS, vector: [day + 1, 0, 0] }),
  );
  state.apply(1, { shard: 0, samples });
  await commit(state, store);
  state.useMaps([aMap({ window: { bucketMs: 2 * DAY_MS, buckets: 3 } })], 2);
  const buckets = state.ledger("e1")?.sums.get("life new")?.buckets;
  expect(Object.fromEntries([...(buckets ?? [])].map(([at, { sum }]) => [at, [...sum]]))).toEqual({
    10000: [2, 0, 0], // Of the two days in it, the newer counts.
    10001: [3, 0, 0],
  });
  state.apply(2, { shard: 0, samples: [aSample({ sequence: 9, tsMs: start, vector: [7, 0, 0] })] });
  expect([...(buckets?.get(10_000)?.sum ?? [])]).toEqual([7, 0, 0]);
});

function aState(): { state: ProfileState; store: ProfileStore } {
  const store = memoryProfileStore();
  const state = new ProfileState(store);
  state.useMaps([aMap()], 1);
  return { state, store };
}

async function commit(state: ProfileState, store: ProfileStore): Promise<void> {
  await store.commit(state.takeCommit());
  state.passivate();
}

function members(state: ProfileState, segment: string, encoder = state.encoder): number {
  const sums = state.ledger(encoder)?.sums.get(`life ${segment}`);
  return sums === undefined ? 0 : membersOf(sums);
}

function publishedBy(
  state: ProfileState,
  encoder: string,
  calibrations: Parameters<typeof profilesOf>[2]["calibrations"] = [],
) {
  const ledger = state.ledger(encoder);
  return ledger === undefined
    ? undefined
    : profilesOf(ledger, aMap(), { version: 1, dim: dimOf(ledger), calibrations });
}
