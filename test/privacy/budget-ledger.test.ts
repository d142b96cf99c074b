import fc from "fast-check";
import { expect, test } from "vitest";
import { BudgetLedger, type Charge } from "../../src/privacy/budget-ledger.ts";
import { noisePlan } from "../../src/privacy/noise-plan.ts";

const DAY_MS = 86_400_000;
const WEEK = { bucketMs: DAY_MS, buckets: 7 };
const BUDGET = { rho: 7, windowMs: 7 * DAY_MS };

test("one release a day fills the budget of each week, and never more", () => {
  const ledger = new BudgetLedger();
  for (let day = 0; day < 30; day++) expect(ledger.charge(aCharge(day), BUDGET)).toBe(true);
  expect(ledger.spentUntil(ledger.untilMs, BUDGET.windowMs)).toBe(7);
  expect(ledger.charge(aCharge(29), BUDGET)).toBe(false);
  expect(ledger.charge(aCharge(26), BUDGET)).toBe(false);
  expect(ledger).toMatchObject({ refused: 2, lifetime: { releases: 30, rho: 30 } });
});

test("two encoders alive add up: the second is refused what the first has spent", () => {
  const ledger = new BudgetLedger();
  for (let day = 0; day < 7; day++) expect(ledger.charge(aCharge(day), BUDGET)).toBe(true);
  expect(ledger.charge(aCharge(6, { of: "e2" }), BUDGET)).toBe(false);
  // Of days that the first has not released, it gets its share.
  expect(ledger.charge(aCharge(7, { of: "e2" }), BUDGET)).toBe(true);
  expect(ledger.charge(aCharge(7), BUDGET)).toBe(false);
});

test("with room for two versions, two encoders are released side by side", () => {
  const ledger = new BudgetLedger();
  for (let day = 0; day < 30; day++)
    for (const of of ["e1", "e2"]) expect(ledger.charge(aCharge(day, { of, rho: 0.5 }), BUDGET)).toBe(true);
  expect(ledger.charge(aCharge(29, { of: "e3", rho: 0.5 }), BUDGET)).toBe(false);
});

test("a user contributes to no more releases than the cap, so more of them fit into a window", () => {
  const ledger = new BudgetLedger();
  for (let day = 0; day < 30; day++)
    expect(ledger.charge(aCharge(day, { rho: 3.5, contributions: 2 }), BUDGET)).toBe(true);
  expect(ledger.spentUntil(ledger.untilMs, BUDGET.windowMs)).toBe(7);
  // Another encoder's accepted days may be others: its share comes on top.
  expect(ledger.charge(aCharge(29, { of: "e2", rho: 0.1, contributions: 2 }), BUDGET)).toBe(false);
});

test("what a user could pay at most in any window is never above the budget, whatever is asked for in whatever order", () => {
  const someCharge = fc.record({
    day: fc.nat({ max: 20 }),
    of: fc.constantFrom("e1", "e2"),
    rho: fc.double({ min: 0.1, max: 3, noNaN: true }),
    contributions: fc.integer({ min: 1, max: 7 }),
  });
  const holds = (asked: { day: number; of: string; rho: number; contributions: number }[]): void => {
    const ledger = new BudgetLedger();
    const taken = asked.filter(({ day, ...rest }) => ledger.charge(aCharge(day, rest), BUDGET));
    for (let first = -6; first <= 20; first++) {
      let cost = 0;
      for (const of of ["e1", "e2"]) {
        const within = taken.filter((one) => one.of === of && one.day >= first && one.day < first + 7);
        const cap = Math.max(0, ...within.map(({ contributions }) => contributions));
        const days = Map.groupBy(within, ({ day }) => day).values();
        const dearest = [...days]
          .map((all) => all.reduce((sum, { rho }) => sum + rho, 0))
          .sort((a, b) => b - a);
        cost += dearest.slice(0, cap).reduce((sum, rho) => sum + rho, 0);
      }
      expect(cost).toBeLessThanOrEqual(BUDGET.rho * (1 + 1e-9));
    }
    expect(ledger.refused).toBe(asked.length - taken.length);
  };
  fc.assert(fc.property(fc.array(someCharge, { maxLength: 40 }), holds), { numRuns: 500 });
});

test("the noise of a plan fits its budget for ever, and one version more does not", () => {
  for (const versions of [1, 2, 3]) {
    for (const contributions of [1, 3, 7]) {
      const budgetOf = { epsilon: 1, delta: 1e-6, contributions, versions };
      const privacy = { ...budgetOf, minMembers: 20, graceMs: 0, closedBy: "clock" } as const;
      const { rho, budget } = noisePlan(privacy, WEEK);
      const ledger = new BudgetLedger();
      for (let day = 0; day < 20; day++)
        for (let version = 0; version < versions; version++)
          expect(ledger.charge(aCharge(day, { of: `e${version}`, rho, contributions }), budget)).toBe(true);
      expect(ledger.charge(aCharge(19, { of: "more", rho, contributions }), budget)).toBe(false);
    }
  }
});

test("it is the same after a restart, and forgets only what no window shares any more", () => {
  const ledger = new BudgetLedger();
  for (let day = 0; day < 10; day++) ledger.charge(aCharge(day), BUDGET);
  ledger.forget(3 * DAY_MS);
  const again = new BudgetLedger(JSON.parse(JSON.stringify(ledger.stored())));
  expect(again.stored()).toEqual(ledger.stored());
  expect(again.stored().charges).toHaveLength(7);
  expect(again.lifetime).toEqual({ releases: 10, rho: 10 });
  expect(again.spentUntil(10 * DAY_MS, BUDGET.windowMs)).toBe(7);
  expect(again.charge(aCharge(9), BUDGET)).toBe(false);
});

function aCharge(day: number, given: Partial<Charge> = {}): Charge {
  return { of: "e1", fromMs: day * DAY_MS, bucketMs: DAY_MS, rho: 1, contributions: 7, ...given };
}
