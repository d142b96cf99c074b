import type { Content, Placement } from "../content/catalogue.ts";
import { countImpression } from "../content/eligibility.ts";
import { type FeedbackTrust, feedbackEvidence } from "../content/feedback-evidence.ts";
import { trustLosses } from "../content/feedback-trust.ts";
import { addLedgerInto, type Evidence } from "../content/ledger.ts";
import type { RateKind } from "../content/rate-cell.ts";
import { RATES_TALLY, type RateChange, type TrustChange, toRateChange } from "../content/rate-change.ts";
import {
  anonymousResponsibilities,
  memberResponsibilities,
  type Responsibilities,
} from "../content/responsibilities.ts";
import type { Behaviour, Feedback } from "../events/log-entry.ts";
import { scoreEmbedded } from "../resonance/scorer.ts";
import type { ReadyPlacement } from "./content-in-force.ts";
import type { Context } from "./context.ts";
import { embedContext } from "./embed-context.ts";
import { arrivalOffsetsOf, offsetsOf } from "./log-offsets.ts";
import type { Outcome } from "./outcome.ts";
import { memberOf } from "./sampling.ts";
import type { ShardState } from "./shard-state.ts";
import { hashesOf, type Impression, UserFeedback } from "./user-feedback.ts";

/** What an outcome says is kept whole: how far it is believed is a matter of when it is read. */
const WHOLLY = 1;
/** Of a placement that is in the catalogue no more. */
const GONE = { timeoutMs: 1_800_000, examination: 1 } as const;
const NOBODY: Responsibilities = { segments: [], shares: [] };

/** What each step of folding one event's feedback works on. */
type Heard = Readonly<{
  shard: ShardState;
  context: Context;
  feedback: UserFeedback;
  tsMs: number;
  /** The log's own time, epoch ms. */
  loggedAtMs: number;
  /** Tells the rates of an outcome. */
  tell: (change: RateChange) => void;
}>;

/**
 * Takes in what an event says of content: that it was shown, clicked, bought or dismissed, or, without a decision, that
 * the user wants more or less of it. Segments answer for it as they are likely before the event itself is folded.
 *
 * @param at - Of the entry; `index` numbers what it adds to the rates.
 */
export function foldFeedback(
  shard: ShardState,
  context: Context,
  behaviour: Behaviour,
  at: Readonly<{ sequence: number; index: number; loggedAtMs: number }>,
  outcome: Outcome,
): void {
  context.feedback?.settle(context.lastTsMs);
  const { type, tsMs, decision, feedback: told } = behaviour;
  const isOfChoice = told !== undefined && decision !== undefined && KINDS.has(type);
  if (!isOfChoice && type !== "prefer") return;
  context.feedback ??= new UserFeedback();
  let { index } = at;
  const tell: Heard["tell"] = (change) => {
    outcome.tallies.push({ sequence: at.sequence, index: index++, tally: RATES_TALLY, change });
  };
  const heard: Heard = { shard, context, feedback: context.feedback, tsMs, loggedAtMs: at.loggedAtMs, tell };
  if (isOfChoice) foldOutcome(heard, type, told, decision);
  else foldStatement(heard, behaviour);
}

/** Maps whose ledger may become an example of how far feedback is to be believed: those that the user is no member of yet. */
export function unlabelledMaps({ definitions, scorers }: ShardState, context: Context): readonly number[] {
  const { feedback } = context;
  if (feedback === undefined || feedback.ledgers.size === 0) return NO_MAPS;
  const maps: number[] = [];
  for (let m = 0; m < scorers.length; m++) {
    const { map, mode } = scorers[m]!;
    if (mode !== "exclusive" || !feedback.ledgers.has(map)) continue;
    if (memberOf(definitions.maps[m], context) === undefined) maps.push(m);
  }
  return maps;
}

const NO_MAPS: readonly number[] = [];

/**
 * Tells how well the ledger of somebody who has just become a member would have told their segment, of which nothing else
 * knew until then.
 *
 * @param maps - As {@link unlabelledMaps} found them before.
 * @see METHODS 3.3.
 */
export function foldExamples(
  shard: ShardState,
  context: Context,
  maps: readonly number[],
  at: Readonly<{ sequence: number; index: number }>,
  outcome: Outcome,
): void {
  let index = at.index + CHANGES_MAX;
  for (const m of maps) {
    const { map, mode } = shard.scorers[m]!;
    const { places } = shard.scratch.offsets[m]!;
    const truth = places.get(memberOf(shard.definitions.maps[m], context) ?? "");
    const ledger = context.feedback?.ledgerAt(map, context.lastTsMs);
    if (truth === undefined || ledger === undefined) continue;
    const scores = shard.scratch.scores[m]!;
    const evidence = embedContext(shard, context);
    const came = arrivalOffsetsOf(shard, context.arrival, m, evidence);
    scoreEmbedded(shard.scorers[m]!, shard.scratch, evidence, scores, came);
    const logits = scores.probabilities.map((probability) =>
      Math.log(Math.max(Number.MIN_VALUE, probability)),
    );
    const offsets = new Float64Array(logits.length);
    addLedgerInto(ledger, places, mode, context.lastTsMs, offsets);
    const change: TrustChange = { map, losses: trustLosses({ logits, offsets, truth }) };
    outcome.tallies.push({ sequence: at.sequence, index: index++, tally: RATES_TALLY, change });
  }
}

/** Changes of the rates that one entry's outcome has at most. */
const CHANGES_MAX = 16;

const KINDS: ReadonlySet<string> = new Set(["impression", "click", "purchase", "dismiss"]);

function foldOutcome(heard: Heard, type: string, told: Feedback, decision: string): void {
  const { feedback, tsMs } = heard;
  const known = feedback.find(decision);
  // What is heard of an impression that never was, or is forgotten, is heard of it then.
  const shownAtMs = type === "impression" ? tsMs : Math.min(tsMs, told.chosenMs);
  const impression = known ?? show(heard, told, decision, shownAtMs);
  if (type === "click") click(heard, impression);
  else if (type === "purchase") {
    click(heard, impression); // Nobody buys what they did not open: its event was lost, or is late.
    if (impression.isPurchased) return;
    impression.isPurchased = true;
    count(heard, impression, "purchased");
  } else if (type === "dismiss" && !impression.isClicked) feedback.dismiss(impression, tsMs);
}

function show(heard: Heard, told: Feedback, decision: string, shownAtMs: number): Impression {
  const { shard, context, feedback } = heard;
  const { placement: name, map, content } = told;
  const ready = shard.content.placement(name, shard.scorers);
  const { timeoutMs, examination } = ready?.placement ?? GONE;
  const place = ready?.places.get(content);
  const m = shard.scorers.findIndex((scorer) => scorer.map === map);
  let who = NOBODY;
  let unclicked: Evidence | undefined;
  if (m >= 0) {
    const probabilities = posterior(heard, m);
    who = responsibilities(shard, context, m, probabilities);
    if (ready?.placement.map === map && place !== undefined)
      unclicked = feedbackEvidence(ready.table, place, false, probabilities, {
        examination,
        weight: WHOLLY,
      });
  }
  const [low, high] = hashesOf(decision);
  // What a program does, and what is too much of one user, is heard of and not counted.
  const isCounted = !context.pace.isBot && feedback.mayCount(name, content, heard.loggedAtMs);
  const facts = { low, high, placement: name, map, content, shownAtMs, timeoutMs, who, isCounted };
  const impression = { ...facts, isClicked: false, isPurchased: false, unclicked, addedAtMs: undefined };
  feedback.add(impression);
  count(heard, impression, "shown");
  countCap(heard, place === undefined ? undefined : ready?.contents[place], shownAtMs);
  return impression;
}

function click(heard: Heard, impression: Impression): void {
  if (impression.isClicked) return;
  impression.isClicked = true;
  const { shard, feedback, tsMs } = heard;
  feedback.reverse(impression);
  count(heard, impression, "clicked");
  const ready = shard.content.placement(impression.placement, shard.scorers);
  const { examination } = ready?.placement ?? GONE;
  const evidence = clickEvidence(heard, ready, impression.map, impression.content, { examination });
  if (evidence !== undefined) feedback.learn(impression.map, evidence, tsMs);
}

/** "More of this" says what a click says, and "less of this" the contrary, in every map that decides on the content. */
function foldStatement(heard: Heard, { item, value = 0 }: Behaviour): void {
  const { shard, feedback, tsMs } = heard;
  if (item === undefined || value === 0) return;
  for (const { map } of shard.scorers) {
    const [placement] = shard.content.placementsOf(map, item);
    const ready =
      placement === undefined ? undefined : shard.content.placement(placement.name, shard.scorers);
    const evidence = clickEvidence(heard, ready, map, item, { examination: 1 });
    if (evidence !== undefined) feedback.learn(map, evidence, tsMs, value > 0 ? 1 : -1);
  }
}

/** What a click says now; undefined if the content has no rates in the map. */
function clickEvidence(
  heard: Heard,
  ready: ReadyPlacement | undefined,
  map: string,
  content: string,
  { examination }: Pick<Placement, "examination">,
): Evidence | undefined {
  const m = heard.shard.scorers.findIndex((scorer) => scorer.map === map);
  const place = ready?.places.get(content);
  if (ready === undefined || ready.placement.map !== map || place === undefined || m < 0) return undefined;
  const trust: FeedbackTrust = { examination, weight: WHOLLY };
  return feedbackEvidence(ready.table, place, true, posterior(heard, m), trust);
}

/** The user's distribution before the event, with what feedback said until then. Valid until the next score of the map. */
function posterior({ shard, context }: Heard, map: number): Float64Array {
  const scores = shard.scratch.scores[map]!;
  const evidence = embedContext(shard, context);
  const offsets = offsetsOf(shard, context, map, { nowMs: context.lastTsMs, evidence });
  scoreEmbedded(shard.scorers[map]!, shard.scratch, evidence, scores, offsets);
  return scores.probabilities;
}

function responsibilities(
  shard: ShardState,
  context: Context,
  map: number,
  probabilities: Float64Array,
): Responsibilities {
  const member = memberOf(shard.definitions.maps[map], context);
  return member === undefined
    ? anonymousResponsibilities(shard.scorers[map]!.segments, probabilities)
    : memberResponsibilities(member);
}

function count({ context, tell }: Heard, impression: Impression, kind: RateKind): void {
  if (!impression.isCounted || context.pace.isBot) return;
  const { placement, content, shownAtMs, timeoutMs, who } = impression;
  tell(toRateChange({ placement, content, kind, shownAtMs, who }, timeoutMs));
}

function countCap({ feedback }: Heard, content: Content | undefined, atMs: number): void {
  if (content?.cap === undefined) return;
  const held = feedback.capCounts.get(content.id);
  feedback.count(content.id, countImpression(content.cap, held, atMs));
}
