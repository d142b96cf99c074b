import { expect, test } from "vitest";
import { withThreshold } from "../../src/console/segment-routes.ts";
import { DEFINITIONS } from "../shards/replay-world.ts";

const definitions = { version: 3, maps: DEFINITIONS[1] ?? [] };
const given = { segment: "loyal", enter: 0.6, version: 3 };
const codeOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (thrown) {
    return (thrown as { code?: string }).code;
  }
};

test("one segment gets the threshold, with the evidence that was asked for before; all else stays", () => {
  const [life, wants] = withThreshold(definitions, "life", given);
  expect(life?.segments).toEqual([
    { name: "new" },
    { name: "loyal", threshold: { enter: 0.6, minEvidence: 1 } },
    { name: "gone" },
  ]);
  expect({ ...life, segments: [] }).toEqual({ ...definitions.maps[0], segments: [] });
  expect(wants).toBe(definitions.maps[1]);
});

test("what was decided over other definitions, or is of nothing that is defined, is refused", () => {
  expect(codeOf(() => withThreshold({ ...definitions, version: 4 }, "life", given))).toBe(
    "DEFINITIONS_CHANGED",
  );
  expect(codeOf(() => withThreshold(definitions, "other", given))).toBe("UNKNOWN_MAP");
  expect(codeOf(() => withThreshold(definitions, "life", { ...given, segment: "x" }))).toBe(
    "UNKNOWN_SEGMENT",
  );
});
