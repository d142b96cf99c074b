import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEntries, encodeEntry } from "../../src/events/log-codec.ts";
import type { Behaviour, ExposureFact, LogEntry } from "../../src/events/log-entry.ts";
import { metricsOf } from "../../src/experiments/experiment.ts";
import { ExperimentBook, type ExperimentChange, readNumbers } from "../../src/experiments/experiment-book.ts";
import type { ExperimentRecords } from "../../src/experiments/experiment-records.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import type { TallyChange } from "../../src/profiles/sample.ts";
import { decodeContext, encodeContext } from "../../src/shards/context-codec.ts";
import type { ShardState } from "../../src/shards/shard-state.ts";
import { anExperiment, CTR } from "../experiments/an-experiment.ts";
import { aHearing, useCatalogue } from "./a-catalogue.ts";
import { aShard, aView, fold, START_MS } from "./a-shard.ts";

const T = START_MS + 86_400_000;

const CLICKS = anExperiment({
  guardrails: [
    { name: "revenue", event: "purchase", measure: "value", goal: "increase", harmMax: 0.1 },
    { ...CTR, harmMax: 0.1 },
  ],
});

const RECORDS: ExperimentRecords = { version: 1, experiments: [{ experiment: CLICKS, startedMs: START_MS }] };
const STOPPED: ExperimentRecords = {
  version: 2,
  experiments: [{ experiment: CLICKS, startedMs: START_MS, stoppedMs: T + 5_000 }],
};

/** A shard in which the experiment runs. */
function aTestingShard(): { shard: ShardState; told: TallyChange[] } {
  const shard = aShard();
  useCatalogue(shard);
  const told = [...activate(shard, RECORDS)];
  return { shard, told };
}

function activate(shard: ShardState, records: ExperimentRecords): readonly TallyChange[] {
  shard.releases.experiments = (version) =>
    version === records.version ? { records, models: new Map() } : undefined;
  return fold(shard, { kind: "experiments-activated", version: records.version }).tallies;
}

function anExposure(user: string, given: Partial<ExposureFact> = {}, tsMs = T): Behaviour {
  const exposure: ExposureFact = {
    experiment: "home-hero",
    arm: 1,
    hashKey: user,
    bucket: 0.7,
    contents: ["a", "b"],
    propensity: 0.6,
    ...given,
  };
  return {
    kind: "behaviour",
    id: "exposure:home-hero",
    user,
    type: "exposure",
    tsMs,
    decision: "d0",
    exposure,
  };
}

/** The numbers that come of what shards have told. */
function numbersOf(told: readonly TallyChange[]) {
  const book = new ExperimentBook();
  for (const { tally, change } of told)
    if (tally === "experiments") expect(book.add(change as ExperimentChange)).toBe(true);
  const numbers = readNumbers(book.encode()).numbers.get("home-hero");
  if (numbers === undefined) throw new Error("nothing was told of the experiment");
  return numbers;
}

test("whoever is exposed is a unit of their arm, and what they do from then on is counted there", () => {
  const { shard, told } = aTestingShard();
  const entries: LogEntry[] = [
    aView({ user: "ada", tsMs: T - 2_000 }),
    aView({ user: "ada", tsMs: T - 1_000, type: "click" }),
    anExposure("ada"),
    anExposure("bob", { arm: 0 }),
    aHearing("impression", { user: "ada", decision: "d1", tsMs: T + 1_000 }),
    aHearing("click", { user: "ada", decision: "d1", tsMs: T + 2_000 }),
    aView({ user: "ada", tsMs: T + 3_000, type: "purchase", value: 12.5 }),
    aView({ user: "cyd", tsMs: T + 3_000, type: "click" }),
  ];
  for (const entry of entries) told.push(...fold(shard, entry).tallies);
  const [control, personal] = numbersOf(told).sums;
  const covariate = Math.round(Math.log(3) * 256) / 256;
  expect([...control!.subarray(0, 7)]).toEqual([1, 0, 0, 0, 0, 0, 1]);
  // Units, x, x^2; of each metric: units above 0, y, y^2, d, d^2, y d, x y, x d.
  expect([...personal!]).toEqual([
    ...[1, covariate, covariate ** 2],
    ...[1, 1, 1, 1, 1, 1, covariate, covariate],
    ...[1, 12.5, 156.25, 1, 1, 12.5, 12.5 * covariate, covariate],
    ...[1, 1, 1, 1, 1, 1, covariate, covariate],
  ]);
});

test("an exposure is no act: neither features nor what resonates changes, and it comes once", () => {
  const { shard } = aTestingShard();
  fold(shard, aView({ tsMs: T }));
  const before = shard.contexts.find("ada")!;
  const [slab, events, lastTsMs] = [[...before.slab], before.events, before.lastTsMs];
  expect(fold(shard, anExposure("ada", {}, T + 9_000)).tallies).toHaveLength(1);
  expect(fold(shard, anExposure("ada", { arm: 0 }, T + 9_500)).tallies).toHaveLength(0);
  const after = shard.contexts.find("ada")!;
  expect([[...after.slab], after.events, after.lastTsMs]).toEqual([slab, events, lastTsMs]);
  expect(after.exposures.get("home-hero")).toMatchObject({ arm: 1, hashKey: "ada", atMs: T + 9_000 });
});

test("an arm is kept through login", () => {
  const { shard } = aTestingShard();
  fold(shard, anExposure("ada", { hashKey: "cookie-7" }));
  fold(shard, aView({ type: "identify", segments: { life: "loyal" } }));
  expect(shard.contexts.find("ada")).toMatchObject({ authenticated: true });
  expect(shard.contexts.find("ada")?.exposures.get("home-hero")).toMatchObject({ hashKey: "cookie-7" });
});

test("a click that comes late, of a choice from before the exposure, is not counted", () => {
  const { shard, told } = aTestingShard();
  told.push(...fold(shard, anExposure("ada")).tallies);
  const late = aHearing("click", { user: "ada", decision: "d1", tsMs: T + 1_000 });
  told.push(...fold(shard, { ...late, feedback: { ...late.feedback!, chosenMs: T - 1 } }).tallies);
  expect(numbersOf(told).sums[1]![3]).toBe(0);
});

test("what has ended is not counted any more, and leaves the contexts", () => {
  const { shard, told } = aTestingShard();
  told.push(...fold(shard, anExposure("ada")).tallies, ...activate(shard, STOPPED));
  told.push(...fold(shard, aView({ user: "ada", type: "click", tsMs: T + 6_000 })).tallies);
  told.push(...fold(shard, anExposure("bob")).tallies);
  const { sums, record } = numbersOf(told);
  expect([sums[1]![0], sums[1]![3], record.stoppedMs]).toEqual([1, 0, T + 5_000]);
  expect(shard.contexts.find("ada")?.exposures.size).toBe(0);
});

test("an exposure in an experiment or an arm that is not known counts nobody", () => {
  const { shard } = aTestingShard();
  expect(fold(shard, anExposure("ada", { experiment: "hero" })).tallies).toEqual([]);
  expect(fold(shard, anExposure("ada", { arm: 2 })).tallies).toEqual([]);
});

test("what one entry tells is numbered in order, rates before experiments", () => {
  const { shard } = aTestingShard();
  fold(shard, anExposure("ada"));
  const { tallies } = fold(shard, aHearing("click", { user: "ada", decision: "d1", tsMs: T + 1 }));
  expect(tallies.map(({ tally }) => tally)).toEqual(["rates", "rates", "experiments"]);
  expect(tallies.map(({ index }) => index)).toEqual([0, 1, 2]);
});

test("exposures survive the log and the store", () => {
  const entry = anExposure("ada");
  expect(decodeEntries(encodeEntry(entry))).toEqual([entry]);
  const { shard } = aTestingShard();
  fold(shard, entry, aView({ user: "ada", type: "click", tsMs: T + 1 }));
  const context = shard.contexts.find("ada")!;
  const read = decodeContext("ada", encodeContext(context, new ByteWriter()));
  expect(read.exposures).toEqual(context.exposures);
  expect(encodeContext(read, new ByteWriter())).toEqual(encodeContext(context, new ByteWriter()));
});

test("the sums are those of all units' values, whatever happened in between", () => {
  const type = fc.constantFrom("click", "purchase", "impression", "view");
  const user = fc.constantFrom("ada", "bob", "cyd");
  const step = fc.oneof(
    fc.record({ user, arm: fc.constantFrom(0, 1) }),
    fc.record({ user, type, value: fc.integer({ min: 0, max: 99 }), atMs: fc.nat(5_000) }),
  );
  const holds = (
    steps: ({ user: string; arm: number } | { user: string; type: string; value: number; atMs: number })[],
  ) => {
    const { shard, told } = aTestingShard();
    for (const one of steps) {
      const entry =
        "arm" in one
          ? anExposure(one.user, { arm: one.arm })
          : aView({ user: one.user, type: one.type, value: one.value, tsMs: T + one.atMs });
      told.push(...fold(shard, entry).tallies);
    }
    const { sums } = numbersOf(told);
    for (const arm of [0, 1]) {
      const units = ["ada", "bob", "cyd"].flatMap((name) => {
        const exposure = shard.contexts.find(name)?.exposures.get("home-hero");
        return exposure?.arm === arm ? [exposure] : [];
      });
      expect(sums[arm]![0]).toBe(units.length);
      for (let metric = 0; metric < metricsOf(CLICKS).length; metric++) {
        const y = units.reduce((sum, { values }) => sum + values[metric * 2]!, 0);
        const yy = units.reduce((sum, { values }) => sum + values[metric * 2]! ** 2, 0);
        expect([...sums[arm]!.subarray(4 + metric * 8, 6 + metric * 8)]).toEqual([y, yy]);
      }
    }
  };
  fc.assert(fc.property(fc.array(step, { maxLength: 15 }), holds), { numRuns: 50 });
});

test("who refuses to be analysed is not counted, and not counted on", () => {
  const { shard, told } = aTestingShard();
  fold(shard, aView({ user: "ada", type: "consent", tsMs: T, consent: { analytics: false } }));
  told.push(...fold(shard, anExposure("ada")).tallies);
  told.push(...fold(shard, anExposure("bob")).tallies);
  const units = () => numbersOf(told).sums;
  const before = JSON.stringify(units());
  fold(shard, aView({ user: "bob", type: "consent", tsMs: T, consent: { analytics: false } }));
  const after = fold(shard, aView({ user: "bob", type: "purchase", value: 5, tsMs: T + 1_000 })).tallies;
  expect(after).toEqual([]);
  expect(shard.contexts.find("bob")?.exposures.size).toBe(0);
  expect(shard.contexts.find("ada")?.exposures.size).toBe(0);
  expect(JSON.stringify(units())).toBe(before);
});
