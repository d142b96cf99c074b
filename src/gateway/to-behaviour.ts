import type { Event } from "../events/event.ts";
import { LIMITS } from "../events/limits.ts";
import type { Behaviour } from "../events/log-entry.ts";
import { geohash } from "../features/geohash.ts";
import { keywordHashes } from "../features/keywords.ts";
import { sentimentOf } from "../features/sentiment.ts";
import type { ContextReader } from "./context-reader.ts";

/** Optional families: what needs the consent that it is named by. */
export type ConsentPurpose = "location" | "text" | "social";

/** A region, not a home: about 39 by 20 km. */
const CELL_CHARS = 4;

/**
 * An event as the log will keep it. Query and text become keyword hashes, a text its sentiment, a location a coarse
 * cell, a context is made coarse; an optional family without consent in the event itself is dropped, before anything is stored.
 *
 * @param dropped - Receives the purpose of each family that was dropped.
 */
export function toBehaviour(
  event: Event,
  dropped: (purpose: ConsentPurpose) => void,
  contexts: ContextReader,
): Behaviour {
  const { id, user, type, tsMs, query, text, location, peer } = event;
  const behaviour: { -readonly [Key in keyof Behaviour]: Behaviour[Key] } = {
    kind: "behaviour",
    id,
    user,
    type,
    tsMs,
  };
  copyKept(event, behaviour);
  if (event.context !== undefined) behaviour.context = contexts.read(event.context, tsMs);
  if (query === undefined && text === undefined && location === undefined && peer === undefined)
    return behaviour;
  const isGiven = (purpose: ConsentPurpose): boolean => {
    if (event.consent?.[purpose] === true) return true;
    dropped(purpose);
    return false;
  };
  const words = query === undefined ? [] : keywordHashes(query, LIMITS.keywords);
  if (text !== undefined && isGiven("text")) {
    behaviour.sentiment = sentimentOf(text);
    for (const hash of keywordHashes(text, LIMITS.keywords)) {
      if (words.length < LIMITS.keywords && !words.includes(hash)) words.push(hash);
    }
  }
  if (words.length > 0) behaviour.keywords = words;
  if (location !== undefined && isGiven("location"))
    behaviour.cell = geohash(location.lat, location.lon, CELL_CHARS);
  if (peer !== undefined && isGiven("social")) behaviour.peer = peer;
  return behaviour;
}

/** What is kept as it was sent. One by one: a spread of what is left takes five times as long. */
function copyKept(event: Event, to: { -readonly [Key in keyof Behaviour]: Behaviour[Key] }): void {
  if (event.item !== undefined) to.item = event.item;
  if (event.categories !== undefined) to.categories = event.categories;
  if (event.value !== undefined) to.value = event.value;
  if (event.currency !== undefined) to.currency = event.currency;
  if (event.traits !== undefined) to.traits = event.traits;
  if (event.segments !== undefined) to.segments = event.segments;
  if (event.consent !== undefined) to.consent = event.consent;
  if (event.decision !== undefined) to.decision = event.decision;
}
