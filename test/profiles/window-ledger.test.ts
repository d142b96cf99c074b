import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { decodeMemberRecord, encodeMemberRecord } from "../../src/profiles/member-record.ts";
import { WindowLedger } from "../../src/profiles/window-ledger.ts";
import { membersOf, newSegmentSums } from "../../src/profiles/window-sum.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { aMap, aSample, DAY_MS, NOON_MS } from "./some-samples.ts";

const HOUR_MS = DAY_MS / 24;
/** Two windows over the same days, one of hours, and one of an odd length. */
const MAPS: readonly SegmentMap[] = [
  aMap({ name: "life", window: { bucketMs: DAY_MS, buckets: 4 } }),
  aMap({ name: "taste", window: { bucketMs: DAY_MS, buckets: 2 } }),
  aMap({ name: "mood", window: { bucketMs: HOUR_MS, buckets: 30 } }),
];
const OTHER_MAPS: readonly SegmentMap[] = [
  aMap({ name: "life", window: { bucketMs: 2 * DAY_MS, buckets: 2 } }),
  aMap({ name: "fresh", window: { bucketMs: HOUR_MS, buckets: 60 } }),
];

type Step =
  | Readonly<{
      kind: "sample";
      user: string;
      labels: Record<string, string>;
      tsMs: number;
      vector: readonly number[];
    }>
  | Readonly<{ kind: "relabel"; user: string; labels: Record<string, string> }>
  | Readonly<{ kind: "remove"; user: string }>
  | Readonly<{ kind: "advance"; tsMs: number }>
  | Readonly<{ kind: "passivate" }>;

const someUser = fc.constantFrom("ada", "bob", "cyd", "dan");
const someTs = fc.integer({ min: 0, max: 8 * 24 }).map((hours) => NOON_MS + hours * HOUR_MS);
const someLabels = fc.record(
  {
    life: fc.constantFrom("new", "loyal", "unheard-of"),
    taste: fc.constantFrom("new", "loyal"),
    mood: fc.constantFrom("new", "loyal"),
    fresh: fc.constantFrom("new", "loyal"),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const someVector = fc.array(fc.integer({ min: -2_000, max: 2_000 }), { minLength: 2, maxLength: 2 });
const someSample = fc.record({
  kind: fc.constant("sample" as const),
  user: someUser,
  labels: someLabels,
  tsMs: someTs,
  vector: someVector,
});
const someStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: someSample },
  fc.record({ kind: fc.constant("relabel" as const), user: someUser, labels: someLabels }),
  fc.record({ kind: fc.constant("remove" as const), user: someUser }),
  fc.record({ kind: fc.constant("advance" as const), tsMs: someTs }),
  fc.constant({ kind: "passivate" as const }),
);
const someSteps = fc.array(someStep, { maxLength: 40 });

test("after any steps the sums are those of the surviving contributions, bit for bit", () => {
  const holds = (steps: Step[]) => {
    const { ledger } = run(steps);
    expect(contentOf(ledger)).toEqual(expectedOf(steps, MAPS));
  };
  fc.assert(fc.property(someSteps, holds));
});

test("sums that are made anew from the stored members are those that were there", () => {
  const holds = (steps: Step[]) => {
    const { ledger, store } = run([...steps, { kind: "passivate" }]);
    const before = contentOf(ledger);
    ledger.rebuild(MAPS, membersIn(store));
    expect(contentOf(ledger)).toEqual(before);
  };
  fc.assert(fc.property(someSteps, holds));
});

test("under other maps, too, the sums are those of the surviving contributions", () => {
  const holds = (before: Step[], after: Step[]) => {
    const { ledger, store } = run([...before, { kind: "passivate" }]);
    ledger.rebuild(OTHER_MAPS, membersIn(store));
    for (const step of after) take(ledger, store, step);
    take(ledger, store, { kind: "passivate" });
    const now = contentOf(ledger);
    ledger.rebuild(OTHER_MAPS, membersIn(store));
    expect(contentOf(ledger)).toEqual(now);
    for (const key of Object.keys(now))
      expect(OTHER_MAPS.map((map) => map.name)).toContain(key.split(" ")[0]);
  };
  fc.assert(fc.property(someSteps, someSteps, holds));
});

test("sums that are built beside others are those that would have been, once every member was told of", () => {
  const beside = [...MAPS, { ...MAPS[0]!, name: "life@2" }];
  const withBoth = (step: Step): Step =>
    "labels" in step
      ? {
          ...step,
          labels: { ...step.labels, ...(step.labels["life"] ? { "life@2": step.labels["life"] } : {}) },
        }
      : step;
  const holds = (before: Step[], after: Step[]) => {
    const { ledger, store } = run([...before, { kind: "passivate" }]);
    ledger.changeMaps(beside, membersIn(store));
    for (const [user, { segments }] of [...membersIn(store)]) {
      const labels = Object.fromEntries([...segments].filter(([, segment]) => segment !== ""));
      take(ledger, store, withBoth({ kind: "relabel", user, labels }));
    }
    for (const step of after) take(ledger, store, withBoth(step));
    const of = (map: string) => {
      const keys = Object.entries(contentOf(ledger)).filter(([key]) => key.startsWith(`${map} `));
      return Object.fromEntries(keys.map(([key, sums]) => [key.slice(map.length), sums]));
    };
    const built = of("life@2");
    expect(built).toEqual(of("life"));
    ledger.changeMaps(beside.slice(1), membersIn(store)); // The switch: what went before goes.
    expect(of("life")).toEqual({});
    expect(of("life@2")).toEqual(built);
  };
  fc.assert(fc.property(someSteps, someSteps, holds));
});

test("the order of samples of different users or buckets does not change the sums", () => {
  const someRun = fc.uniqueArray(someSample, {
    selector: ({ user, tsMs }) => `${user} ${Math.floor(tsMs / HOUR_MS)} ${Math.floor(tsMs / DAY_MS)}`,
    maxLength: 12,
  });
  const holds = (samples: Step[], seeds: number[]) => {
    // One sample a user and day, since the later one of a day would count; one label a user.
    const distinct = [
      ...new Map(
        samples.map((step) => [step.kind === "sample" ? `${step.user} ${dayOf(step.tsMs)}` : "", step]),
      ),
    ].map(([, step]) => ({ ...step, labels: { life: "new", mood: "loyal" } }) as Step);
    const last: Step = { kind: "advance", tsMs: NOON_MS + 8 * DAY_MS };
    const shuffled = distinct
      .map((step, i) => ({ step, by: seeds[i] ?? 0 }))
      .sort((a, b) => a.by - b.by)
      .map(({ step }) => step);
    expect(contentOf(run([...shuffled, last]).ledger)).toEqual(contentOf(run([...distinct, last]).ledger));
  };
  fc.assert(fc.property(someRun, fc.array(fc.nat(), { minLength: 12, maxLength: 12 }), holds));
});

test("a label there and back changes nothing", () => {
  const holds = (steps: Step[], labels: Record<string, string>) => {
    const first: Step = {
      kind: "sample",
      user: "ada",
      labels: { life: "new" },
      tsMs: NOON_MS,
      vector: [7, 8],
    };
    const home: Step = { kind: "relabel", user: "ada", labels: { life: "new" } };
    const { ledger, store } = run([first, ...steps, home]);
    const before = contentOf(ledger);
    take(ledger, store, { kind: "relabel", user: "ada", labels });
    take(ledger, store, home);
    expect(contentOf(ledger)).toEqual(before);
  };
  fc.assert(fc.property(someSteps, someLabels, holds));
});

test("a run that takes a user out equals one that never saw them", () => {
  const holds = (steps: Step[]) => {
    // Whoever else comes first decides the window, so that only the user's own contributions are at stake.
    const end: Step = { kind: "advance", tsMs: NOON_MS + 8 * DAY_MS };
    const others = steps.filter((step) => !("user" in step) || step.user !== "ada");
    const without = run([...[end], ...others]);
    const taken = run([...[end], ...steps, { kind: "remove", user: "ada" }]);
    expect(contentOf(taken.ledger)).toEqual(contentOf(without.ledger));
    take(taken.ledger, taken.store, { kind: "passivate" });
    expect(taken.store.has("ada")).toBe(false);
  };
  fc.assert(fc.property(someSteps, holds));
});

test("a later sample of the same bucket replaces the earlier one", () => {
  const { ledger } = run([
    { kind: "sample", user: "ada", labels: { life: "new" }, tsMs: NOON_MS, vector: [5, -6] },
    { kind: "sample", user: "ada", labels: { life: "new" }, tsMs: NOON_MS + 1, vector: [7, 8] },
  ]);
  const sums = ledger.sums.get("life new") ?? newSegmentSums();
  expect([...sums.buckets.values()]).toEqual([{ sum: Float64Array.of(7, 8), count: 1 }]);
  expect(membersOf(sums)).toBe(1);
});

test("a member of several buckets is one member, until the newest of them expires", () => {
  const days = [0, 1, 2].map(
    (day): Step => ({
      kind: "sample",
      user: "ada",
      labels: { life: "new" },
      tsMs: NOON_MS + day * DAY_MS,
      vector: [1, 1],
    }),
  );
  const { ledger, store } = run(days);
  const members = () => membersOf(ledger.sums.get("life new") ?? newSegmentSums());
  expect(members()).toBe(1);
  take(ledger, store, { kind: "advance", tsMs: NOON_MS + 5 * DAY_MS });
  expect(members()).toBe(1);
  take(ledger, store, { kind: "advance", tsMs: NOON_MS + 6 * DAY_MS });
  expect(members()).toBe(0);
});

test("a sample that no window holds any more is left out, yet its labels count", () => {
  const { ledger } = run([
    { kind: "sample", user: "ada", labels: { life: "new" }, tsMs: NOON_MS + 8 * DAY_MS, vector: [1, 1] },
  ]);
  expect(ledger.apply(aSample({ user: "bob", tsMs: NOON_MS, vector: [1, 1] }))).toBe(false);
  expect(
    ledger.apply(aSample({ user: "ada", tsMs: NOON_MS, labels: { life: "loyal" }, vector: [1, 1] })),
  ).toBe(false);
  expect(membersOf(ledger.sums.get("life loyal") ?? newSegmentSums())).toBe(1);
  expect(membersOf(ledger.sums.get("life new") ?? newSegmentSums())).toBe(0);
});

test("a vector that is cut, of another length, or longer than 1 is left out and moves no window", () => {
  const { ledger } = run([
    { kind: "sample", user: "ada", labels: { life: "new" }, tsMs: NOON_MS, vector: [4_096, 0] },
  ]);
  const before = contentOf(ledger);
  const later = NOON_MS + 30 * DAY_MS;
  for (const vector of [[1, 2, 3], [4_096, 1], []]) {
    expect(ledger.apply(aSample({ user: "bob", tsMs: later, vector }))).toBe(false);
  }
  expect(ledger.apply({ ...aSample({ tsMs: later }), vector: Uint8Array.of(1, 2, 3) })).toBe(false);
  expect(contentOf(ledger)).toEqual(before);
  expect(ledger.watermarkMs).toBe(NOON_MS);
});

type Stored = Map<string, Uint8Array>;
const writer = new ByteWriter();

function run(steps: readonly Step[]): { ledger: WindowLedger; store: Stored } {
  const store: Stored = new Map();
  const load = (user: string) => {
    const bytes = store.get(user);
    return bytes === undefined ? undefined : decodeMemberRecord(bytes);
  };
  const ledger = new WindowLedger("e1", load, { maps: MAPS, watermarkMs: 0 });
  for (const step of steps) take(ledger, store, step);
  return { ledger, store };
}

function take(ledger: WindowLedger, store: Stored, step: Step): void {
  switch (step.kind) {
    case "sample":
      ledger.apply(aSample(step));
      break;
    case "relabel":
      ledger.relabel(step.user, step.labels);
      break;
    case "remove":
      ledger.remove(step.user);
      break;
    case "advance":
      ledger.advance(step.tsMs);
      break;
    case "passivate":
      for (const user of ledger.takeChanges().members) {
        const record = ledger.member(user);
        if (record === undefined) store.delete(user);
        else store.set(user, encodeMemberRecord(record, writer));
      }
      ledger.passivate();
      break;
  }
}

function membersIn(store: Stored) {
  return [...store].map(([user, bytes]) => [user, decodeMemberRecord(bytes)] as const);
}

/** All sums that are not empty, as plain data. */
function contentOf(ledger: WindowLedger): Record<string, unknown> {
  const content: Record<string, unknown> = {};
  for (const [key, { buckets, newest }] of ledger.sums) {
    if (buckets.size === 0 && newest.size === 0) continue;
    content[key] = {
      buckets: Object.fromEntries([...buckets].map(([at, { sum, count }]) => [at, { sum: [...sum], count }])),
      newest: Object.fromEntries(newest),
    };
  }
  return content;
}

/** The same by plain counting: what the contributions that were not replaced, removed or too late add up to. */
function expectedOf(steps: readonly Step[], maps: readonly SegmentMap[]): Record<string, unknown> {
  let watermarkMs = 0;
  const users = new Map<string, { labels: Record<string, string>; placed: Map<string, readonly number[]> }>();
  const isHeld = (map: SegmentMap, bucket: number): boolean =>
    bucket > Math.floor(watermarkMs / map.window.bucketMs) - map.window.buckets;
  for (const step of steps) {
    if (step.kind === "remove") users.delete(step.user);
    if (step.kind === "advance") watermarkMs = Math.max(watermarkMs, step.tsMs);
    if (step.kind === "relabel") {
      const user = users.get(step.user);
      if (user !== undefined) user.labels = step.labels;
    }
    if (step.kind !== "sample") continue;
    watermarkMs = Math.max(watermarkMs, step.tsMs);
    const user = users.get(step.user) ?? { labels: {}, placed: new Map() };
    users.set(step.user, user);
    user.labels = step.labels;
    for (const map of maps) {
      const bucket = Math.floor(step.tsMs / map.window.bucketMs);
      if (isHeld(map, bucket)) user.placed.set(`${map.name} ${bucket}`, step.vector);
    }
  }
  const expected: Record<
    string,
    { buckets: Record<string, { sum: number[]; count: number }>; newest: Record<string, number> }
  > = {};
  for (const { labels, placed } of users.values()) {
    for (const map of maps) {
      const held = [...placed]
        .filter(([key]) => key.startsWith(`${map.name} `))
        .map(([key, vector]) => ({ bucket: Number(key.split(" ")[1]), vector }))
        .filter(({ bucket }) => isHeld(map, bucket));
      if (held.length === 0) continue;
      const key = `${map.name} ${labels[map.name] ?? ""}`;
      expected[key] ??= { buckets: {}, newest: {} };
      const { buckets, newest } = expected[key];
      for (const { bucket, vector } of held) {
        buckets[bucket] ??= { sum: [0, 0], count: 0 };
        const at = buckets[bucket];
        at.count++;
        at.sum = at.sum.map((value, i) => value + (vector[i] ?? 0));
      }
      const last = Math.max(...held.map(({ bucket }) => bucket));
      newest[last] = (newest[last] ?? 0) + 1;
    }
  }
  return expected;
}

function dayOf(tsMs: number): number {
  return Math.floor(tsMs / DAY_MS);
}
