import type { FeatureEvent } from "../features/feature-event.ts";
import type { SparseSlab } from "../features/feature-schema.ts";
import { attributeExactly } from "./attribute-exactly.ts";
import { attributeInOrder } from "./attribute-in-order.ts";
import type { Share } from "./attribution.ts";
import type { Part } from "./explanation.ts";
import { Rescore, type ScoredUser, type ScoringParts } from "./rescore.ts";
import { nextResonating } from "./thresholds.ts";

/** A user's distribution after some of their events. */
export type JourneyPoint = Readonly<{
  /** Events done by then, of all that the user did. */
  done: number;
  /** As of when it is scored, epoch ms; 0 before the first event of all. */
  atMs: number;
  /** Effective events. */
  evidence: number;
  /** Shape [segments + 1]; "none" is last. */
  probabilities: readonly number[];
  /** Places of the segments that resonate; null where older events, which are not held, have a part in that. */
  resonating: readonly number[] | null;
}>;

/** What one source adds to the logits before an event and after it. */
export type SourceChange = Omit<Part, "value" | "event"> &
  Readonly<{
    /** Shape [segments], in log odds: against "none" in an exclusive map, of the segment itself in an independent one. */
    before: readonly number[];
    after: readonly number[];
  }>;

/** How a user's distribution came to be what it is, event by event, under what is in force now. */
export type Journey = Readonly<{
  /** Before the first event told, and after each of them: one more than events are told. */
  points: readonly JourneyPoint[];
  /**
   * Whether each point is what would have been served then under what is in force now. If not, older events than those held have
   * a part in it that can't be computed again: features stay as they are.
   */
  isExact: boolean;
  /** What one event has changed; null if there is none. */
  step: Readonly<{ event: number; sources: readonly SourceChange[] }> | null;
}>;

/** What of a journey is told. */
export type JourneyAspect = Readonly<{
  /** So many of the newest events, at most. */
  events: number;
  /** Events that the user has done, of which the newest are held. */
  done: number;
  /** Place among the events told of the one that is taken apart; the newest if left out or not there. */
  event?: number | undefined;
  /** What the user's log prior differs by from everybody's, with so many effective events. */
  shiftsAt(evidence: number): readonly Share[];
}>;

/** Scores a user after each of their newest events, by the same code as they are scored by. */
export function scoreJourney(parts: ScoringParts, user: ScoredUser, aspect: JourneyAspect): Journey {
  const held = user.events.length;
  const first = Math.max(0, held - aspect.events);
  const rescores = prefixesOf(parts, user).map((prefix) => {
    const isNobody = user.isWhole && prefix.events.length === 0;
    const evidence = parts.encoder.evidence(prefix.held.slab, 0, prefix.atMs);
    const shifts = isNobody ? [] : aspect.shiftsAt(evidence); // How somebody came is known by what they did first.
    return new Rescore(parts, shifts.length === 0 ? prefix : { ...prefix, shifts });
  });
  const points = pointsOf(parts, rescores, user.isWhole, aspect.done - held);
  const told = rescores.slice(first);
  const last = told.length - 2;
  const asked = aspect.event ?? last;
  const event = asked >= 0 && asked <= last ? asked : last;
  return {
    points: points.slice(first),
    isExact: user.isWhole,
    step: event < 0 ? null : { event, sources: changesOf(parts, told[event]!, told[event + 1]!) },
  };
}

/** The user after none, one, two ... of the events held. */
function prefixesOf(parts: ScoringParts, user: ScoredUser): ScoredUser[] {
  const { encoder, schema } = parts;
  if (user.isWhole) return wholePrefixes(parts, user);
  const { events } = user;
  const features = new Float32Array(schema.width);
  schema.readSparse(user.held, user.atMs, features);
  const withState = (slab: Float64Array, count: number): ScoredUser => ({
    held: { ...slabOf(slab, encoder.slots), mask: 0 },
    events: events.slice(0, count),
    isWhole: false,
    atMs: timeAfter(user, count),
    features,
  });
  const slab = new Float64Array(encoder.slots);
  if (encoder.takeOff === undefined) {
    const prefixes = [withState(slab.slice(), 0)];
    for (const [e, event] of events.entries()) {
      encoder.fold(slab, 0, event);
      prefixes.push(withState(slab.slice(), e + 1));
    }
    return prefixes;
  }
  slab.set(user.held.slab.subarray(0, encoder.slots));
  const prefixes = [withState(slab.slice(), events.length)];
  for (let left = events.length - 1; left >= 0; left--) {
    encoder.takeOff(slab, 0, events.slice(left, left + 1), timeAfter(user, left));
    prefixes.push(withState(slab.slice(), left));
  }
  return prefixes.reverse();
}

/** Folds the events anew, as the shard has. */
function wholePrefixes({ encoder, schema }: ScoringParts, user: ScoredUser): ScoredUser[] {
  const held = slabOf(new Float64Array(encoder.slots), encoder.slots);
  const after = (count: number): ScoredUser => ({
    held: { ...slabOf(held.slab.slice(), encoder.slots), mask: held.mask },
    events: user.events.slice(0, count),
    isWhole: true,
    atMs: timeAfter(user, count),
  });
  const prefixes = [after(0)];
  for (const [e, event] of user.events.entries()) {
    schema.foldSparse(held, event);
    encoder.fold(held.slab, 0, event);
    prefixes.push(after(e + 1));
  }
  return prefixes;
}

function slabOf(slab: Float64Array, featuresAt: number): SparseSlab {
  return {
    slab,
    mask: 0,
    featuresAt,
    exchange(slots, copy) {
      const before = this.slab;
      this.slab = new Float64Array(slots);
      copy(before, this.slab);
    },
  };
}

/**
 * When the user was heard of last by then. An `identify` behind all events counts for the last point; where an event that is not
 * held was the newest, it was so all along.
 */
function timeAfter({ events, atMs, isWhole }: ScoredUser, count: number): number {
  if (count === events.length || (!isWhole && (count === 0 || atMs > newestMs(events, events.length))))
    return atMs;
  return newestMs(events, count);
}

function newestMs(events: readonly FeatureEvent[], count: number): number {
  let newest = 0;
  for (let e = 0; e < count; e++) newest = Math.max(newest, events[e]!.tsMs);
  return newest;
}

function pointsOf(
  { scorer }: ScoringParts,
  rescores: readonly Rescore[],
  isWhole: boolean,
  earlier: number,
): JourneyPoint[] {
  const resonating = new Set<number>();
  const mayResonate = scorer.version > 0; // Before the first publication there is nothing to resonate with.
  return rescores.map((rescore, count) => {
    const probabilities = rescore.distribution();
    for (let k = 0; k < scorer.segments.length; k++) {
      const was = resonating.has(k);
      const is = nextResonating(was, probabilities[k]!, rescore.evidence, scorer.thresholds, k);
      if (is && mayResonate && count > 0) resonating.add(k);
      else resonating.delete(k);
    }
    return {
      done: earlier + count,
      atMs: rescore.user.atMs,
      evidence: rescore.evidence,
      probabilities: [...probabilities],
      resonating: isWhole ? [...resonating].sort((a, b) => a - b) : null,
    };
  });
}

function changesOf(parts: ScoringParts, before: Rescore, after: Rescore): SourceChange[] {
  const changes = new Map<string, { label: Share["label"]; before: number[]; after: number[] }>();
  const { segments, mode } = parts.scorer;
  for (const [side, rescore] of [
    ["before", before],
    ["after", after],
  ] as const)
    for (const { label, values } of sourcesOf(parts, rescore)) {
      const key = `${label.kind} ${label.name ?? ""}`;
      const change = changes.get(key) ?? {
        label,
        before: segments.map(() => 0),
        after: segments.map(() => 0),
      };
      changes.set(key, change);
      const against = mode === "exclusive" ? values[segments.length]! : 0;
      for (const k of segments.keys()) change[side][k]! += values[k]! - against;
    }
  return [...changes.values()].map(({ label: { kind, name }, before: from, after: to }) => ({
    kind,
    ...(name === undefined ? {} : { name }),
    before: from,
    after: to,
  }));
}

function sourcesOf(parts: ScoringParts, rescore: Rescore): readonly Share[] {
  const { encoder } = parts;
  return encoder.decompose === undefined
    ? attributeInOrder(parts, rescore, 0).bySource
    : attributeExactly(parts, encoder.decompose, rescore, 0).bySource;
}
