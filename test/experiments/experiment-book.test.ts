import fc from "fast-check";
import { expect, test } from "vitest";
import { ExperimentBook, type ExperimentChange, readNumbers } from "../../src/experiments/experiment-book.ts";
import type { ExperimentRecords } from "../../src/experiments/experiment-records.ts";
import { anExperiment } from "./an-experiment.ts";

const RECORDS: ExperimentRecords = {
  version: 3,
  experiments: [{ experiment: anExperiment(), startedMs: 1_000 }],
};

function moved(arm: number, atMs: number, ...moves: number[]): ExperimentChange {
  return { kind: "moved", experiment: "home-hero", arm, atMs, moves };
}

/** Units of an arm: so many, of which some converted. */
function met(arm: number, units: number, converted: number, atMs: number): ExperimentChange {
  return moved(
    arm,
    atMs,
    0,
    units,
    3,
    converted,
    4,
    converted,
    5,
    converted,
    6,
    units,
    7,
    units,
    8,
    converted,
  );
}

function bookOf(...changes: readonly ExperimentChange[]): ExperimentBook {
  const book = new ExperimentBook();
  book.add({ kind: "defined", records: RECORDS });
  for (const change of changes) book.add(change);
  return book;
}

test("changes are added to the arm that they name", () => {
  const { version, numbers } = readNumbers(
    bookOf(met(0, 5, 1, 2_000), met(1, 7, 2, 2_000), moved(1, 2_500, 0, 1)).encode(),
  );
  expect(version).toBe(3);
  expect(numbers.get("home-hero")?.sums.map((sums) => sums[0])).toEqual([5, 8]);
});

test("a change that can't be read, or of an experiment that is not known, changes nothing", () => {
  const book = bookOf();
  const before = book.encode();
  for (const change of [
    { ...moved(0, 1, 0, 1), experiment: "hero" } as ExperimentChange,
    moved(2, 1, 0, 1),
    moved(0, 1, 0),
    moved(0, 1, 99, 1),
    moved(0, 1, 0, Number.NaN),
    { kind: "of-tomorrow" } as unknown as ExperimentChange,
  ])
    expect(book.add(change), JSON.stringify(change)).toBe(false);
  expect(book.encode()).toEqual(before);
});

test("definitions are taken once, newer ones end experiments and let those go that are not named any more", () => {
  const book = bookOf(met(0, 5, 1, 2_000));
  book.add({ kind: "defined", records: RECORDS }); // Every shard tells.
  const ended = { version: 4, experiments: [{ ...RECORDS.experiments[0]!, stoppedMs: 9_000 }] };
  book.add({ kind: "defined", records: ended });
  book.add({ kind: "defined", records: RECORDS }); // Late.
  const held = readNumbers(book.encode()).numbers.get("home-hero");
  expect(held).toMatchObject({ record: { stoppedMs: 9_000 } });
  expect(held?.sums[0]?.[0]).toBe(5);
  book.takeChanges();
  book.add({ kind: "defined", records: { version: 5, experiments: [] } });
  expect(book.takeChanges()).toEqual([["home-hero", undefined]]);
  expect(readNumbers(book.encode()).numbers.size).toBe(0);
});

test("it looks now and then, by the logs' time, at what there is by then", () => {
  const looks = (...atMs: number[]) => {
    const changes = atMs.flatMap((at) => [met(0, 300, 30, at), met(1, 300, 40, at)]);
    return readNumbers(bookOf(...changes).encode()).numbers.get("home-hero")?.watch.looks;
  };
  expect(looks(2_000, 2_400, 2_800)).toBe(0); // The first look found one arm alone.
  expect(looks(2_000, 3_000)).toBe(1);
  expect(looks(2_000, 3_000, 3_900, 4_000)).toBe(2);
});

test("put back from its rows at any moment, a book comes to the same bytes", () => {
  const change = fc.record({
    arm: fc.constantFrom(0, 1),
    units: fc.integer({ min: 1, max: 400 }),
    at: fc.nat(9_000),
  });
  const holds = (given: { arm: number; units: number; at: number }[], cut: number): void => {
    const changes = given.map(({ arm, units, at }) => met(arm, units, units >> 3, at));
    const whole = bookOf(...changes);
    const before = bookOf(...changes.slice(0, cut));
    const after = new ExperimentBook();
    for (const [name, bytes] of before.takeChanges()) if (bytes !== undefined) after.restore(name, bytes);
    for (const one of changes.slice(cut)) after.add(one);
    expect(after.encode()).toEqual(whole.encode());
  };
  fc.assert(fc.property(fc.array(change, { maxLength: 12 }), fc.nat(12), holds));
});
