import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type SplitRule, splitUsers } from "../../src/cli/evaluate/split.ts";
import type { Encoder, History } from "../../src/embedding/encoder.ts";
import { decodeArtefact } from "../../src/embedding/linear-artefact.ts";
import { linearEncoder } from "../../src/embedding/linear-encoder.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import { toFeatureEvent } from "../../src/features/to-feature-event.ts";
import { fitRelease } from "../../src/resonance/fit-release.ts";
import { calibrationError, logLoss, macroAuc } from "../../src/resonance/metrics.ts";
import { newScoreBuffer, prepareScorer, type Scorer, scoreInto } from "../../src/resonance/scorer.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";

/** The PAKDD 2015 set: sessions of a shop, told apart by gender. See docs/encoders.md for all sets and depths. */
const FOLDER = process.env["RESONANCE_DATA"] ?? join(import.meta.dirname, "../../../shared/data");
const isPresent = existsSync(join(FOLDER, "pakdd15.events.jsonl.gz"));
/** What a shard keeps of a user's newest events. */
const RING_EVENTS = 64;

const map: SegmentMap = {
  name: "gender",
  mode: "exclusive",
  segments: [{ name: "female" }, { name: "male" }],
  window: { bucketMs: 86_400_000, buckets: 60 },
  threshold: { enter: 0.5, minEvidence: 1 },
};
const NAMES = map.segments.map(({ name }) => name);

type Row = { user: string; labels: Record<string, string> };
type EventRow = { id: string; user: string; ts: number; type: string; item: string; categories: string[] };

function rows<T>(file: string): T[] {
  const text = gunzipSync(readFileSync(join(FOLDER, file))).toString("utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

function histories(): History[] {
  const events = new Map<string, FeatureEvent[]>();
  for (const { id, user, ts, type, item, categories } of rows<EventRow>("pakdd15.events.jsonl.gz")) {
    const event = toFeatureEvent({ kind: "behaviour", id, user, type, tsMs: ts, item, categories });
    const before = events.get(user);
    if (before === undefined) events.set(user, [event]);
    else before.push(event);
  }
  return rows<Row>("pakdd15.users.jsonl.gz").map(({ user, labels }) => ({
    user,
    labels,
    events: events.get(user) ?? [],
  }));
}

/** Embedding and evidence after the first `depth` events. */
function shown(
  encoder: Encoder,
  events: readonly FeatureEvent[],
  depth: number,
): { x: Float32Array; evidence: number } {
  const state = new Float64Array(encoder.slots);
  const slab = new Float64Array(FEATURES.slots);
  const seen = events.slice(0, depth);
  for (const event of seen) {
    encoder.fold(state, 0, event);
    FEATURES.fold(slab, 0, event);
  }
  const atMs = seen.at(-1)?.tsMs ?? 0;
  const features = new Float32Array(FEATURES.width);
  FEATURES.read(slab, 0, atMs, features);
  const x = new Float32Array(encoder.dim);
  encoder.embed(state, 0, features, atMs, x);
  return { x, evidence: encoder.evidence(state, 0, atMs) };
}

function profilesOf(encoder: Encoder, members: readonly History[]) {
  return NAMES.map((segment) => {
    const own = members.filter(({ labels }) => labels["gender"] === segment);
    const centroid = new Float32Array(encoder.dim);
    for (const { events } of own) {
      const { x } = shown(encoder, events, events.length);
      for (let i = 0; i < x.length; i++) centroid[i] = centroid[i]! + x[i]! / own.length;
    }
    return { segment, members: own.length, centroid };
  });
}

function measured(scorer: Scorer, encoder: Encoder, masked: readonly History[], depth: number) {
  const labels = masked.map(({ labels }) => NAMES.indexOf(labels["gender"]!));
  const buffer = newScoreBuffer(NAMES.length);
  const scores = masked.map(({ events }) => {
    const { x, evidence } = shown(encoder, events, depth);
    scoreInto(scorer, x, evidence, buffer);
    return [...buffer.probabilities];
  });
  const priors = masked.map(() => Array.from(scorer.logPrior, Math.exp));
  return {
    auc: macroAuc(scores, labels, NAMES.length),
    logLoss: logLoss(scores, labels),
    priorLogLoss: logLoss(priors, labels),
    ece: calibrationError(scores, labels, 15),
  };
}

if (!isPresent) console.warn(`no real data in ${FOLDER}: set RESONANCE_DATA to its folder to run this file`);

const goals: [string, SplitRule, number][] = [
  ["by the hash of the user", { kind: "hash", seed: 1 }, 0.83],
  ["by blocks of neighbours, so that no label leaks", { kind: "block", size: 100, seed: 1 }, 0.79],
];

describe.skipIf(!isPresent)("masked shoppers of PAKDD 2015", () => {
  test.for(goals)("are told by gender, split %s", ([, rule, aucGoal]) => {
    const all = histories();
    const { members, masked } = splitUsers(
      all.map(({ user }) => user),
      rule,
    );
    const training = all
      .filter(({ user }) => members.has(user))
      .map((history) => ({ ...history, events: history.events.slice(-RING_EVENTS) }));
    const release = fitRelease(training, [map], FEATURES, { seed: 1 });
    const encoder = linearEncoder(decodeArtefact(release.artefact), FEATURES);
    const scorer = prepareScorer({
      ...{
        map: map.name,
        mode: map.mode,
        version: 1,
        encoder: encoder.version,
        dim: encoder.dim,
        watermarkMs: 0,
      },
      profiles: profilesOf(encoder, training),
      background: 0,
      calibration: release.calibrations[0]!,
      threshold: map.threshold,
    });
    const strangers = all.filter(({ user, events }) => masked.has(user) && events.length > 0);
    for (const depth of [1, 5, 10, 20, 50]) {
      const { logLoss: loss, priorLogLoss } = measured(scorer, encoder, strangers, depth);
      expect(loss).toBeLessThan(priorLogLoss);
    }
    const final = measured(scorer, encoder, strangers, Number.POSITIVE_INFINITY);
    console.info(JSON.stringify({ rule, ...final, heldOut: release.report.heldOut["gender"] }));
    expect(final.auc).toBeGreaterThan(aucGoal);
    expect(final.ece).toBeLessThan(0.05);
  });
});
