import { currentVersion } from "../actors/raise-pointer.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import type { WhyOff } from "../resonance/choose-threshold.ts";
import type { ContextPrior } from "../resonance/cold-start/context-prior.ts";
import { leaveThreshold } from "../resonance/hysteresis.ts";
import type {
  CalibrationQuality,
  FittedCalibration,
  PublishedPrivacy,
  PublishedProfiles,
} from "../resonance/published-profiles.ts";
import { prepareScorer } from "../resonance/scorer.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import { segmentThresholds } from "../resonance/segment-thresholds.ts";
import { type ServedCurve, servedCurve } from "../resonance/served-curve.ts";
import type { SegmentThreshold } from "../resonance/thresholds.ts";
import type { GatewayPorts } from "./gateway-ports.ts";

/** One map in the reply of `profiles`. */
export type ProfilesReply = Readonly<{
  map: string;
  mode: SegmentMap["mode"];
  /** 0 before the first publication. */
  version: number;
  encoder: string | null;
  /** Milliseconds since the newest sample's event time; null before the first publication. */
  ageMs: number | null;
  segments: readonly Readonly<{
    segment: string;
    members: number;
    /** Probabilities at which a user starts and stops to resonate; null while the segment is off. */
    threshold: Readonly<{ enter: number; leave: number }> | null;
    /** Why it is off. */
    off?: WhyOff;
  }>[];
  /** Authenticated users in the window who belong to none of the segments. */
  background: number;
  threshold: SegmentMap["threshold"];
  calibration: Readonly<{
    members: number;
    kappa: readonly number[];
    /** What the context of a first visit tells; left out if it tells nothing. */
    context?: Omit<ContextPrior, "counts">;
  }> | null;
  /** If it was asked for: how well held-out users were told; null before the first fit. */
  quality?: ProfileQuality | null;
  /** Of a private map: what its profiles promise, and what has been spent; null before the first publication. */
  privacy?: PublishedPrivacy | null;
  /** Centred cosine of each pair of profiles that have members: near 1, the two segments behave alike. */
  overlap: readonly Readonly<{ a: string; b: string; similarity: number }>[];
}>;

/** How well a map's calibration told held-out users, one vote each. */
export type ProfileQuality = Omit<CalibrationQuality, "curves"> &
  Readonly<{ curves: readonly (ServedCurve & Readonly<{ segment: string }>)[] }>;

/** `profiles`: what is published of each map, or of one. */
export async function describeProfiles(
  ports: GatewayPorts,
  maps: readonly SegmentMap[],
  body: unknown,
): Promise<Readonly<{ maps: readonly ProfilesReply[] }>> {
  const { map: asked, curve = false } = fieldsOf(body, ["map", "curve"]);
  if (typeof curve !== "boolean")
    throw refused({ code: "WRONG_TYPE", message: "curve must be true or false" });
  if (asked !== undefined && !maps.some((map) => map.name === asked)) {
    const known = maps.map((map) => map.name).join(", ") || "none is";
    throw refused({ code: "UNKNOWN_MAP", message: `no such map is defined: ${known}` });
  }
  const chosen = maps.filter((map) => asked === undefined || map.name === asked);
  return { maps: await Promise.all(chosen.map((map) => describe(ports, map, curve))) };
}

async function describe(ports: GatewayPorts, map: SegmentMap, withCurve: boolean): Promise<ProfilesReply> {
  const published = await newestProfiles(ports, map.name);
  const members = new Map(published?.profiles.map((profile) => [profile.segment, profile.members]));
  const thresholds = new Map(
    published?.profiles.map(({ segment }, k) => [segment, published.thresholds?.[k]]),
  );
  return {
    map: map.name,
    mode: map.mode,
    version: published?.version ?? 0,
    encoder: published?.encoder ?? null,
    ageMs: published === undefined ? null : Math.max(0, ports.clock.nowMs() - published.watermarkMs),
    segments: map.segments.map(({ name }, k) => ({
      segment: name,
      members: members.get(name) ?? 0,
      ...thresholdIn(thresholds.get(name), map, k),
    })),
    background: published?.background ?? 0,
    threshold: map.threshold,
    calibration: published === undefined ? null : described(published.calibration),
    ...(withCurve ? { quality: await qualityOf(ports, map, published) } : {}),
    ...(map.privacy === undefined ? {} : { privacy: published?.privacy ?? null }),
    overlap: published === undefined ? [] : overlapOf(published),
  };
}

function described({
  members,
  kappa,
  contextPrior,
}: PublishedProfiles["calibration"]): ProfilesReply["calibration"] {
  if (contextPrior === undefined) return { members, kappa };
  const { levels, weights, gain } = contextPrior;
  return { members, kappa, context: { levels, weights, gain } };
}

/** The threshold in force; before a publication, what the definitions say. */
function thresholdIn(
  published: SegmentThreshold | undefined,
  map: SegmentMap,
  segment: number,
): Pick<ProfilesReply["segments"][number], "threshold" | "off"> {
  const threshold = published ?? segmentThresholds(map, undefined)?.[segment];
  if (threshold?.enter === null) return { threshold: null, off: threshold.why };
  const enter = threshold?.enter ?? ("enter" in map.threshold ? map.threshold.enter : 1);
  return { threshold: { enter, leave: threshold?.leave ?? leaveThreshold(enter) } };
}

/** Points of all curves of a map together: a reply may not have a megabyte. */
const POINTS_MAX = 12_000;
const CURVE_POINTS = { min: 8, max: 50 } as const;
const CONFIDENCE = 0.95;

/** From where the calibration in force lies with all that was found out about it. */
async function qualityOf(
  ports: GatewayPorts,
  map: SegmentMap,
  published: PublishedProfiles | undefined,
): Promise<ProfileQuality | null> {
  if (published?.fittedIn === undefined) return null;
  const bytes = await ports.releases.get(published.fittedIn);
  if (bytes === undefined) return null;
  const stored = JSON.parse(new TextDecoder().decode(bytes)) as readonly FittedCalibration[];
  const { quality, segments = [] } = stored.find((one) => one.map === map.name) ?? {};
  if (quality === undefined) return null;
  const even = Math.floor(POINTS_MAX / segments.length);
  const points = Math.min(CURVE_POINTS.max, Math.max(CURVE_POINTS.min, even));
  const curves = quality.curves.map((curve, k) => {
    const rule = map.segments.find(({ name }) => name === segments[k])?.threshold ?? map.threshold;
    const confidence = "confidence" in rule ? rule.confidence : CONFIDENCE;
    return { segment: segments[k] ?? "", ...servedCurve(curve, confidence, points) };
  });
  return { ...quality, curves };
}

/** What is published of a map; undefined before the first time. */
export async function newestProfiles(
  ports: Pick<GatewayPorts, "decodeProfiles" | "releases">,
  map: string,
): Promise<PublishedProfiles | undefined> {
  const version = await currentVersion(ports.releases, `profiles.${map}`);
  if (version === undefined) return undefined;
  const bytes = await ports.releases.get(`profiles.${map}.${version}`);
  return bytes === undefined ? undefined : ports.decodeProfiles(bytes);
}

/** Pairs of a thousand segments would fill any reply, and half a million of them memory: the most alike are told. */
const PAIRS_MAX = 200;
type Pair = ProfilesReply["overlap"][number];

function overlapOf(published: PublishedProfiles): ProfilesReply["overlap"] {
  const { directions, dim } = prepareScorer(published);
  const pairs: Pair[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (const [i, first] of published.profiles.entries()) {
    for (const [j, second] of published.profiles.entries()) {
      if (j <= i || first.members === 0 || second.members === 0) continue;
      let similarity = 0;
      for (let d = 0; d < dim; d++)
        similarity += (directions[i * dim + d] ?? 0) * (directions[j * dim + d] ?? 0);
      if (similarity <= least) continue;
      pairs.push({ a: first.segment, b: second.segment, similarity });
      if (pairs.length === 2 * PAIRS_MAX) least = keepMostAlike(pairs);
    }
  }
  keepMostAlike(pairs);
  return pairs;
}

/** Sorts and cuts off. @returns What a further pair must exceed to belong to them. */
function keepMostAlike(pairs: Pair[]): number {
  pairs.sort((x, y) => y.similarity - x.similarity);
  pairs.length = Math.min(pairs.length, PAIRS_MAX);
  return pairs.length === PAIRS_MAX ? (pairs.at(-1)?.similarity ?? 0) : Number.NEGATIVE_INFINITY;
}
