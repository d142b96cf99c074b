import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { splitHistories } from "../../../src/cli/evaluate/evaluate-static.ts";
import type { SplitRule } from "../../../src/cli/evaluate/split.ts";
import { readRecording } from "../../../src/cli/recording/read-recording.ts";
import { FEATURES } from "../../../src/features/all-families.ts";
import { evaluateSplit } from "../../../src/resonance/evaluation/evaluate-split.ts";
import { leaderboardOf } from "../../../src/resonance/evaluation/leaderboard.ts";

const FOLDER = process.env["RESONANCE_DATA"] ?? join(import.meta.dirname, "../../../../shared/data");
const isPresent = existsSync(join(FOLDER, "pakdd15.events.jsonl.gz"));
if (!isPresent) console.warn(`no real data in ${FOLDER}: set RESONANCE_DATA to its folder to run this file`);

vi.setConfig({ testTimeout: 300_000 });

/** Means over three splits of AUC and log-loss, by method: after one event and at the end. */
async function measured(set: string, label: string, kind: "hash" | "block") {
  const path = (part: string) => join(FOLDER, `${set}.${part}.jsonl.gz`);
  const files = { eventsPath: path("events"), usersPath: path("users"), maps: [{ name: label, label }] };
  const recording = await readRecording(files, () => {});
  const results = [];
  for (const seed of [1, 2, 3]) {
    const rule: SplitRule = kind === "hash" ? { kind, seed } : { kind, size: 100, seed };
    const options = { encoders: [], schema: FEATURES, seed, dimMax: 64, together: false };
    const clock = { monotonicMs: () => 0 };
    results.push(
      ...(await evaluateSplit(splitHistories(recording, rule), recording.maps, { ...options, clock })),
    );
  }
  const rows = leaderboardOf(results).rows.map(({ method, cells }) => {
    const [first, end] = [cells[0]!, cells.at(-1)!];
    return [method, { auc: [first.auc!, end.auc!], logLoss: [first.logLoss, end.logLoss] }] as const;
  });
  return Object.fromEntries(rows);
}

/**
 * Figures of scikit-learn on other splits of the same sets (one split of a fuller PAKDD; ten folds of MovieLens):
 * AUC at the end, and log-loss as a share of the prior's. Ours must be as good, less what a split can do.
 */
const references = [
  ["pakdd15", "gender", "hash", "logistic-regression", 0.858, 0.336 / 0.525, 0.02],
  ["pakdd15", "gender", "hash", "naive-bayes", 0.854, 0.347 / 0.525, 0.02],
  ["pakdd15", "gender", "hash", "tf-idf-centroid", 0.821, 0.38 / 0.525, 0.03],
  ["pakdd15", "gender", "block", "logistic-regression", 0.798, 0.394 / 0.525, 0.03],
  ["pakdd15", "gender", "block", "naive-bayes", 0.805, 0.386 / 0.525, 0.03],
  ["pakdd15", "gender", "block", "tf-idf-centroid", 0.796, 0.417 / 0.525, 0.03],
  ["ml-100k", "gender", "hash", "logistic-regression", 0.783, 0.84, 0.03],
] as const;

const sets = new Map<string, ReturnType<typeof measured>>();

describe.skipIf(!isPresent)("baselines on real sets", () => {
  test.for(references)("%s %s by %s: %s is as good as scikit-learn's", async (given) => {
    const [set, label, kind, method, auc, lossShare, noise] = given;
    const key = `${set} ${label} ${kind}`;
    const rows = await (sets.get(key) ?? sets.set(key, measured(set, label, kind)).get(key)!);
    const own = rows[method]!;
    console.info(JSON.stringify({ key, method, ...own }));
    expect(own.auc[1]).toBeGreaterThan(auc - noise);
    expect(own.logLoss[1]! / rows["prior"]!.logLoss[1]!).toBeLessThan(lossShare + 2 * noise);
    expect(own.logLoss[0]).toBeLessThan(rows["prior"]!.logLoss[0]! + 0.002);
  });
});
