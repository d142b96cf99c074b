import type { Event } from "../events/event.ts";
import { LIMITS } from "../events/limits.ts";
import type { Behaviour } from "../events/log-entry.ts";
import { geohash } from "../features/geohash.ts";
import { keywordHashes } from "../features/keywords.ts";
import { sentimentOf } from "../features/sentiment.ts";

/** Optional families: what needs the consent that it is named by. */
export type ConsentPurpose = "location" | "text" | "social";

/** A region, not a home: about 39 by 20 km. */
const CELL_CHARS = 4;

/**
 * An event as the log will keep it. Query and text become keyword hashes, a text its sentiment, a location a coarse
 * cell; an optional family without consent in the event itself is dropped, before anything is stored.
 *
 * @param dropped - Receives the purpose of each family that was dropped.
 */
export function toBehaviour(event: Event, dropped: (purpose: ConsentPurpose) => void): Behaviour {
  const { query, text, location, peer, ...rest } = event;
  const behaviour: { -readonly [Key in keyof Behaviour]: Behaviour[Key] } = { kind: "behaviour", ...rest };
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
