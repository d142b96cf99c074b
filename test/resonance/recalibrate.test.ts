import { expect, test } from "vitest";
import type { Encoder, History } from "../../src/embedding/encoder.ts";
import { decodeArtefact } from "../../src/embedding/linear-artefact.ts";
import { linearEncoder } from "../../src/embedding/linear-encoder.ts";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import { arrivalOf } from "../../src/features/arrival.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { withQuality } from "../../src/resonance/calibrate.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import { decodeReference, encodeReference, NO_REFERENCE } from "../../src/resonance/fit-reference.ts";
import { fitRelease } from "../../src/resonance/fit-release.ts";
import { HeldOutCollector } from "../../src/resonance/held-out-collector.ts";
import { maskedSamples } from "../../src/resonance/masked-members.ts";
import { MembersProfiles } from "../../src/resonance/members-profiles.ts";
import { inHalves, onlyUsers, poolHeldOut } from "../../src/resonance/pool-held-out.ts";
import type { Calibration, FittedCalibration } from "../../src/resonance/published-profiles.ts";
import { type RecalibrationMaterial, recalibrate } from "../../src/resonance/recalibrate.ts";
import { newScoreBuffer, prepareScorer, scoreInto } from "../../src/resonance/scorer.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { anEvent, DAY_MS, START_MS, someHistories, tinySchema } from "../embedding/build-histories.ts";
import { aMap, arrivedWorld } from "./cold-start/arrived-world.ts";
import { heldOutWorld } from "./held-out-world.ts";

const MAP: SegmentMap = {
  name: "taste",
  mode: "exclusive",
  segments: [{ name: "segment-0" }, { name: "segment-1" }],
  window: { bucketMs: DAY_MS, buckets: 7 },
  threshold: { precision: 0.9, confidence: 0.95, minEvidence: 1 },
};

function material(given: Partial<RecalibrationMaterial>): RecalibrationMaterial {
  return {
    encoder: untrainedEncoder(tinySchema),
    maps: [MAP],
    schema: tinySchema,
    histories: [],
    reference: NO_REFERENCE,
    inForce: [],
    traffic: new Map(),
    ...given,
  };
}

/** Members most of whose items are nearly their own: what an encoder learns of those is who has them. */
function withRareItems(users: number, seed: number): History[] {
  const random = seededRandom(seed);
  const pick = (count: number) => Math.floor(random() * count);
  return Array.from({ length: users }, (_, u) => {
    const segment = u % 2;
    const items = Array.from({ length: 10 }, () =>
      random() < 0.03 ? `own-${segment}-${pick(4)}` : `rare-${pick(8 * users)}`,
    );
    return {
      user: `user-${seed}-${u}`,
      labels: { taste: `segment-${segment}` },
      events: items.map((item, i) => anEvent({ tsMs: START_MS + i * 3_600_000, item })),
    };
  });
}

/** How strangers are told by profiles of members and a calibration: the truth that a calibration is to meet. */
function strangersTold(
  encoder: Encoder,
  members: readonly History[],
  strangers: readonly History[],
  calibration: Calibration,
): { logLoss: number; ece: number } {
  const profiles = new MembersProfiles(MAP, encoder);
  const labelOf = ({ labels }: History) => MAP.segments.findIndex(({ name }) => name === labels["taste"]);
  for (const member of members)
    profiles.add(labelOf(member), maskedSamples(member, encoder, tinySchema, 0).at(-1)!.embedding);
  const scorer = prepareScorer(profiles.published());
  const collector = new HeldOutCollector({ segments: 2, mode: "exclusive" });
  for (const [user, stranger] of strangers.entries())
    for (const { embedding, evidence } of maskedSamples(stranger, encoder, tinySchema))
      collector.add(scorer, embedding, { evidence, label: labelOf(stranger), user });
  const { quality } = withQuality(MAP, { ...calibration, members: 1 }, collector.scores());
  if (quality === undefined) throw new Error("it was measured");
  return quality;
}

test("an encoder that was not fitted gets a calibration from all of its members", () => {
  const encoder = untrainedEncoder(tinySchema);
  const histories = someHistories({ users: 1_000, segments: 2, preference: 0.5 });
  const { calibrations, reports } = recalibrate(material({ histories }));
  expect(reports).toMatchObject([
    { map: "taste", users: 1_000, fresh: 1_000, outcome: "fitted", traffic: 0 },
  ]);
  expect(reports[0]?.after.logLoss).toBeLessThan(reports[0]?.before.logLoss ?? 0);
  const [fitted] = calibrations as [FittedCalibration];
  expect(fitted).toMatchObject({ encoder: encoder.version, segments: ["segment-0", "segment-1"] });
  const strangers = someHistories({ users: 2_000, segments: 2, preference: 0.5, seed: 2 });
  const cautious = defaultCalibration(encoder.version, "taste", 2);
  const before = strangersTold(encoder, histories, strangers, cautious);
  const after = strangersTold(encoder, histories, strangers, fitted);
  expect(after.logLoss).toBeLessThan(before.logLoss - 0.02);
  expect(after.ece).toBeLessThan(0.05);
});

test("labels by chance leave the prior: a member is not in the profile that they are scored by", () => {
  const histories = someHistories({ users: 80, segments: 2, preference: 0 });
  const { calibrations } = recalibrate(material({ histories }));
  expect(Math.max(...calibrations[0]!.kappa)).toBeLessThan(0.2);
});

test("members whose labels the encoder has seen prove nothing: those it held out, and new ones, do", () => {
  const members = withRareItems(600, 1);
  const release = fitRelease(members, [MAP], tinySchema, { seed: 1 });
  const encoder = linearEncoder(decodeArtefact(release.artefact), tinySchema);
  const users = members.map(({ user }) => user);
  const reference = decodeReference(encodeReference(users, [MAP], release.heldOut));
  const newcomers = withRareItems(200, 2);
  const histories = [...members, ...newcomers];
  const strangers = withRareItems(2_000, 3);
  const given = material({ encoder, histories, reference, inForce: release.calibrations });
  const honest = recalibrate(given);
  expect(honest.reports).toMatchObject([{ users: 800, fresh: 200 }]);
  const told = strangersTold(encoder, histories, strangers, honest.calibrations[0]!);
  // Had the others been taken for strangers, it would be so confident that the prior alone did better.
  const naive = recalibrate({ ...given, reference: NO_REFERENCE });
  const fooled = strangersTold(encoder, histories, strangers, naive.calibrations[0]!);
  expect(told.logLoss).toBeLessThan(Math.log(2) - 0.02);
  expect(fooled.logLoss).toBeGreaterThan(Math.log(2));
  expect(fooled.ece).toBeGreaterThan(told.ece + 0.04);
});

test("with too few users what is in force stays", () => {
  const held: FittedCalibration = { ...defaultCalibration("e", "taste", 2), members: 9 };
  const few = material({ histories: someHistories({ users: 20, segments: 2 }), inForce: [held] });
  expect(recalibrate(few)).toMatchObject({ calibrations: [held], reports: [{ outcome: "too-few" }] });
  const alone = someHistories({ users: 200, segments: 1 });
  expect(recalibrate(material({ histories: alone })).calibrations).toEqual([]);
});

test("a calibration in force that tells no worse is kept, with curves of today", () => {
  const histories = someHistories({ users: 1_000, segments: 2, preference: 0.5 });
  const [fitted] = recalibrate(material({ histories })).calibrations as [FittedCalibration];
  const { quality: _, ...inForce } = fitted;
  const again = recalibrate(material({ histories, inForce: [inForce] }));
  // It was fitted on these very users, so no half of them can do better.
  expect(again.reports).toMatchObject([{ outcome: "kept" }]);
  expect(again.calibrations[0]).toEqual(fitted);
});

test("the same material gives the same calibrations", () => {
  const histories = someHistories({ users: 300, segments: 2 });
  expect(recalibrate(material({ histories }))).toEqual(recalibrate(material({ histories })));
});

test("a map that starts from the traffic's shares gets those of the anonymous users", () => {
  const encoder = untrainedEncoder(tinySchema);
  const histories = someHistories({ users: 1_000, segments: 2, preference: 0.6 });
  const anonymous = someHistories({ users: 3_000, segments: 2, preference: 0.6, seed: 5 }).filter(
    ({ labels }, i) => labels["taste"] === "segment-0" || i % 8 === 1,
  );
  const share = anonymous.filter(({ labels }) => labels["taste"] === "segment-0").length / anonymous.length;
  const profiles = new MembersProfiles(MAP, encoder);
  for (const { labels, ...history } of histories)
    profiles.add(
      labels["taste"] === "segment-0" ? 0 : 1,
      maskedSamples({ ...history, labels }, encoder, tinySchema, 0).at(-1)!.embedding,
    );
  const scorer = prepareScorer(profiles.published());
  const scores = newScoreBuffer(2);
  const seen = anonymous.map((history) => {
    const { embedding, evidence } = maskedSamples(history, encoder, tinySchema, 0).at(-1)!;
    scoreInto(scorer, embedding, evidence, scores);
    return { evidence, similarities: [...scores.similarities] };
  });
  const sample = {
    similarities: Float64Array.from(seen.flatMap(({ similarities }) => similarities)),
    evidence: Float64Array.from(seen, ({ evidence }) => evidence),
  };
  const map = { ...MAP, prior: "traffic" } as const;
  const traffic = new Map([["taste", sample]]);
  const { calibrations, reports } = recalibrate(material({ histories, maps: [map], traffic }));
  expect(reports[0]).toMatchObject({ traffic: anonymous.length });
  expect(Math.abs(calibrations[0]!.prior![0]! - share)).toBeLessThan(0.06);
  expect(calibrations[0]!.quality?.prior).toBe("traffic");
  // A map of the members' shares, and one without a sample, have none.
  expect(recalibrate(material({ histories, traffic })).calibrations[0]).not.toHaveProperty("prior");
  expect(recalibrate(material({ histories, maps: [map] })).calibrations[0]).not.toHaveProperty("prior");
});

test("a reference holds what was held out, and knows who was seen", () => {
  const heldOut = heldOutWorld({ users: 200 });
  const map: SegmentMap = { ...MAP, segments: [{ name: "a" }, { name: "b" }, { name: "c" }] };
  const reference = decodeReference(encodeReference(["ada", "bob"], [map], [heldOut]));
  expect(["ada", "bob", "cyd"].map((user) => reference.hasSeen(user))).toEqual([true, true, false]);
  const kept = reference.heldOut(map)!;
  expect(kept).toEqual({ ...heldOut, similarities: heldOut.similarities.map(Math.fround) });
  expect(reference.heldOut({ ...map, segments: map.segments.toReversed() })).toBeUndefined();
  expect(reference.heldOut({ ...map, name: "other" })).toBeUndefined();
});

test("what is kept of a fit knows how its users came", () => {
  const { heldOut } = arrivedWorld({ users: 100 });
  const map = aMap();
  const kept = decodeReference(encodeReference([], [map], [heldOut])).heldOut(map);
  expect(kept?.arrivals).toEqual(heldOut.arrivals);
});

test("a calibration anew learns what contexts tell from all members, and weighs it on those who are new", () => {
  const came = (history: History, u: number): History => ({
    ...history,
    // Four in five of a segment come by its own referrer.
    arrival: arrivalOf({
      referrer: (u % 5 === 0) === (history.labels["taste"] === "segment-0") ? "a" : "b",
    })!,
  });
  const histories = someHistories({ users: 600, segments: 2, preference: 0.1, seed: 3 }).map(came);
  const { calibrations, reports } = recalibrate(material({ histories }));
  const { contextPrior, quality } = calibrations[0]!;
  expect(contextPrior?.levels.map(({ field }) => field)).toEqual(["referrer"]);
  expect(contextPrior?.gain.members).toBe(600);
  expect(contextPrior?.weights[1]).toBeGreaterThan(0.5); // Behaviour says little of these.
  const bare = histories.map(({ arrival: _, ...history }) => history);
  const without = recalibrate(material({ histories: bare })).calibrations[0]!;
  expect(without).not.toHaveProperty("contextPrior");
  expect(quality!.logLoss).toBeLessThan(without.quality!.logLoss - 0.1);
  // What is in force is measured with its context, too: it stays.
  const again = recalibrate(material({ histories, inForce: calibrations }));
  expect(again.reports[0]!.before.logLoss).toBeLessThan(reports[0]!.before.logLoss - 0.1);
  expect(again.calibrations[0]!.contextPrior?.levels).toEqual(contextPrior?.levels);
});

test("of very many segments a reference keeps fewer users, whole", () => {
  const names = Array.from({ length: 800 }, (_, i) => ({ name: `s${i}` }));
  const heldOut = heldOutWorld({ users: 700, prior: names.map(() => 1 / 800), kappa: names.map(() => 1) });
  const bytes = encodeReference([], [{ ...MAP, segments: names }], [heldOut]);
  expect(bytes.length).toBeLessThan(9_000_000);
  const kept = decodeReference(bytes).heldOut({ ...MAP, segments: names })!;
  const users = new Set(kept.users).size;
  expect(users).toBeLessThan(700);
  expect(kept.users.length).toBe(users * 5);
});

test("a pool takes all new users and fills up with those of the fit, and halves no user apart", () => {
  const [first, second] = [heldOutWorld({ users: 30 }), heldOutWorld({ users: 50, seed: 2 })];
  const pool = poolHeldOut(first, second, 40);
  expect(new Set(pool.users).size).toBe(40);
  expect(pool.labels.subarray(0, first.labels.length)).toEqual(first.labels);
  const halves = inHalves(pool);
  const [one, other] = halves.map(({ users }) => new Set(users));
  expect(one!.size + other!.size).toBe(40);
  expect([...one!].filter((user) => other!.has(user))).toEqual([]);
  expect(onlyUsers(pool, new Set(first.users)).labels).toEqual(first.labels);
});

test("in a pool, and in its halves, users are still known by how they came", () => {
  const [first, second] = [arrivedWorld({ users: 30 }).heldOut, arrivedWorld({ users: 20, seed: 9 }).heldOut];
  const pool = poolHeldOut(first, second, 50);
  expect(pool.arrivals?.size).toBe(50);
  const halves = inHalves(pool);
  for (const { arrivals, users } of halves) {
    expect(new Set(arrivals?.keys())).toEqual(new Set(users));
    for (const [user, arrival] of arrivals ?? []) expect(pool.arrivals?.get(user)).toEqual(arrival);
  }
});

test("one more new user changes nobody's number", () => {
  const reference = heldOutWorld({ users: 50, seed: 2 });
  const numbersWith = (users: number) => [...poolHeldOut(heldOutWorld({ users }), reference, 500).users];
  expect(numbersWith(31).slice(31 * 5)).toEqual(numbersWith(30).slice(30 * 5));
});
