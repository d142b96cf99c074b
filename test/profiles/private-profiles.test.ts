import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeProfileControl } from "../../src/events/profile-control.ts";
import { SQUARED_SENSITIVITY_UNITS } from "../../src/privacy/contribution.ts";
import { noisePlan } from "../../src/privacy/noise-plan.ts";
import { encodeProfiles } from "../../src/profiles/profiles-codec.ts";
import { aPrivateMap, HARDLY_PRIVATE, PrivateWorld } from "./private-world.ts";
import { aPrivacy, DAY_MS, NOON_MS } from "./some-samples.ts";

/** Three days that are over before the first sample: they are released, too. */
const BEFORE = [-3, -2, -1];

test("nothing of a bucket is published before its noise is in the log", () => {
  const world = new PrivateWorld();
  crowd(world, 100, 0);
  world.noon(1);
  expect(world.published().profiles.map(({ members }) => members)).toEqual([0, 0]);
  world.noise();
  expect(world.published().profiles[0]?.members).toBeGreaterThan(0);
});

test("every segment of the public list is noised in every bucket, also where nobody is, and the background", () => {
  const world = new PrivateWorld(aPrivateMap({ privacy: aPrivacy({ versions: 1 }) }));
  world.sample("ada", 0);
  const noised = world.noise();
  const shapes = noised.map(({ segments }) => segments.map(([segment, values]) => [segment, values.length]));
  const all = [
    ["", 1],
    ["loyal", 3],
    ["new", 3],
  ];
  expect(shapes).toEqual(BEFORE.map(() => all));
  for (const { segments } of noised)
    for (const [, values] of segments) expect(values.some((value) => value !== 0)).toBe(true);
});

test("a day on which nobody came is released like any other", () => {
  const world = new PrivateWorld();
  world.sample("ada", 0);
  world.noon(4);
  world.noise();
  expect(world.days()).toEqual([1, 2, 3]);
});

test("what is published is the mean of the noisy sums, with noisy counts", () => {
  const world = new PrivateWorld();
  crowd(world, 400, 0, { vector: [2_048, -1_024] });
  world.noon(1);
  world.noise();
  const { profiles, background, watermarkMs, privacy } = world.published();
  const [profile] = profiles;
  expect(profile?.centroid[0]).toBeCloseTo(0.5, 1);
  expect(profile?.centroid[1]).toBeCloseTo(-0.25, 1);
  expect(profile?.centroid[0]).not.toBe(0.5);
  expect(Math.abs((profile?.members ?? 0) - 400 / 3)).toBeLessThan(5); // Each came on one day of three.
  expect(background).toBeLessThan(10);
  expect(watermarkMs).toBe(NOON_MS + DAY_MS / 2);
  expect(privacy).toMatchObject({ epsilon: 100, contributions: 3, buckets: 3, refused: 0 });
});

test("a replay of the log has the same noise to the last bit, and so has a start from the store", async () => {
  const world = new PrivateWorld(aPrivateMap(), 5);
  for (let day = 0; day < 6; day++) {
    crowd(world, 60, day);
    world.noon(day);
    world.noise();
    await world.commit();
  }
  const bytes = encodeProfiles(world.published());
  const replayed = new PrivateWorld(aPrivateMap(), 99);
  for (const [at, message] of world.log.entries()) replayed.fold(message, at + 1);
  expect(encodeProfiles(replayed.published())).toEqual(bytes);
  world.restart();
  expect(encodeProfiles(world.published())).toEqual(bytes);
  expect(world.noise()).toEqual([]); // Nothing is drawn twice.
});

test("of two owners' noise the first stays", () => {
  const world = new PrivateWorld();
  crowd(world, 60, 0);
  world.noon(1);
  const [first] = world.noise();
  const bytes = encodeProfiles(world.published());
  const other = first!.segments.map(
    ([segment, values]) => [segment, values.map((value) => value + 7)] as const,
  );
  world.take(encodeProfileControl({ ...first!, segments: other }));
  expect(encodeProfiles(world.published())).toEqual(bytes);
});

test("noise of another length, of an open bucket or of an unknown segment is passed over", () => {
  const world = new PrivateWorld();
  world.sample("ada", 0);
  const control = { control: "noised", encoder: "e1", key: "life", bucket: 19_999 } as const;
  world.take(encodeProfileControl({ ...control, segments: [["new", [1, 2]]] }));
  world.take(encodeProfileControl({ ...control, bucket: 20_000, segments: [["new", [1, 2, 3]]] }));
  world.take(encodeProfileControl({ ...control, key: "taste", segments: [["new", [1, 2, 3]]] }));
  world.take(encodeProfileControl({ ...control, segments: [["unheard-of", [1, 2, 3]]] }));
  expect(world.state.due().map(({ held }) => held.exact.size)).toEqual([3, 3, 3]);
});

test("what comes for a closed bucket is dropped, and who changes segment or leaves stays in it", () => {
  const world = new PrivateWorld();
  for (const user of ["ada", "bob"]) world.sample(user, 0);
  world.noon(1);
  world.sample("late", 0);
  world.sample("ada", 1, { labels: { life: "loyal" } });
  world.remove("bob");
  world.noon(2);
  expect(world.exact("new").slice(-2)).toEqual([
    [0, 2],
    [1, 0],
  ]);
  expect(world.exact("loyal").slice(-2)).toEqual([
    [0, 0],
    [1, 1],
  ]);
});

test("while its bucket is open a member who leaves, or changes segment, does so altogether", () => {
  const world = new PrivateWorld();
  for (const user of ["ada", "bob", "cyd"]) world.sample(user, 0);
  world.remove("bob");
  world.sample("cyd", 0, { labels: { life: "loyal" } });
  world.noon(1);
  expect(world.exact("new").at(-1)).toEqual([0, 1]);
  expect(world.exact("loyal").at(-1)).toEqual([0, 1]);
});

test("a bucket takes late samples for as long as its grace", () => {
  const privacy = aPrivacy({ ...HARDLY_PRIVATE, graceMs: DAY_MS });
  const world = new PrivateWorld(aPrivateMap({ privacy }));
  world.sample("ada", 0);
  world.noon(1);
  world.sample("late", 0);
  world.noon(2);
  world.sample("too-late", 0);
  expect(world.exact("new").at(-1)).toEqual([0, 2]);
});

test("closed by the clock, a bucket does not end because somebody's events are of the future", () => {
  const world = new PrivateWorld();
  world.sample("ada", 0);
  world.sample("liar", 9);
  world.sample("bob", 0);
  world.noon(1);
  expect(world.exact("new").at(-1)).toEqual([0, 2]);
  // By events it does, for replays of what is long over.
  const replay = new PrivateWorld(
    aPrivateMap({ privacy: aPrivacy({ ...HARDLY_PRIVATE, closedBy: "events" }) }),
  );
  replay.sample("ada", 0);
  replay.sample("bob", 1);
  replay.sample("late", 0);
  expect(replay.exact("new").at(-1)).toEqual([0, 1]);
});

test("a user contributes to no more buckets of a window than the cap, in whatever order the samples come", () => {
  const someStep = fc.record({
    user: fc.constantFrom("ada", "bob"),
    day: fc.nat({ max: 3 }),
    moves: fc.boolean(),
  });
  const holds = (contributions: number, steps: { user: string; day: number; moves: boolean }[]): void => {
    const window = { bucketMs: DAY_MS, buckets: 4 };
    const world = new PrivateWorld(
      aPrivateMap({ window, privacy: aPrivacy({ ...HARDLY_PRIVATE, contributions }) }),
    );
    world.sample("cyd", 0);
    for (const { user, day, moves } of steps)
      world.sample(user, day, { labels: { life: moves ? "loyal" : "new" } });
    world.noon(4);
    const all = [...world.exact("new"), ...world.exact("loyal")].filter(([day]) => day >= 0);
    const total = all.reduce((sum, [, count]) => sum + count, 0) - 1;
    const days = Map.groupBy(steps, ({ user }) => user).values();
    const expected = [...days].map((own) => Math.min(contributions, new Set(own.map(({ day }) => day)).size));
    expect(total).toBe(expected.reduce((sum, count) => sum + count, 0));
  };
  const someSteps = fc.array(someStep, { maxLength: 30 });
  fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), someSteps, holds), { numRuns: 300 });
});

test("whoever takes consent back and comes again contributes to no more buckets of a window than the cap, either", async () => {
  const someDay = fc.array(fc.constantFrom("act", "act", "withdraw", "restart"), { maxLength: 4 });
  const holds = async (days: string[][], contributions: number): Promise<void> => {
    const window = { bucketMs: DAY_MS, buckets: 4 };
    const privacy = aPrivacy({ ...HARDLY_PRIVATE, contributions });
    const world = new PrivateWorld(aPrivateMap({ window, privacy }));
    world.sample("cyd", 0, { labels: { life: "loyal" } }); // The vectors have a length from here on.
    const counted: number[] = [];
    for (const [day, acts] of days.entries()) {
      for (const act of acts) {
        if (act === "act") world.sample("ada", day);
        else if (act === "withdraw") world.remove("ada");
        else {
          world.state.sweep(10);
          await world.commit();
          world.restart();
        }
      }
      world.noon(day + 1);
      const isThere = acts.filter((act) => act !== "restart").at(-1) === "act";
      const near = counted.filter((other) => other > day - window.buckets).length;
      const expected = isThere && near < contributions ? 1 : 0;
      if (expected > 0) counted.push(day);
      expect(world.exact("new").at(-1)).toEqual([day, expected]);
    }
  };
  const someDays = fc.array(someDay, { maxLength: 12 });
  await fc.assert(fc.asyncProperty(someDays, fc.integer({ min: 1, max: 4 }), holds), { numRuns: 300 });
});

test("what is remembered for the cap is in no sum, goes with its buckets, and with an erasure at once", async () => {
  const capped = () =>
    new PrivateWorld(aPrivateMap({ privacy: aPrivacy({ ...HARDLY_PRIVATE, contributions: 1 }) }));
  const rows = (world: PrivateWorld) => world.store.membersAfter("e1", undefined, 10).map(([user]) => user);
  const openSums = (world: PrivateWorld) =>
    [...world.state.ledger("e1")!.sums].map(([key, { buckets }]) => [key, [...buckets]]).sort();
  const seen = capped();
  const never = capped();
  for (const world of [seen, never]) {
    world.sample("cyd", 0);
    if (world === seen) world.sample("ada", 0, { vector: [7, 9] });
    world.noon(1);
    if (world === seen) world.sample("ada", 1, { vector: [-70, 90] });
    world.sample("bob", 1, { vector: [1, 2] });
    if (world === seen) world.remove("ada");
    await world.commit();
  }
  expect(openSums(seen)).toEqual(openSums(never));
  expect(rows(seen)).toEqual(["ada", "bob", "cyd"]);
  expect(rows(never)).toEqual(["bob", "cyd"]);
  seen.restart();
  seen.erase("ada");
  await seen.commit();
  expect(rows(seen)).toEqual(["bob", "cyd"]);

  const later = capped();
  later.sample("ada", 0);
  later.noon(1);
  later.remove("ada");
  await later.commit();
  expect(rows(later)).toEqual(["ada"]);
  later.noon(5); // The day is in no window with an open one.
  later.state.sweep(10);
  await later.commit();
  expect(rows(later)).toEqual([]);
});

type Step = Readonly<{
  kind: "sample" | "remove" | "noon" | "restart";
  user: string;
  day: number;
  vector: number[];
  segment: string;
}>;

test("what one user does moves the sums of each bucket by no more than the sensitivity, whatever else happens", async () => {
  const someStep: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom("sample", "sample", "sample", "sample", "remove", "noon", "restart"),
    user: fc.constantFrom("ada", "bob", "target"),
    day: fc.nat({ max: 5 }),
    vector: fc.array(fc.integer({ min: -2_800, max: 2_800 }), { minLength: 2, maxLength: 2 }),
    segment: fc.constantFrom("new", "loyal", "unheard-of"),
  });
  const exactOf = async (steps: readonly Step[], contributions: number) => {
    const world = new PrivateWorld(aPrivateMap({ privacy: aPrivacy({ ...HARDLY_PRIVATE, contributions }) }));
    world.sample("cyd", 0);
    for (const { kind, user, day, vector, segment } of steps) {
      if (kind === "remove") world.remove(user);
      else if (kind === "noon") world.noon(day);
      else if (kind === "sample") world.sample(user, day, { vector, labels: { life: segment } });
      else {
        await world.commit();
        world.restart();
      }
    }
    world.noon(6);
    const sums = new Map<string, number[]>();
    for (const { bucket, held } of world.state.due())
      for (const [segment, { sum, count }] of held.exact)
        sums.set(`${bucket} ${segment}`, segment === "" ? [2_048 * count] : [...sum, 2_048 * count]);
    return sums;
  };
  const holds = async (steps: Step[], contributions: number): Promise<void> => {
    const all = await exactOf(steps, contributions);
    const others = steps.filter(
      ({ kind, user }) => user !== "target" || kind === "noon" || kind === "restart",
    );
    const without = await exactOf(others, contributions);
    expect([...all.keys()]).toEqual([...without.keys()]);
    const moved = new Map<string, number>();
    for (const [name, values] of all) {
      const bucket = name.split(" ")[0]!;
      const other = without.get(name)!;
      const squared = values.reduce((sum, value, i) => sum + (value - other[i]!) ** 2, 0);
      moved.set(bucket, (moved.get(bucket) ?? 0) + squared);
    }
    for (const squared of moved.values()) expect(squared).toBeLessThanOrEqual(SQUARED_SENSITIVITY_UNITS);
  };
  const someSteps = fc.array(someStep, { maxLength: 25 });
  await fc.assert(fc.asyncProperty(someSteps, fc.integer({ min: 1, max: 3 }), holds), { numRuns: 500 });
});

test("segments of which not enough members are proven are not shown", () => {
  const privacy = aPrivacy({ ...HARDLY_PRIVATE, minMembers: 20 });
  const world = new PrivateWorld(aPrivateMap({ privacy }));
  const { sigma } = noisePlan(privacy, { bucketMs: DAY_MS, buckets: 3 });
  const limit = Math.ceil(60 + (2.326 * sigma * Math.sqrt(3)) / 0.5);
  crowd(world, limit + 20, 0);
  for (let user = 0; user < 40; user++) world.sample(`few-${user}`, 0, { labels: { life: "loyal" } });
  world.noon(1);
  world.noise();
  expect(world.published().profiles.map(({ members }) => members > 0)).toEqual([true, false]);
  expect([...(world.published().profiles[1]?.centroid ?? [])]).toEqual([0, 0]);
});

test("with room for one version, a second encoder alive is refused, and what was published stays", () => {
  const world = new PrivateWorld();
  for (let day = 0; day < 3; day++) crowd(world, 100, day);
  world.noon(3);
  world.noise();
  const before = world.published().profiles;
  world.state.prepare("e2", { from: 0, count: 1 });
  for (let day = 0; day < 3; day++) crowd(world, 100, day, { encoder: "e2" });
  expect(refused(world)).toBe(0);
  world.prepared("e2");
  expect(world.noise()).toEqual([]);
  expect(refused(world)).toBe(3);
  expect(world.published().profiles).toEqual(before);
  expect(world.published("e2").profiles.map(({ members }) => members)).toEqual([0, 0]);
  // A day is paid once, by whichever encoder comes first: the one in force.
  world.noon(4);
  world.noise();
  expect(world.days()).toEqual([1, 2, 3]);
  expect(world.days("e2")).toEqual([]);
  expect(refused(world)).toBe(4);
});

test("with room for two versions the candidate has profiles of its own, and both are paid", () => {
  const world = new PrivateWorld(aPrivateMap({ privacy: aPrivacy({ ...HARDLY_PRIVATE, versions: 2 }) }));
  for (let day = 0; day < 3; day++) crowd(world, 100, day);
  world.noon(3);
  world.noise();
  expect(world.published().privacy?.window.share).toBeCloseTo(0.5, 2);
  world.state.prepare("e2", { from: 0, count: 1 });
  crowd(world, 100, 2, { encoder: "e2" });
  const isAwaited = () => world.state.awaitsNoise("e2", world.state.inForce);
  expect(isAwaited()).toBe(false); // Not before all shards have told.
  world.prepared("e2");
  expect(isAwaited()).toBe(true); // The switch waits for it.
  world.noise();
  expect(isAwaited()).toBe(false);
  expect(world.days("e2")).toEqual([0, 1, 2]);
  expect(world.published("e2").profiles[0]?.members).toBeGreaterThan(0);
  expect(world.published().privacy?.window.share).toBeCloseTo(1, 2);
  expect(world.published().privacy?.window.epsilon).toBeGreaterThan(99);
  world.state.promote();
  world.noon(4);
  expect(world.noise().map(({ encoder }) => encoder)).toEqual(["e2"]); // The one before is released no more.
});

test("an encoder that is dropped and comes again is charged again", () => {
  const world = new PrivateWorld(
    aPrivateMap({ privacy: aPrivacy({ ...HARDLY_PRIVATE, contributions: 1, versions: 3 }) }),
  );
  world.sample("ada", 0);
  for (let time = 0; time < 3; time++) {
    world.state.prepare("e2", { from: 0, count: 1 });
    world.sample("ada", 0, { encoder: "e2" });
    world.prepared("e2");
    world.noise();
    world.state.discard("e2");
  }
  expect(refused(world)).toBe(3); // Two lives and the encoder in force are what there is room for.
});

test("a refused bucket leaves the window where it was: what was published last is published still", () => {
  const world = new PrivateWorld();
  for (let day = 0; day < 3; day++) crowd(world, 100, day);
  world.noon(3);
  world.noise();
  const before = world.published().profiles;
  // Another definition of the map spends the days to come.
  const { privates, maps } = world.state;
  const { rho, budget } = privates.planOf(maps[0] as Parameters<typeof privates.planOf>[0]);
  for (const day of [3, 4]) {
    const fromMs = NOON_MS - DAY_MS / 2 + day * DAY_MS;
    privates.budget("life")?.charge({ of: "other", fromMs, bucketMs: DAY_MS, rho, contributions: 3 }, budget);
  }
  expect(privates.takeNews("e1", "life")).toBe(true);
  world.noon(5);
  expect(world.noise()).toEqual([]);
  expect(refused(world)).toBe(2);
  expect(world.published().profiles).toEqual(before);
  expect(privates.takeNews("e1", "life")).toBe(false); // Nothing new, so nothing is published.
  world.noon(6);
  world.noise();
  expect(world.days()).toEqual([5]);
});

test("a store that was written before has what was there: budget, noise, time, and what waits for it", async () => {
  const world = new PrivateWorld();
  crowd(world, 50, 0);
  world.noon(1);
  await world.commit();
  world.restart();
  expect(world.exact("new").at(-1)).toEqual([0, 50]);
  expect(world.state.due()).toHaveLength(BEFORE.length + 1);
  world.noise();
  await world.commit();
  const published = world.published();
  world.restart();
  expect(world.published()).toEqual(published);
  expect(world.state.due()).toEqual([]);
  world.sample("late", 0);
  world.sample("ada", 1);
  world.noon(2);
  expect(world.exact("new").at(-1)).toEqual([1, 1]);
  expect(world.published().privacy?.lifetime.releases).toBe(BEFORE.length + 2);
});

function crowd(
  world: PrivateWorld,
  users: number,
  day: number,
  given: Parameters<PrivateWorld["sample"]>[2] = {},
): void {
  for (let user = 0; user < users; user++) world.sample(`user-${user}`, day, given);
}

function refused(world: PrivateWorld): number {
  return world.state.privates.budget("life")?.refused ?? 0;
}
