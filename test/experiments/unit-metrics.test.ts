import fc from "fast-check";
import { expect, test } from "vitest";
import { emptySums, mergeSums, momentsOf, unitsOf } from "../../src/experiments/arm-sums.ts";
import type { Metric } from "../../src/experiments/experiment.ts";
import { countedExperiment, expose, follow, type UnitEvent } from "../../src/experiments/unit-metrics.ts";
import { anExperiment, CTR } from "./an-experiment.ts";

const CONVERTED: Metric = { name: "buys", event: "purchase", measure: "converted", goal: "increase" };
const REVENUE: Metric = { name: "revenue", event: "purchase", measure: "value", capAt: 50, goal: "increase" };
const EXPERIMENT = anExperiment({
  primary: CONVERTED,
  guardrails: [
    { ...REVENUE, harmMax: 0.1 },
    { ...CTR, harmMax: 0.1 },
  ],
});
const AT_MS = 1_000_000;

/** A unit's values, and the sums of its arm, after these events. */
function after(...events: readonly UnitEvent[]) {
  const counted = countedExperiment(EXPERIMENT);
  const sums = emptySums(3);
  const exposure = expose(counted, { arm: 1, hashKey: "ada", atMs: AT_MS, covariate: 2 });
  mergeSums(sums, counted.scratch);
  for (const event of events) if (follow(counted, exposure, event)) mergeSums(sums, counted.scratch);
  return { values: [...exposure.values], sums };
}

function anEvent(given: Partial<UnitEvent> = {}): UnitEvent {
  return { type: "purchase", atMs: AT_MS + 1, value: 20, ...given };
}

test("a unit that did nothing counts as a unit, with nothing", () => {
  const { values, sums } = after();
  expect(values).toEqual([0, 1, 0, 1, 0, 0]);
  expect(unitsOf(sums)).toBe(1);
  expect(momentsOf(sums, 0)).toMatchObject({ x: 2, xx: 4, y: 0, d: 1, xd: 2, nonzero: 0 });
});

test("conversions count once, values are added up to the cap", () => {
  const { values } = after(anEvent(), anEvent(), anEvent());
  expect(values).toEqual([1, 1, 50, 1, 0, 0]);
});

test("a ratio counts both kinds of events, and of those at the placement only where it says so", () => {
  const placement = "home";
  const { values } = after(
    anEvent({ type: "impression", placement }),
    anEvent({ type: "impression", placement }),
    anEvent({ type: "impression", placement: "sidebar" }),
    anEvent({ type: "click" }),
    anEvent({ type: "click", placement }),
  );
  expect(values.slice(4)).toEqual([1, 2]);
});

test("what happened before the exposure, or is no event of a metric, changes nothing", () => {
  const quiet = after();
  expect(after(anEvent({ atMs: AT_MS - 1 }), anEvent({ type: "view" }))).toEqual(quiet);
});

test("the sums are those of the unit's last values, whatever led to them", () => {
  const type = fc.constantFrom("purchase", "click", "impression", "view");
  const event = fc.record({
    type,
    atMs: fc.integer({ min: AT_MS - 5, max: AT_MS + 5 }),
    value: fc.double({ min: -5, max: 30, noNaN: true }),
    placement: fc.constantFrom("home", "sidebar"),
  });
  const holds = (events: UnitEvent[]): void => {
    const { values, sums } = after(...events);
    for (const metric of [0, 1, 2]) {
      const [y = 0, d = 0] = values.slice(metric * 2);
      expect(momentsOf(sums, metric)).toMatchObject({ y, yy: y * y, d, yd: y * d, xy: 2 * y, xd: 2 * d });
    }
  };
  fc.assert(fc.property(fc.array(event, { maxLength: 12 }), holds));
});
