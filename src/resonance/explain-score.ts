import { KNOWN_TYPES } from "../events/event.ts";
import { attributeExactly } from "./attribute-exactly.ts";
import { attributeInOrder } from "./attribute-in-order.ts";
import { type Attribution, firstTold, type Share } from "./attribution.ts";
import type { Breakdown, Contender, Explanation, Part, ThresholdDistance } from "./explanation.ts";
import { findFlip, topOf } from "./find-flip.ts";
import { Rescore, type ScoredUser, type ScoringParts } from "./rescore.ts";
import type { Scorer } from "./scorer.ts";
import { isOff } from "./thresholds.ts";

/** Events told one by one; older ones are told together. */
export const EVENTS_TOLD = 20;

/** What is explained beside the lead. */
export type ExplainAspect = Readonly<{
  /** Segments whose logits are taken apart, too. */
  segments?: readonly string[];
  /** Segments that resonate. */
  resonating: ReadonlySet<string>;
  /** Events that the user has done, of which the newest are held. */
  done: number;
}>;

/**
 * Takes a score apart: what each family of features, each kind of token and each recent event adds to the logits, how
 * far the runner-up and the thresholds are, and what would have to be different for another segment to lead.
 *
 * @throws Never for a user of whom nothing is held: all that is told is then the prior.
 */
export function explainScore(parts: ScoringParts, user: ScoredUser, aspect: ExplainAspect): Explanation {
  const { scorer, encoder } = parts;
  const rescore = new Rescore(parts, user);
  const attribution =
    encoder.decompose === undefined
      ? attributeInOrder(parts, rescore, EVENTS_TOLD)
      : attributeExactly(parts, encoder.decompose, rescore, EVENTS_TOLD);
  const logits = rescore.actual.values;
  const probabilities = rescore.distribution();
  const nameOf = (k: number): string | null => scorer.segments[k] ?? null;
  const contender = (k: number): Contender => ({ segment: nameOf(k), probability: probabilities[k]! });

  const top = topOf(logits);
  const second = runnerUpOf(logits, top);
  const lead = breakdown(
    attribution,
    logits,
    (values) => values[top]! - (second === undefined ? 0 : values[second]!),
  );
  const asked = (aspect.segments ?? []).map((segment) => scorer.segments.indexOf(segment));
  const shown = new Set([top, ...(second === undefined ? [] : [second]), ...asked.filter((k) => k >= 0)]);
  const first = firstTold(user.events.length, EVENTS_TOLD);
  const events = user.events.slice(first);
  const leadOf = events.map((_, e) => lead.byEvent.find((part) => part.event === e)?.value ?? 0);
  return {
    map: scorer.map,
    method: attribution.method,
    top: contender(top),
    runnerUp: second === undefined ? null : contender(second),
    lead,
    segments: [...shown].map((k) => ({
      ...contender(k),
      ...breakdown(attribution, logits, (values) => values[k]!),
    })),
    thresholds: scorer.segments.map((segment, k) =>
      distanceTo(scorer, k, probabilities[k]!, aspect.resonating.has(segment)),
    ),
    events: events.map(({ tsMs, typeCode }) => {
      const type = KNOWN_TYPES[typeCode];
      return type === undefined ? { tsMs } : { tsMs, type };
    }),
    counts: { done: aspect.done, held: user.events.length, told: events.length },
    flip: findFlip(rescore, leadOf, nameOf),
  };
}

function runnerUpOf(logits: Float64Array, top: number): number | undefined {
  let second: number | undefined;
  for (let k = 0; k < logits.length; k++) {
    if (k === top || logits[k] === Number.NEGATIVE_INFINITY) continue;
    if (second === undefined || logits[k]! > logits[second]!) second = k;
  }
  return second;
}

/** What a number made of logits is made of. */
function breakdown(
  { bySource, byEvent }: Attribution,
  logits: Float64Array,
  of: (values: Float64Array) => number,
): Breakdown {
  const told = (shares: readonly Share[]): Part[] =>
    shares.map(({ label, values }) => ({ ...label, value: of(values) }));
  return { value: of(logits), bySource: told(bySource), byEvent: told(byEvent) };
}

function distanceTo(
  { segments, thresholds }: Scorer,
  k: number,
  probability: number,
  resonating: boolean,
): ThresholdDistance {
  const told = { segment: segments[k]!, probability, resonating };
  if (isOff(thresholds, k)) return { ...told, enter: null, leave: null, minEvidence: null, distance: null };
  const enter = thresholds.enter[k]!;
  const leave = thresholds.leave[k]!;
  const distance = logOdds(probability) - logOdds(resonating ? leave : enter);
  return { ...told, enter, leave, minEvidence: thresholds.minEvidence[k]!, distance };
}

/** Kept finite, since JSON knows no infinity. */
function logOdds(probability: number): number {
  const held = Math.min(1 - 2 ** -53, Math.max(Number.MIN_VALUE, probability));
  return Math.log(held / (1 - held));
}
