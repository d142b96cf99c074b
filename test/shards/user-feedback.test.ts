import { expect, test } from "vitest";
import { CAPS_MAX, IMPRESSIONS_MAX, type Impression, UserFeedback } from "../../src/shards/user-feedback.ts";

const EVIDENCE = { segments: ["new"], values: [-0.2], rest: 0 };

function anImpression(low: number, shownAtMs: number): Impression {
  return {
    ...{ low, high: 0, placement: "home", map: "life", content: "a", shownAtMs, timeoutMs: 1_000 },
    who: { segments: ["new"], shares: [1] },
    isCounted: true,
    isClicked: false,
    isPurchased: false,
    unclicked: EVIDENCE,
    addedAtMs: undefined,
  };
}

test("counts of the contents that were not shown for longest are forgotten first", () => {
  const feedback = new UserFeedback();
  const count = { openedMs: 1, impressions: 1 };
  for (let c = 0; c < CAPS_MAX; c++) feedback.count(`content-${c}`, count);
  feedback.count("content-0", { ...count, impressions: 2 });
  feedback.count("one-more", count);
  expect(feedback.capCounts.size).toBe(CAPS_MAX);
  expect(feedback.capCounts.get("content-0")).toEqual({ openedMs: 1, impressions: 2 });
  expect(feedback.capCounts.has("content-1")).toBe(false);
});

test("an impression that has to make room was not clicked, as far as anybody will know", () => {
  const feedback = new UserFeedback();
  for (let i = 0; i < IMPRESSIONS_MAX; i++) feedback.add(anImpression(i, 10));
  expect(feedback.ledgers.size).toBe(0);
  feedback.add(anImpression(99, 11));
  expect(feedback.ledgers.get("life")).toEqual({ atMs: 1_010, evidence: EVIDENCE });
  expect(feedback.impressions.map(({ low }) => low)).toEqual([
    ...Array.from({ length: IMPRESSIONS_MAX - 1 }, (_, i) => i + 1),
    99,
  ]);
});

test("what a read takes to be due is what the next entry adds", () => {
  const feedback = new UserFeedback();
  for (const [i, shownAtMs] of [10, 500, 20].entries()) feedback.add(anImpression(i, shownAtMs));
  const read = feedback.ledgerAt("life", 1_100);
  expect(feedback.ledgers.size).toBe(0);
  feedback.settle(1_100);
  expect(feedback.ledgers.get("life")).toEqual(read);
  expect(feedback.ledgerAt("life", 1_100)).toEqual(read);
  expect(feedback.ledgerAt("other", 1_100)).toBeUndefined();
});
