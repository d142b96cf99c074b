import type { Encoder, History } from "../embedding/encoder.ts";
import type { Arrival } from "../features/arrival.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { hash32, rehash32 } from "../kernel/hash.ts";
import { fitMap, withQuality } from "./calibrate.ts";
import { arrivalsOf, type MapArrivals } from "./cold-start/fit-context-prior.ts";
import { defaultCalibration } from "./default-calibration.ts";
import type { FitReference } from "./fit-reference.ts";
import { isFittedFor } from "./fitted-for.ts";
import { HeldOutCollector } from "./held-out-collector.ts";
import type { HeldOutScores } from "./held-out-scores.ts";
import { type MaskedSample, maskedSamples } from "./masked-members.ts";
import { MembersProfiles } from "./members-profiles.ts";
import { inHalves, onlyUsers, poolHeldOut } from "./pool-held-out.ts";
import type { Calibration, FittedCalibration } from "./published-profiles.ts";
import { prepareScorer } from "./scorer.ts";
import type { SegmentMap } from "./segment-map.ts";
import { type TrafficSample, trafficPrior } from "./traffic-prior.ts";

/** How well held-out users are told. */
export type Told = Readonly<{ logLoss: number; ece: number }>;

export type MapReport = Readonly<{
  map: string;
  /** Held-out users, and those of them whose labels the encoder had not seen when it was fitted. */
  users: number;
  fresh: number;
  /**
   * The fresh ones, if there are 50, else all of them, told by the calibration in force, and by one that was fitted on the other
   * half of all.
   */
  before: Told;
  after: Told;
  /** `kept`: the new one told them no better, so that only the curves are new; `too-few`: nothing is. */
  outcome: "fitted" | "kept" | "too-few";
  /** Anonymous users that the traffic's shares were estimated from; 0 if the members' shares stay. */
  traffic: number;
}>;

export type Recalibration = Readonly<{
  /** One for each map that there were enough users for, and those in force of the others. */
  calibrations: readonly FittedCalibration[];
  reports: readonly MapReport[];
}>;

export type RecalibrationMaterial = Readonly<{
  encoder: Encoder;
  maps: readonly SegmentMap[];
  schema: FeatureSchema;
  histories: readonly History[];
  reference: FitReference;
  /** What is in force; none for a map that has the default. */
  inForce: readonly FittedCalibration[];
  /** Anonymous users, for maps that start from the traffic's shares. */
  traffic: ReadonlyMap<string, TrafficSample>;
}>;

/** Held-out users a map, members who are new to the encoder first: more would not make a fit surer. */
const USERS_MAX = 8_000;
/** Of many segments fewer users: six samples of each are held in memory, with a similarity a segment. */
const SIMILARITIES_MAX = 600_000;
/** Below this many users what is in force stays. */
const USERS_MIN = 50;
const SALT = 0x66726573;

/**
 * Fits calibrations anew for the encoder in force, on members scored as if they were anonymous: by profiles without them,
 * at several lengths of their history.
 *
 * Only members whose labels the encoder has not seen count, since the others look nearer to their segments than a stranger
 * would; beside them stand the users that the encoder's own fit held out.
 */
export function recalibrate(material: RecalibrationMaterial): Recalibration {
  const embedded = embedMembers(material);
  const results = material.maps.map((map) => recalibrateMap(material, map, embedded));
  return {
    calibrations: results.flatMap(({ calibration }) => (calibration === undefined ? [] : [calibration])),
    reports: results.map(({ report }) => report),
  };
}

type Embedded = Readonly<{
  /** The hash of the user's id: draws by it are the same from day to day. */
  number: number;
  labels: History["labels"];
  arrival?: Arrival;
  newestMs: number;
  isFresh: boolean;
  /** Of a member who is not fresh, the whole history alone. */
  samples: readonly MaskedSample[];
}>;

function embedMembers({ encoder, schema, histories, reference }: RecalibrationMaterial): readonly Embedded[] {
  const told = histories.filter(({ events }) => events.length > 0);
  const fresh = told
    .filter(({ user }) => !reference.hasSeen(user))
    .map(({ user }) => ({ user, rank: rehash32(hash32(user), SALT) }))
    .sort((a, b) => a.rank - b.rank || (a.user < b.user ? -1 : 1))
    .slice(0, USERS_MAX);
  const isFresh = new Set(fresh.map(({ user }) => user));
  return told.map((history) => ({
    number: hash32(history.user),
    labels: history.labels,
    ...(history.arrival === undefined ? {} : { arrival: history.arrival }),
    newestMs: history.events.reduce((newest, { tsMs }) => Math.max(newest, tsMs), 0),
    isFresh: isFresh.has(history.user),
    samples: maskedSamples(history, encoder, schema, isFresh.has(history.user) ? undefined : 0),
  }));
}

function recalibrateMap(
  { encoder, inForce, reference, traffic }: RecalibrationMaterial,
  map: SegmentMap,
  members: readonly Embedded[],
): { calibration: FittedCalibration | undefined; report: MapReport } {
  const usersMax = Math.min(USERS_MAX, Math.ceil(SIMILARITIES_MAX / map.segments.length));
  const { profiles, heldOut: fresh } = scoreMasked(map, encoder, members, usersMax);
  const kept = reference.heldOut(map);
  const heldOut = poolHeldOut(fresh, kept, usersMax);
  const users = new Set(heldOut.users).size;
  const held = inForce.find((one) => isFittedFor(one, map));
  const cautious = defaultCalibration(encoder.version, map.name, map.segments.length);
  const present = held ?? { ...cautious, members: users };
  const freshUsers = new Set(fresh.users);
  // What is in force may have been fitted on those that the encoder's fit held out: the others tell.
  const measured = freshUsers.size < USERS_MIN ? new Set(heldOut.users) : freshUsers;
  const arrivals = arrivalsOf(map, members);
  const { before, after } = compare(encoder.version, map, present, { heldOut, arrivals }, measured);
  const counted = { map: map.name, users, fresh: freshUsers.size, before, after };
  if (users < USERS_MIN || segmentsIn(heldOut) < 2)
    return { calibration: held, report: { ...counted, outcome: "too-few", traffic: 0 } };
  // The default is a guess: whatever was fitted takes its place.
  const isBetter = held === undefined || after.logLoss <= before.logLoss;
  const { prior: _, ...fitted } = isBetter ? fitMap(encoder.version, map, heldOut, arrivals) : present;
  const sample = map.prior === "traffic" ? traffic.get(map.name) : undefined;
  const { logPrior } = prepareScorer(profiles.published());
  const prior = sample === undefined ? undefined : trafficPrior(fitted, sample, logPrior, map.mode);
  const calibration = withQuality(map, prior === undefined ? fitted : { ...fitted, prior }, heldOut);
  return {
    calibration,
    report: {
      ...counted,
      outcome: isBetter ? "fitted" : "kept",
      traffic: prior === undefined ? 0 : (sample?.evidence.length ?? 0),
    },
  };
}

/** The map's profiles from members within its window, and the fresh ones as profiles without them see them. */
function scoreMasked(
  map: SegmentMap,
  encoder: Encoder,
  members: readonly Embedded[],
  usersMax: number,
): { profiles: MembersProfiles; heldOut: HeldOutScores } {
  const { bucketMs, buckets } = map.window;
  const newestMs = members.reduce((newest, member) => Math.max(newest, member.newestMs), 0);
  const startMs = (Math.floor(newestMs / bucketMs) - buckets + 1) * bucketMs;
  const places = new Map(map.segments.map(({ name }, k) => [name, k]));
  const profiles = new MembersProfiles(map, encoder);
  const labelled = members.map((member) => ({
    ...member,
    label: places.get(member.labels[map.name] ?? "") ?? -1,
    isInside: member.newestMs >= startMs,
    whole: member.samples.at(-1)!,
  }));
  for (const { label, isInside, whole } of labelled) if (isInside) profiles.add(label, whole.embedding);
  const collector = new HeldOutCollector({ segments: map.segments.length, mode: map.mode });
  let users = 0;
  for (const { isFresh, isInside, label, number: user, samples, whole, arrival } of labelled) {
    if (!isFresh || users === usersMax) continue;
    users++;
    collector.arrive(user, arrival);
    const without = isInside ? { segment: label, embedding: whole.embedding } : undefined;
    const scorer = prepareScorer(profiles.published(without));
    for (const { embedding, evidence } of samples)
      collector.add(scorer, embedding, { evidence, label, user });
  }
  return { profiles, heldOut: collector.scores() };
}

/**
 * Log-loss and ECE of what is in force and of a new fit, each user told by a fit on the other half.
 *
 * @param measured - The users who are told; the others are only fitted on.
 */
function compare(
  encoder: string,
  map: SegmentMap,
  present: Calibration,
  { heldOut, arrivals }: Readonly<{ heldOut: HeldOutScores; arrivals: MapArrivals }>,
  measured: ReadonlySet<number>,
): { before: Told; after: Told } {
  const { prior: _, ...underMembers } = present;
  const halves = inHalves(heldOut);
  const told = halves.map((half, i) => {
    const asked = onlyUsers(half, measured);
    const fitted = atLeastOne(fitMap(encoder, map, halves[1 - i]!, arrivals));
    return {
      before: withQuality(map, underMembers, asked).quality,
      after: withQuality(map, fitted, asked).quality,
    };
  });
  const mean = (of: "before" | "after", what: keyof Told): number => {
    const users = told.reduce((sum, one) => sum + (one[of]?.users ?? 0), 0);
    const sum = told.reduce((all, one) => all + (one[of]?.users ?? 0) * (one[of]?.[what] ?? 0), 0);
    return users === 0 ? 0 : sum / users;
  };
  const both = (of: "before" | "after"): Told => ({ logLoss: mean(of, "logLoss"), ece: mean(of, "ece") });
  return { before: both("before"), after: both("after") };
}

/** A calibration that nobody stood for counts as fitted, so that it is measured. */
function atLeastOne(calibration: Calibration): Calibration {
  return calibration.members > 0 ? calibration : { ...calibration, members: 1 };
}

function segmentsIn({ labels }: HeldOutScores): number {
  return new Set(labels.filter((label) => label >= 0)).size;
}
