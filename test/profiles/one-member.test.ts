import fc from "fast-check";
import { expect, test } from "vitest";
import type { Sample } from "../../src/profiles/sample.ts";
import { GRID } from "../../src/profiles/sample.ts";
import { WindowLedger } from "../../src/profiles/window-ledger.ts";
import { meanOf } from "../../src/profiles/window-sum.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";

/** What one user can do to the profiles, if no noise is added: docs/security.md states the bound that is checked here. */

const DIM = 3;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 5);
const BUCKETS = 4;
const aMap = (name: string, mode: "exclusive" | "independent"): SegmentMap => ({
  name,
  mode,
  segments: [{ name: "new" }, { name: "loyal" }],
  window: { bucketMs: DAY_MS, buckets: BUCKETS },
  threshold: { enter: 0.5, minEvidence: 1 },
});
const MAPS = [aMap("life", "exclusive")];

/** Vectors on the grid, many of them longer than 1: a shard that lies. */
const someVector = fc.tuple(...Array.from({ length: DIM }, () => fc.integer({ min: -5_000, max: 5_000 })));
const someSample = fc.record({
  day: fc.integer({ min: 0, max: 5 }),
  vector: someVector,
  label: fc.constantFrom("new", "loyal", undefined),
});
const someSamples = fc.array(someSample, { maxLength: 40 });
/** Of others: at least one of each segment on each day that counts. */
type Given = Readonly<{ day: number; vector: readonly number[]; label: string | undefined }>;

let sequence = 0;
function aSample(user: string, { day, vector, label }: Given): Sample {
  const bytes = new Uint8Array(DIM * 2);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of vector.entries()) view.setInt16(i * 2, value, true);
  const labels: Record<string, string> = label === undefined ? {} : { life: label };
  return {
    sequence: ++sequence,
    index: 0,
    user,
    encoder: "e1",
    tsMs: START_MS + day * DAY_MS,
    labels,
    vector: bytes,
  };
}

function ledgerOf(samples: readonly Sample[]): WindowLedger {
  const ledger = new WindowLedger("e1", () => undefined, { maps: MAPS, watermarkMs: START_MS + 5 * DAY_MS });
  for (const sample of samples) ledger.apply(sample);
  return ledger;
}

const others = Array.from({ length: 20 }, (_, i) =>
  aSample(`other-${i}`, {
    day: 2 + (i % BUCKETS),
    vector: [3_000, i, 0],
    label: i % 2 === 0 ? "new" : "loyal",
  }),
);

/** Vectors of a segment, and the profile itself. */
function profileOf(ledger: WindowLedger, segment: string) {
  const sums = ledger.sums.get(`life ${segment}`);
  let count = 0;
  for (const bucket of sums?.buckets.values() ?? []) count += bucket.count;
  const mean = sums === undefined ? new Float64Array(DIM) : meanOf(sums, DIM);
  return { count, buckets: sums?.buckets, mean: Array.from(mean, (value) => value * GRID) };
}

const norm = (vector: readonly number[]) => Math.hypot(...vector);

test("whatever one user sends, a bucket gets one vector of length 1 at most from them, in one segment of a map", () => {
  const holds = (given: readonly Given[]) => {
    const without = ledgerOf(others);
    const ledger = ledgerOf([...others, ...given.map((one) => aSample("mallory", one))]);
    const segmentsTouched = new Set<string>();
    for (const segment of ["new", "loyal"]) {
      const held = profileOf(ledger, segment).buckets;
      for (const [bucket, { sum, count }] of held ?? []) {
        const before = profileOf(without, segment).buckets?.get(bucket);
        const added = count - (before?.count ?? 0);
        const difference = Array.from(
          sum,
          (value, i) => (Number(value) - Number(before?.sum[i] ?? 0)) * GRID,
        );
        expect(added).toBeLessThanOrEqual(1);
        expect(norm(difference)).toBeLessThanOrEqual(added * (1 + 1e-9));
        if (added > 0) segmentsTouched.add(segment);
      }
    }
    expect(segmentsTouched.size).toBeLessThanOrEqual(1);
  };
  fc.assert(fc.property(someSamples, holds));
});

test("so a profile of n vectors is moved by at most 2 b / n, where b is what the user has in the window", () => {
  const holds = (given: readonly Given[]) => {
    const without = ledgerOf(others);
    const ledger = ledgerOf([...others, ...given.map((one) => aSample("mallory", one))]);
    for (const segment of ["new", "loyal"]) {
      const [before, after] = [profileOf(without, segment), profileOf(ledger, segment)];
      const own = after.count - before.count;
      expect(own).toBeLessThanOrEqual(BUCKETS);
      const moved = norm(after.mean.map((value, i) => value - (before.mean[i] ?? 0)));
      expect(moved).toBeLessThanOrEqual((2 * own) / Math.max(1, after.count) + 1e-9);
    }
  };
  fc.assert(fc.property(someSamples, holds));
});
