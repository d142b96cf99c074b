import { expect, test } from "vitest";
import { memberLines } from "../../src/profiles/member-lines.ts";
import { newMemberRecord } from "../../src/profiles/member-record.ts";
import { DAY_MS } from "./some-samples.ts";

test("an export tells a member's embeddings by bucket, and which buckets count toward a cap", () => {
  const record = newMemberRecord();
  record.segments.set("life", "new");
  record.series.set(DAY_MS, new Map([[20_000, Int16Array.of(2_048, -4_096)]]));
  record.accepted.set("life", [19_999, 20_000]);
  expect(memberLines("e1", record)).toEqual([
    {
      ...{ kind: "contribution", encoder: "e1", segments: { life: "new" } },
      ...{ fromMs: 20_000 * DAY_MS, untilMs: 20_001 * DAY_MS, embedding: [0.5, -1] },
    },
    { kind: "counted", encoder: "e1", map: "life", buckets: [19_999, 20_000] },
  ]);
});

test("of who was taken out of the profiles, and is remembered for a cap only, that is told", () => {
  const record = newMemberRecord();
  record.accepted.set("life", [19_999]);
  expect(memberLines("e1", record)).toEqual([
    { kind: "counted", encoder: "e1", map: "life", buckets: [19_999] },
  ]);
});
