import type { Behaviour, PositionedEntry } from "../events/log-entry.ts";
import { arrivalOf } from "../features/arrival.ts";
import type { FeatureEvent } from "../features/feature-event.ts";
import { toFeatureEvent } from "../features/to-feature-event.ts";
import { assertNever } from "../kernel/assert.ts";
import { INPUTS } from "../privacy/consent/event-inputs.ts";
import { scoreEmbedded } from "../resonance/scorer.ts";
import { nextResonating } from "../resonance/thresholds.ts";
import { allowedOf } from "./allowed-of.ts";
import { Context, NO_ENTRIES, withEntry } from "./context.ts";
import { embedContext, rebuildIfStale } from "./embed-context.ts";
import { learnAnswers, withdraw } from "./fold-consent.ts";
import { foldControl } from "./fold-control.ts";
import { endErasures, foldErasure } from "./fold-erasure.ts";
import { foldExposure, followExperiments } from "./fold-experiments.ts";
import { foldExamples, foldFeedback, unlabelledMaps } from "./fold-feedback.ts";
import { offsetsOf } from "./log-offsets.ts";
import { mayBeMember } from "./may-be-member.ts";
import type { Outcome } from "./outcome.ts";
import type { Pace } from "./pace.ts";
import { isSampled, labelsOf, sampleOf, shortestBucketMs } from "./sampling.ts";
import type { ShardState } from "./shard-state.ts";
import { sampleForCandidate } from "./warm-up.ts";
import { tellsMore, withhold, withholdWhole } from "./withhold.ts";

/** Types that say who the user is, not what they do: members send them and strangers do not. */
const ADMINISTRATIVE: ReadonlySet<string> = new Set(["identify", "consent"]);

/** Of a decision, these tell what the engine did, or that the user did nothing: behaviour they are not. */
const NO_ACTS_OF_A_CHOICE: ReadonlySet<string> = new Set(["impression", "dismiss"]);

/** Whether a behaviour is something that the user did. */
export function isAct({ type, feedback, exposure }: Behaviour): boolean {
  if (exposure !== undefined) return false;
  return !ADMINISTRATIVE.has(type) && (feedback === undefined || !NO_ACTS_OF_A_CHOICE.has(type));
}

/** Outputs that an entry has fewer of than this: each of a message's entries numbers its own. */
const OUTPUTS_MAX = 2 ** 20;
/** Traits and labels kept a user; more are not taken in. */
const RECORD_MAX = 64;

/**
 * Applies log entries to a shard's contexts, in log order.
 *
 * @param shard - Owned by the caller; changed in place. `applied` is the last sequence that its contexts contain.
 * `folding` is the entry at hand, and so the one to blame for what is thrown.
 * @param entries - Those of one message are all there, or those that count.
 * @param outcome - Receives what the host must commit together with `applied`, and publish after that.
 */
export function foldBatch(shard: ShardState, entries: readonly PositionedEntry[], outcome: Outcome): void {
  for (let at = 0; at < entries.length; at++) {
    const positioned = entries[at]!;
    const { sequence, entry } = positioned;
    if (sequence <= shard.applied) continue; // Replayed: the contexts contain it.
    shard.folding = positioned;
    switch (entry.kind) {
      case "behaviour":
        foldBehaviour(shard, entry, positioned, outcome);
        break;
      case "encoder-prepared":
      case "encoder-activated":
      case "profiles-activated":
      case "segments-activated":
      case "segments-prepared":
      case "encoder-discarded":
      case "content-activated":
      case "rates-activated":
      case "experiments-activated":
      case "policy-activated":
      case "warm-up-continued":
        foldControl(shard, entry, positioned, outcome);
        break;
      case "erase":
        foldErasure(shard, entry, positioned, outcome);
        break;
      case "erased":
        endErasures(shard, entry.ids, outcome);
        break;
      case "redacted":
        break; // What it was is gone; its place counts.
      default:
        assertNever(entry);
    }
    if (entries[at + 1]?.sequence !== sequence) shard.applied = sequence;
  }
}

function foldBehaviour(
  shard: ShardState,
  behaviour: Behaviour,
  positioned: PositionedEntry,
  outcome: Outcome,
): void {
  const { sequence, loggedAtMs } = positioned;
  const context = contextOf(shard, behaviour.user);
  const index = (positioned.place ?? 0) * OUTPUTS_MAX;
  const at = { sequence, index, loggedAtMs };
  if (behaviour.exposure !== undefined) {
    if (!shard.consent.isCounted(allowedOf(shard, context))) {
      withholdWhole(shard, context, "analytics");
      return;
    }
    touch(shard, context, outcome);
    context.lastSequence = sequence;
    foldExposure(shard, context, behaviour.exposure, { ...at, tsMs: behaviour.tsMs }, outcome);
    return;
  }
  if (!context.seen.add(behaviour.id)) {
    shard.counters.duplicates++;
    return;
  }
  shard.counters.events++;
  touch(shard, context, outcome);
  rebuildIfStale(shard, context);
  const refused = learnAnswers(shard.consent, context, behaviour);
  const allowed = allowedOf(shard, context);
  const hasWithdrawn = refused !== 0 && withdraw(shard, context, refused, outcome);
  noteTime(context, behaviour.tsMs);
  context.lastSequence = sequence;
  if (noticeBot(context.pace, behaviour)) shard.counters.bots++;
  // Numbered in front of the sample that this entry may give.
  const isTakenOut = context.isMember && (hasWithdrawn || !mayBeMember(shard, context, allowed));
  if (isTakenOut) outcome.removals.push({ sequence, index, user: context.user });
  const isPersonal = shard.consent.isPersonal(allowed);
  if (isPersonal) foldFeedback(shard, context, behaviour, at, outcome);
  if (shard.consent.isCounted(allowed)) followExperiments(shard, context, behaviour, at, outcome);
  if (isPersonal) foldPersonal(shard, context, behaviour, { ...positioned, allowed, isTakenOut }, outcome);
  else {
    if (tellsMore(behaviour, isAct(behaviour))) withholdWhole(shard, context, "personalisation");
    if (behaviour.type === "identify") authenticate(shard, context, outcome);
    leaveAll(shard, context, { sequence, index }, outcome);
  }
  context.isMember = mayBeMember(shard, context, allowed);
}

/** Folds a behaviour of somebody who may be personalised for. */
function foldPersonal(
  shard: ShardState,
  context: Context,
  behaviour: Behaviour,
  given: PositionedEntry & Readonly<{ allowed: number; isTakenOut: boolean }>,
  outcome: Outcome,
): void {
  const { allowed, isTakenOut, sequence } = given;
  const index = (given.place ?? 0) * OUTPUTS_MAX;
  const at = { sequence, index };
  const acted = isAct(behaviour);
  if (acted) {
    const event = foldFeatures(shard, context, behaviour, allowed);
    shard.shadows.follow(context, event);
    const chunk = shard.recent.append(context, event, shard.batch);
    if (chunk !== undefined) outcome.ring.push(chunk);
  }

  const unlabelled = unlabelledMaps(shard, context);
  const relabelled = learnWho(shard, context, behaviour, outcome);
  const isMember = mayBeMember(shard, context, allowed);
  if (relabelled && isMember && unlabelled.length > 0) foldExamples(shard, context, unlabelled, at, outcome);
  if (context.events === 0) return; // Nothing done yet: there is no behaviour to embed.
  const evidence = embedContext(shard, context);
  const next = followResonance(shard, context, evidence, given, outcome) + (isTakenOut ? 1 : 0);
  const sampled = acted && isSampled(context, behaviour.tsMs, shortestBucketMs(shard.definitions.maps));
  const isNewMember = !context.isMember || isTakenOut;
  if (isMember && shard.definitions.maps.length > 0 && (sampled || relabelled || isNewMember)) {
    const embedded = {
      encoder: shard.encoder.version,
      embedding: shard.scratch.embedding,
      tsMs: behaviour.tsMs,
    };
    outcome.samples.push(sampleOf(context, embedded, labelsOf(shard, context), { sequence, index: next }));
    if (shard.warmUps.length > 0)
      sampleForCandidate(shard, context, { sequence, index: next + 1, tsMs: behaviour.tsMs }, outcome);
  }
}

/** Looks whether a behaviour is a program's. @returns Whether that is news of its user. */
export function noticeBot(pace: Pace, behaviour: Behaviour): boolean {
  if (pace.isBot) return false;
  pace.isBot = (isAct(behaviour) && pace.act(behaviour.tsMs)) || behaviour.automated === true;
  return pace.isBot;
}

function contextOf(shard: ShardState, user: string): Context {
  const held = shard.contexts.find(user);
  if (held !== undefined) return held;
  const fresh = new Context(user, shard.encoder.slots, shard.stateKey);
  shard.contexts.add(fresh);
  shard.usersByHash.added(user);
  return fresh;
}

function touch(shard: ShardState, context: Context, outcome: Outcome): void {
  context.dirtyBatch = shard.batch;
  outcome.touched.add(context);
}

function noteTime(context: Context, tsMs: number): void {
  context.firstTsMs = context.firstTsMs === 0 ? tsMs : Math.min(context.firstTsMs, tsMs);
  context.lastTsMs = Math.max(context.lastTsMs, tsMs);
}

/** Moves features and encoder on by one event, as far as it is allowed. @returns The event as numbers. */
function foldFeatures(
  shard: ShardState,
  context: Context,
  behaviour: Behaviour,
  allowed: number,
): FeatureEvent {
  const restrictions = shard.consent.restrictions(allowed);
  const { families, inputs } = restrictions;
  const event = toFeatureEvent(behaviour);
  withhold(shard, context, event, restrictions);
  shard.features.foldSparse(context, event, families);
  shard.encoder.fold(context.slab, 0, event);
  if ((inputs & INPUTS.context.bit) === 0) context.arrival ??= arrivalOf(behaviour.context);
  context.events++;
  return event;
}

/** Takes in traits and labels. @returns Whether the user's memberships may have changed. */
function learnWho(shard: ShardState, context: Context, behaviour: Behaviour, outcome: Outcome): boolean {
  if (behaviour.type !== "identify" && behaviour.traits === undefined) return false;
  for (const [trait, value] of Object.entries(behaviour.traits ?? {}))
    context.traits = kept(context.traits, trait, value);
  if (behaviour.type === "identify") {
    for (const [map, label] of Object.entries(behaviour.segments ?? {}))
      context.labels = kept(context.labels, map, label);
    authenticate(shard, context, outcome);
  }
  return context.authenticated;
}

function authenticate(shard: ShardState, context: Context, outcome: Outcome): void {
  if (context.authenticated) return;
  context.authenticated = true;
  outcome.authenticated.push(context.user);
  shard.newlyAuthenticated.set(context.user, shard.batch);
}

/** Nobody resonates who may not be personalised for. */
function leaveAll(
  shard: ShardState,
  context: Context,
  { sequence, index }: Readonly<{ sequence: number; index: number }>,
  outcome: Outcome,
): void {
  let next = index;
  for (const map of [...context.resonating.keys()].sort())
    for (const segment of [...(context.resonating.get(map) ?? [])].sort())
      outcome.transitions.push({
        id: `${shard.key}:${sequence}:${next++}`,
        map,
        segment,
        user: context.user,
        kind: "left",
        probability: 0,
        at: context.lastTsMs,
      });
  context.resonating = NO_ENTRIES;
}

/** A record with an entry more, if it has room. */
export function kept<Value>(
  record: ReadonlyMap<string, Value>,
  key: string,
  value: Value,
): ReadonlyMap<string, Value> {
  return record.has(key) || record.size < RECORD_MAX ? withEntry(record, key, value) : record;
}

/** Scores every map and notes who starts or stops to resonate. @returns The index of the next output. */
function followResonance(
  shard: ShardState,
  context: Context,
  evidence: number,
  { sequence, place = 0 }: PositionedEntry,
  outcome: Outcome,
): number {
  let index = place * OUTPUTS_MAX;
  for (let m = 0; m < shard.scorers.length; m++) {
    const scorer = shard.scorers[m]!;
    if (scorer.version === 0) continue; // Nothing published yet: there is nothing to resonate with.
    const scores = shard.scratch.scores[m]!;
    const offsets = offsetsOf(shard, context, m, { nowMs: context.lastTsMs, evidence });
    scoreEmbedded(scorer, shard.scratch, evidence, scores, offsets);
    const held = context.resonating.get(scorer.map);
    const { leave } = scorer.thresholds;
    for (let k = 0; k < scorer.segments.length; k++) {
      const probability = scores.probabilities[k]!;
      if (probability < leave[k]! && (held === undefined || held.size === 0)) continue; // The common case.
      const segment = scorer.segments[k]!;
      const was = held?.has(segment) === true;
      if (nextResonating(was, probability, evidence, scorer.thresholds, k) === was) continue;
      const segments = new Set(context.resonating.get(scorer.map));
      if (was) segments.delete(segment);
      else segments.add(segment);
      context.resonating = withEntry(context.resonating, scorer.map, segments);
      outcome.transitions.push({
        id: `${shard.key}:${sequence}:${index++}`,
        map: scorer.map,
        segment,
        user: context.user,
        kind: was ? "left" : "entered",
        probability,
        at: context.lastTsMs,
      });
    }
  }
  return index;
}
