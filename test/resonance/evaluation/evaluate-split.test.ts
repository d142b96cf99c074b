import { expect, test } from "vitest";
import { drawLeaderboard } from "../../../src/cli/evaluate/leaderboard-text.ts";
import type { History } from "../../../src/embedding/encoder.ts";
import { arrivalOf } from "../../../src/features/arrival.ts";
import { evaluateSplit } from "../../../src/resonance/evaluation/evaluate-split.ts";
import { leaderboardOf } from "../../../src/resonance/evaluation/leaderboard.ts";
import { bestOf, trainPromoted } from "../../../src/resonance/evaluation/train-promoted.ts";
import type { SegmentMap } from "../../../src/resonance/segment-map.ts";
import { someHistories, tinySchema } from "../../embedding/build-histories.ts";

const SEGMENTS = 2;
const map: SegmentMap = {
  name: "taste",
  mode: "exclusive",
  segments: Array.from({ length: SEGMENTS }, (_, k) => ({ name: `segment-${k}` })),
  window: { bucketMs: 86_400_000, buckets: 60 },
  threshold: { enter: 0.5, minEvidence: 1 },
};
/** Stands still: times are not what these tests are about. */
const clock = { monotonicMs: () => 0 };
const common = { encoders: ["linear"] as const, schema: tinySchema, seed: 1, dimMax: 64, clock };

function populations(preference: number, users = 800): { members: History[]; masked: History[] } {
  const of = { segments: SEGMENTS, preference };
  return {
    members: someHistories({ ...of, users, seed: 1 }),
    masked: someHistories({ ...of, users: users / 2, seed: 2 }),
  };
}

/**
 * With probability `preference` an event shows an item of the user's own segment, and no other segment has those: who
 * saw one is known for sure. After one event a pair is told unless neither has: the best possible AUC is
 * 1 - (1 - preference)^2 / 2.
 */
test("on a set with a known answer, baselines and engine come close to the best that can be told", async () => {
  const preference = 0.5;
  const [result] = await evaluateSplit(populations(preference), [map], { ...common, together: false });
  const board = leaderboardOf([result!]);
  const best = 1 - (1 - preference) ** 2 / 2;
  for (const { method, cells } of board.rows) {
    const [first] = cells;
    if (method === "prior") expect(first?.auc).toBeCloseTo(0.5, 9);
    else expect(Math.abs(first!.auc! - best), method).toBeLessThan(0.05);
  }
});

test("segments that a single event gives away are told for sure, not taken for chance", async () => {
  const [result] = await evaluateSplit(populations(1, 300), [map], { ...common, together: false });
  const linear = leaderboardOf([result!]).rows.find(({ method }) => method === "linear");
  for (const { auc, logLoss } of linear?.cells ?? []) {
    expect(auc).toBeCloseTo(1, 9);
    expect(logLoss).toBeLessThan(0.03);
  }
});

test("thresholds keep their precision on users they never saw, and are off where nothing can be told", async () => {
  const [told] = await evaluateSplit(populations(0.5, 2_000), [map], { ...common, together: false });
  const linear = leaderboardOf([told!]).rows.find(({ method }) => method === "linear");
  expect(linear?.thresholds).toHaveLength(linear?.cells.length ?? 0);
  for (const { on, accepted, precision } of linear?.thresholds ?? []) {
    expect(on).toBe(SEGMENTS);
    expect(accepted).toBeGreaterThan(100);
    expect(precision?.upper).toBeGreaterThanOrEqual(told?.precision ?? 1);
  }
  const [chance] = await evaluateSplit(populations(0), [map], { ...common, together: false });
  for (const { kind, thresholds } of chance!.methods) {
    if (kind === "baseline") expect(thresholds).toBeNull();
    else for (const { on, accepted } of thresholds ?? []) expect([on, accepted]).toEqual([0, 0]);
  }
});

test("where labels are chance nothing is better than the prior", async () => {
  const [result] = await evaluateSplit(populations(0), [map], { ...common, together: true });
  const linear = leaderboardOf([result!]).rows.find(({ method }) => method === "linear");
  expect(linear?.counts?.logLoss.better).toBe(0);
  for (const cell of linear!.cells) expect(cell.logLoss).toBeLessThan(Math.log(SEGMENTS) + 0.02);
});

test("every masked user is in every depth, also those whose history ends before it", async () => {
  const { members, masked } = populations(0.5, 200);
  const brief = masked.map((history) => ({ ...history, events: history.events.slice(0, 1) }));
  const [result] = await evaluateSplit({ members, masked: brief }, [map], { ...common, together: false });
  for (const { cells } of result!.methods) {
    for (const cell of cells) {
      expect(cell.lossInfluence).toHaveLength(masked.length);
      expect(cell.logLoss).toBe(cells[0]!.logLoss);
    }
  }
});

test("where contexts tell something, it is told what they add before any event and after some", async () => {
  const came = (history: History, u: number): History => ({
    ...history,
    arrival: arrivalOf({ os: (u % 5 === 0) === (history.labels["taste"] === "segment-0") ? "a" : "b" })!,
  });
  const { members, masked } = populations(0.3, 800);
  const split = { members: members.map(came), masked: masked.map(came) };
  const board = leaderboardOf(await evaluateSplit(split, [map], { ...common, together: false }));
  const { context } = board.rows.find(({ method }) => method === "linear")!;
  expect(context?.fields).toEqual([["os"]]);
  const [before, afterOne] = context!.cells;
  // Of a fair coin, four in five are told: log 2 - H(1/5).
  const information = Math.log(2) + 0.2 * Math.log(0.2) + 0.8 * Math.log(0.8);
  expect(before).toMatchObject({ depth: 0 });
  expect(before!.without).toBeCloseTo(Math.log(2), 2);
  expect(Math.abs(before!.gain.mean - information)).toBeLessThan(0.05);
  expect(before!.gain.mean).toBeGreaterThan(4 * before!.gain.standardError);
  expect(afterOne!.logLoss).toBeLessThan(before!.logLoss);
  const shown = drawLeaderboard(board, 120).join("\n");
  expect(shown).toContain("linear with the context of the first visit (os)");
  // What is compared with baselines, which know no context, knows none.
  const bare = board.rows.find(({ method }) => method === "linear")!.cells[0]!.logLoss;
  expect(afterOne!.without).toBeCloseTo(bare, 12);
});

test("a split without masked users, or with members of one segment, is refused", async () => {
  const { members, masked } = populations(0.5, 100);
  const options = { ...common, together: false };
  const refused = expect.objectContaining({ code: "TOO_FEW_MEMBERS" });
  await expect(evaluateSplit({ members, masked: [] }, [map], options)).rejects.toEqual(refused);
  const alike = members.filter(({ labels }) => labels["taste"] === "segment-0");
  await expect(evaluateSplit({ members: alike, masked }, [map], options)).rejects.toEqual(refused);
});

test("a training with a leaderboard compares on held-out members, and trains on all", async () => {
  const { members } = populations(0.5, 300);
  const training = await trainPromoted(members, [map], { ...common, leaderboard: true });
  expect(training.kind).toBe("linear");
  expect(training.release.report.members).toBe(300);
  const [board] = training.leaderboards;
  expect(board!.members + board!.masked).toBe(300);
  expect(board!.rows.map(({ method }) => method)).toEqual([
    ...["prior", "logistic-regression", "naive-bayes", "tf-idf-centroid", "linear"],
  ]);
  expect((await trainPromoted(members, [map], { ...common, leaderboard: false })).leaderboards).toEqual([]);
});

test("the encoder with the lowest held-out log-loss is promoted", async () => {
  const [result] = await evaluateSplit(populations(0.5, 200), [map], { ...common, together: true });
  const board = leaderboardOf([result!]);
  const linear = board.rows.find(({ method }) => method === "linear")!;
  const worse = linear.cells.map((cell) => ({ ...cell, logLoss: cell.logLoss + 0.01 }));
  const boards = [{ ...board, rows: [...board.rows, { ...linear, method: "gru", cells: worse }] }];
  expect(bestOf(["gru", "linear"], boards)).toBe("linear");
  expect(bestOf(["gru", "linear"], [])).toBe("gru");
});
