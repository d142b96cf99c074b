import { expect, test } from "vitest";
import { alertChanges } from "../src/drift-monitor.ts";
import type { DriftAlert } from "../src/resonance/drift.ts";

const nll: DriftAlert = { kind: "nll", of: "life", value: 0.6, limit: 0.5 };
const psi: DriftAlert = { kind: "psi", of: "activity.rate", value: 0.3, limit: 0.2 };

test("an alert is told when it comes and when it goes, and not again while it stays", () => {
  expect(alertChanges([], [nll])).toEqual([expect.stringMatching(/^warning: drift: nll of life is 0\.6000/)]);
  expect(alertChanges([nll], [{ ...nll, value: 0.7 }])).toEqual([]);
  expect(alertChanges([nll], [psi])).toEqual([
    expect.stringMatching(/^warning: drift: psi of activity\.rate/),
    "drift: nll of life is over",
  ]);
});
