import { expect, test } from "vitest";
import { type OperatorRequest, operatorTrail } from "../../src/actors/operator-trail.ts";
import type { ReportFacts } from "../../src/kernel/report.ts";

const ERASE: OperatorRequest = {
  endpoint: "resonance.v1.erase",
  via: "nats",
  by: "UADA",
  isServed: true,
  code: undefined,
};

function aTrail() {
  const told: (ReportFacts & { line: string })[] = [];
  const clock = { nowMs: 0 };
  const report = (line: string, facts: ReportFacts): void => void told.push({ line, ...facts });
  return { told, clock, trail: operatorTrail(report, "resonance", () => clock.nowMs) };
}

test("what has to be signed is kept, and nothing that is asked a thousand times a second", () => {
  const { trail } = aTrail();
  for (const name of [
    "v1.erase",
    "v1.export",
    "v1.segments.put",
    "v1.privacy.report",
    "internal.profiles.train",
  ])
    expect(trail.keeps(`resonance.${name}`), name).toBe(true);
  for (const name of ["v1.ingest", "v1.score", "v1.score.shard.3", "v1.status", "internal.shard.0.score"])
    expect(trail.keeps(`resonance.${name}`), name).toBe(false);
});

test("a line tells who asked what, over what, and what came of it", () => {
  const { told, trail } = aTrail();
  trail.tell(ERASE);
  trail.tell({ ...ERASE, code: "UNKNOWN_ERASURE" });
  trail.tell({ ...ERASE, by: undefined, isServed: false, code: "SIGNATURE_REQUIRED" });
  const same = { event: "operator.request", endpoint: "resonance.v1.erase", via: "nats" };
  expect(told).toEqual([
    {
      ...same,
      level: "info",
      outcome: "ok",
      by: "UADA",
      line: "UADA asked resonance.v1.erase over nats: ok",
    },
    {
      ...{ ...same, level: "info", outcome: "failed", by: "UADA", code: "UNKNOWN_ERASURE" },
      line: "UADA asked resonance.v1.erase over nats: UNKNOWN_ERASURE",
    },
    {
      ...{ ...same, level: "warn", outcome: "refused", code: "SIGNATURE_REQUIRED" },
      line: "somebody who has not proven who they are asked resonance.v1.erase over nats: SIGNATURE_REQUIRED",
    },
  ]);
});

test("whoever follows a training leaves one line of its beginning, not one for each look", () => {
  const { told, trail } = aTrail();
  for (const name of ["train", "training", "training"])
    trail.tell({ ...ERASE, endpoint: `resonance.internal.profiles.${name}` });
  trail.tell({ ...ERASE, endpoint: "resonance.internal.profiles.training", code: "TIMEOUT" });
  expect(told.map(({ endpoint, outcome }) => [endpoint, outcome])).toEqual([
    ["resonance.internal.profiles.train", "ok"],
    ["resonance.internal.profiles.training", "failed"],
  ]);
});

test("whoever may not ask can't fill the log, and does not keep what operators do out of it", () => {
  const { told, clock, trail } = aTrail();
  const refused = { ...ERASE, by: undefined, isServed: false, code: "SIGNATURE_REQUIRED" };
  for (let i = 0; i < 100; i++) trail.tell(refused);
  expect(told).toHaveLength(60);
  for (let i = 0; i < 100; i++) trail.tell(ERASE);
  expect(told).toHaveLength(160);
  expect(told[60]).toMatchObject({ outcome: "ok", leftOut: 40 });
  expect(told[61]?.leftOut).toBe(undefined);
  clock.nowMs = 60_000;
  trail.tell(refused);
  expect(told).toHaveLength(161);
});
