import { expect, test } from "vitest";
import { contentsOf } from "../../src/content/catalogue.ts";
import { CATALOGUE_LIMITS, parseCatalogue } from "../../src/content/parse-catalogue.ts";

const HERO = { name: "hero", map: "lifecycle" };
const refusal = (input: unknown, maps?: readonly string[]): string => {
  const parsed = parseCatalogue(input, maps);
  if (parsed.kind === "catalogue") throw new Error("it was accepted");
  expect(parsed.code).toBe("BAD_CONTENT");
  return parsed.message;
};
const refusalOfItem = (item: object) =>
  refusal({ placements: [HERO], items: [{ id: "a", placements: ["hero"], ...item }] });

test("what is left out has its default", () => {
  const parsed = parseCatalogue({ placements: [HERO], items: [{ id: "spring sale", placements: ["hero"] }] });
  expect(parsed).toEqual({
    kind: "catalogue",
    catalogue: {
      placements: [
        {
          name: "hero",
          map: "lifecycle",
          policy: "mixture",
          floor: 0.02,
          timeoutMs: 1_800_000,
          examination: 1,
          purchaseWeight: 0,
        },
      ],
      contents: [{ id: "spring sale", placements: ["hero"] }],
    },
  });
});

test("schedules, caps and conditions are read; times may be ISO 8601", () => {
  const item = {
    id: "a",
    placements: ["hero"],
    eligible: { and: [{ trait: "country", in: ["DE", "AT"] }, { not: { trait: "minor", equals: true } }] },
    from: "2026-05-01T00:00:00Z",
    until: 1_780_272_000_000,
    cap: { impressions: 3, per: "1d" },
  };
  const parsed = parseCatalogue({ placements: [{ ...HERO, timeout: "5m", floor: 0.1 }], items: [item] });
  expect(parsed).toMatchObject({
    catalogue: {
      placements: [{ timeoutMs: 300_000, floor: 0.1 }],
      contents: [
        {
          eligible: item.eligible,
          fromMs: 1_777_593_600_000,
          untilMs: 1_780_272_000_000,
          cap: { impressions: 3, perMs: 86_400_000 },
        },
      ],
    },
  });
});

test("a placement's contents are in the order of their ids, however they were written down", () => {
  const contents = ["b", "a", "c"].map((id) => ({ id, placements: id === "c" ? ["foot"] : ["hero"] }));
  expect(contentsOf({ contents }, "hero").map(({ id }) => id)).toEqual(["a", "b"]);
});

test("a refusal names the place and the reason", () => {
  expect(refusal({ placements: [], items: [] })).toBe("placements: must define at least one placement");
  expect(refusal({ placements: [HERO, HERO], items: [] })).toBe("placements: must have distinct names");
  expect(refusalOfItem({ placements: ["foot"] })).toBe(
    "items.0.placements: names a placement that there is none of",
  );
  expect(refusalOfItem({ placements: ["hero", "hero"] })).toBe("items.0.placements: must be distinct");
  expect(refusalOfItem({ form: "2026-05-01T00:00:00Z" })).toContain(
    "items.0: its field number 3 is unknown here",
  );
  expect(refusalOfItem({ from: "2026-02-30T00:00:00Z" })).toContain("items.0.from");
  expect(refusalOfItem({ from: 1_700_000_000 })).toContain("before 1990");
  expect(refusalOfItem({ from: 1_780_000_000_000, until: 1_780_000_000_000 })).toContain("must end after");
  expect(refusalOfItem({ cap: { impressions: 0, per: "1d" } })).toContain("items.0.cap.impressions");
  expect(refusalOfItem({ eligible: { trait: "a", matches: ".*" } })).toContain(
    "items.0.eligible: must be one of",
  );
  expect(refusalOfItem({ id: "a\u0000" })).toContain("printable");
  expect(refusal({ placements: [{ ...HERO, policy: "best" }], items: [] })).toContain("placements.0.policy");
  expect(refusal({ placements: [{ ...HERO, floor: Number.NaN }], items: [] })).toContain(
    "placements.0.floor",
  );
  expect(refusal({ placements: [HERO], items: [] }, ["mood"])).toBe(
    "placements.0.map: there is no such map; defined: mood",
  );
  for (const input of [null, 7, "x", [], {}]) refusal(input);
});

test("a tree that is too deep, or too much of anything, is refused before it costs anything", () => {
  let eligible: object = { trait: "a", exists: true };
  for (let depth = 0; depth < 2_000; depth++) eligible = { not: eligible };
  expect(refusalOfItem({ eligible })).toContain("16 conditions deep");
  const items = Array.from({ length: CATALOGUE_LIMITS.contentsPerPlacement + 1 }, (_, i) => ({
    id: `c${i}`,
    placements: ["hero"],
  }));
  expect(refusal({ placements: [HERO], items })).toBe(
    "items.256.placements: a placement may have 256 items at most",
  );
});
