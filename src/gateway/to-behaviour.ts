import type { Event } from "../events/event.ts";
import { LIMITS } from "../events/limits.ts";
import type { Behaviour } from "../events/log-entry.ts";
import { geohash } from "../features/geohash.ts";
import { keywordHashes } from "../features/keywords.ts";
import { sentimentOf } from "../features/sentiment.ts";
import { INPUTS } from "../privacy/consent/event-inputs.ts";
import { jurisdictionOf, UNKNOWN_JURISDICTION } from "../privacy/consent/jurisdiction.ts";
import type { DropReason } from "../privacy/consent/withheld-counts.ts";
import type { ConsentInForce } from "./consent-policy.ts";
import type { ContextReader } from "./context-reader.ts";

/** Is told of what was dropped. */
export type Dropped = (purpose: string, reason: DropReason) => void;

type Writable = { -readonly [Key in keyof Behaviour]: Behaviour[Key] };

/** A region, not a home: about 39 by 20 km. */
const CELL_CHARS = 4;
/** What only a policy's own purposes take away. */
const SELDOM_DROPPED =
  INPUTS.value.bit | INPUTS.categories.bit | INPUTS.context.bit | INPUTS.utcOffset.bit | INPUTS.keywords.bit;

/**
 * An event as the log will keep it. Query and text become keyword hashes, a text its sentiment, a location a coarse
 * cell, a context is made coarse; what the consent in the event itself and the policy do not allow is dropped, before anything is
 * stored. Of whom nothing personal may be kept, only what they answered is.
 *
 * @param dropped - Is told of each part that was dropped.
 * @returns Undefined if nothing may be stored.
 */
export function toBehaviour(
  event: Event,
  { rules, cells }: ConsentInForce,
  dropped: Dropped,
  contexts: ContextReader,
): Behaviour | undefined {
  const where = rules.hasRegions ? jurisdictionOf(event.context) : undefined;
  const allowed = rules.allowedIn(event.consent, where ?? UNKNOWN_JURISDICTION);
  if (!rules.isPersonal(allowed)) {
    dropped("personalisation", reasonOf(event, "personalisation"));
    return answersOf(event);
  }
  const { id, user, type, tsMs, query, text, location, peer } = event;
  const behaviour: Writable = { kind: "behaviour", id, user, type, tsMs };
  copyKept(event, behaviour);
  if (event.context !== undefined) behaviour.context = contexts.read(event.context, tsMs);
  const { inputs, purposes } = rules.restrictions(allowed);
  const isPlain = query === undefined && text === undefined && location === undefined && peer === undefined;
  if (isPlain && (inputs & SELDOM_DROPPED) === 0) return behaviour; // Most events.
  const isDropped = (input: keyof typeof INPUTS): boolean => {
    if ((inputs & INPUTS[input].bit) === 0) return false;
    const purpose = purposes.get(INPUTS[input].owner) ?? "personalisation";
    dropped(purpose, reasonOf(event, purpose));
    return true;
  };
  if ((inputs & SELDOM_DROPPED) !== 0) dropSeldom(behaviour, isDropped);
  if (isPlain) return behaviour;
  const words = query === undefined || isDropped("keywords") ? [] : keywordHashes(query, LIMITS.keywords);
  if (text !== undefined && !isDropped("sentiment")) behaviour.sentiment = sentimentOf(text);
  if (text !== undefined && (allowed & rules.bitOf("text")) !== 0 && (inputs & INPUTS.keywords.bit) === 0)
    for (const hash of keywordHashes(text, LIMITS.keywords))
      if (words.length < LIMITS.keywords && !words.includes(hash)) words.push(hash);
  if (words.length > 0) behaviour.keywords = words;
  if (location !== undefined && !isDropped("cell"))
    behaviour.cell = cells?.cellOf(user, location) ?? geohash(location.lat, location.lon, CELL_CHARS);
  if (peer !== undefined && !isDropped("peer")) behaviour.peer = peer;
  return behaviour;
}

function reasonOf({ consent }: Event, purpose: string): DropReason {
  return consent?.[purpose] === false ? "refused" : "not-given";
}

/** What is kept as it was sent. One by one: a spread of what is left takes five times as long. */
function copyKept(event: Event, to: Writable): void {
  if (event.item !== undefined) to.item = event.item;
  if (event.categories !== undefined) to.categories = event.categories;
  if (event.value !== undefined) to.value = event.value;
  if (event.currency !== undefined) to.currency = event.currency;
  if (event.traits !== undefined) to.traits = event.traits;
  if (event.segments !== undefined) to.segments = event.segments;
  if (event.consent !== undefined) to.consent = event.consent;
  if (event.decision !== undefined) to.decision = event.decision;
}

function dropSeldom(behaviour: Writable, isDropped: (input: keyof typeof INPUTS) => boolean): void {
  if (behaviour.value !== undefined && isDropped("value")) {
    delete behaviour.value;
    delete behaviour.currency;
  }
  if (behaviour.categories !== undefined && isDropped("categories")) delete behaviour.categories;
  const { context } = behaviour;
  if (context === undefined) return;
  if (isDropped("context")) {
    const place = placeIn(context);
    if (place === undefined) delete behaviour.context;
    else behaviour.context = place;
  } else if ((context["utcOffset"] ?? context["hour"]) !== undefined && isDropped("utcOffset")) {
    const { utcOffset: _offset, hour: _hour, ...rest } = context;
    behaviour.context = rest;
  }
}

/** Where the user is decides which rules hold: it stays. */
function placeIn({
  country,
  region,
}: Readonly<Record<string, string>>): Readonly<Record<string, string>> | undefined {
  if (country === undefined && region === undefined) return undefined;
  return {
    ...(country === undefined ? {} : { country }),
    ...(region === undefined ? {} : { region }),
  };
}

/** What is left of an event that may not be stored: what its user answered, if they did. */
function answersOf({ id, user, type, tsMs, consent, context }: Event): Behaviour | undefined {
  if (consent === undefined) return undefined;
  const place = context === undefined ? undefined : placeIn(context);
  return {
    kind: "behaviour",
    id,
    user,
    type: type === "identify" ? type : "consent",
    tsMs,
    ...(place === undefined ? {} : { context: place }),
    consent,
  };
}
