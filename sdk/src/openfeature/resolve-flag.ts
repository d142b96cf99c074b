import {
  type FlagMetadata,
  FlagNotFoundError,
  type FlagValueType,
  type JsonValue,
  type ResolutionDetails,
  StandardResolutionReasons,
  TypeMismatchError,
} from "@openfeature/server-sdk";
import type { Content, Score, SegmentScore } from "../answers.ts";
import type { Flag } from "./defined-flags.ts";

/** A value with what is told beside it; without a value the caller's default stands. */
export type Resolved = Omit<ResolutionDetails<JsonValue>, "value"> & Readonly<{ value?: JsonValue }>;

const { DEFAULT, DISABLED, SPLIT, STALE, TARGETING_MATCH } = StandardResolutionReasons;

/** What no segment of an exclusive map is called, as its strongest. */
const NONE = "none";

/**
 * The value of a flag of a segment or a map.
 *
 * @param isOld - Whether the answer is one of before, since the engine does not answer.
 * @throws TypeMismatchError if such a flag has no value of the type; FlagNotFoundError if the map has no such segment.
 */
export function fromScore(
  flag: Extract<Flag, { kind: "segment" | "map" }>,
  type: FlagValueType,
  score: Score,
  isOld: boolean,
): Resolved {
  const flagMetadata = scoreMetadata(score);
  // Whoever may not be personalised for gets what everybody gets: the caller's default.
  if (score.reason === "consent") return { reason: DISABLED, flagMetadata };
  const reason = isOld ? STALE : score.known ? TARGETING_MATCH : DEFAULT;
  if (flag.kind === "map") {
    const strongest = strongestOf(score);
    const variant = strongest?.segment ?? NONE;
    const told = strongest === undefined ? { probability: score.none } : numbersOf(strongest);
    const details = { reason, variant, flagMetadata: { ...flagMetadata, ...told } };
    if (type === "string") return { value: variant, ...details };
    if (type === "object") return { value: distributionOf(score), ...details };
    throw mismatch(flag, type, "a string or an object");
  }
  const held = score.segments.find(({ segment }) => segment === flag.segment);
  if (held === undefined) throw new FlagNotFoundError(`map "${flag.map}" has no segment "${flag.segment}"`);
  const { probability, resonating } = held;
  const variant = resonating ? "on" : "off";
  const details = { reason, variant, flagMetadata: { ...flagMetadata, ...numbersOf(held), resonating } };
  if (type === "boolean") return { value: resonating, ...details };
  if (type === "number") return { value: probability, ...details };
  if (type === "object") return { value: { ...held }, ...details };
  throw mismatch(flag, type, "a boolean, a number or an object");
}

/** The value of a flag of a placement. @throws TypeMismatchError if such a flag has no value of the type. */
export function fromContent(
  flag: Extract<Flag, { kind: "content" | "experiment" }>,
  type: FlagValueType,
  content: Content,
  isOld: boolean,
): Resolved {
  const flagMetadata = contentMetadata(content);
  if (flag.kind === "experiment") {
    if (type !== "string") throw mismatch(flag, type, "a string");
    const arm = content.experiment?.arm;
    if (arm === undefined) return { reason: content.reason === "consent" ? DISABLED : DEFAULT, flagMetadata };
    return { value: arm, variant: arm, reason: isOld ? STALE : SPLIT, flagMetadata };
  }
  if (type !== "string" && type !== "object") throw mismatch(flag, type, "a string or an object");
  if (content.content === null) return { reason: DEFAULT, flagMetadata };
  const isPersonal =
    content.basis === "member" || content.basis === "resonance" || content.basis === "context";
  const fresh = content.reason === "consent" ? DISABLED : isPersonal ? TARGETING_MATCH : DEFAULT;
  const reason = isOld ? STALE : fresh;
  const details = { reason, variant: content.content, flagMetadata };
  if (type === "string") return { value: content.content, ...details };
  return { value: choiceOf(content), ...details };
}

function strongestOf({ segments, none }: Score): SegmentScore | undefined {
  let strongest: SegmentScore | undefined;
  for (const segment of segments)
    if (segment.probability > (strongest?.probability ?? none)) strongest = segment;
  return strongest;
}

function distributionOf({ map, segments, none }: Score): JsonValue {
  return {
    map,
    none,
    segments: Object.fromEntries(segments.map(({ segment, probability }) => [segment, probability])),
    resonating: segments.filter(({ resonating }) => resonating).map(({ segment }) => segment),
  };
}

function choiceOf({ content, segment, arm, experiment, basis, propensity, decision }: Content): JsonValue {
  return {
    content,
    segment,
    arm,
    basis,
    propensity,
    decision,
    ...(experiment === undefined ? {} : { experiment: { ...experiment } }),
  };
}

function numbersOf({ probability, similarity }: SegmentScore): FlagMetadata {
  return { probability, similarity };
}

function scoreMetadata({ map, decision, evidence, known, versions, ages }: Score): FlagMetadata {
  return {
    map,
    decision,
    evidence,
    known,
    encoder: versions.encoder,
    profilesVersion: versions.profiles[map] ?? 0,
    segmentsVersion: versions.segments,
    ...(ages.contextMs === null ? {} : { contextAgeMs: ages.contextMs }),
  };
}

function contentMetadata(content: Content): FlagMetadata {
  const { placement, decision, arm, basis, propensity, segment, experiment, versions } = content;
  return {
    placement,
    decision,
    arm,
    basis,
    propensity,
    contentVersion: versions.content,
    ratesVersion: versions.rates,
    profilesVersion: versions.profiles,
    ...(segment === null ? {} : { segment }),
    ...(experiment === undefined ? {} : { experiment: experiment.name, experimentArm: experiment.arm }),
  };
}

function mismatch({ kind }: Flag, type: FlagValueType, fitting: string): TypeMismatchError {
  return new TypeMismatchError(`a flag of a ${kind} is ${fitting}, not a ${type}`);
}
