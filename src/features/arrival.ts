import { hash32 } from "../kernel/hash.ts";

/**
 * Fields of a context that may tell something of a visitor before they did anything. The gateway derives some of them
 * (docs/events.md); a context's other keys are kept in the log and have no part in it. Stored contexts and calibrations know them
 * by their places: a further one comes last, and there may be sixteen.
 */
export const ARRIVAL_FIELDS = [
  "referrer",
  "medium",
  "source",
  "campaign",
  "country",
  "region",
  "language",
  "device",
  "os",
  "browser",
  "environment",
  "hour",
] as const;
export type ArrivalField = (typeof ARRIVAL_FIELDS)[number];

/**
 * How somebody came, in numbers: a hash of the value of each of {@link ARRIVAL_FIELDS}, 0 where it was not told. Shape
 * [ARRIVAL_FIELDS.length].
 */
export type Arrival = Uint32Array;

/** What a field's hash begins with: a country and a language of the same letters are two things. */
const FIRST_SEED = 40;
/** Hours of one part of the day: single ones would each have too few members. */
const PART_HOURS = 4;
const HOUR = ARRIVAL_FIELDS.indexOf("hour");

/**
 * How somebody came, from the context of what they did first.
 *
 * @param context - As the log keeps it. `hour` is that of the visitor's clock, 0 to 23; what is no such number is not known.
 * @returns Undefined if none of the fields is told.
 */
export function arrivalOf(context: Readonly<Record<string, string>> | undefined): Arrival | undefined {
  if (context === undefined) return undefined;
  let arrival: Arrival | undefined;
  for (let f = 0; f < ARRIVAL_FIELDS.length; f++) {
    const told = context[ARRIVAL_FIELDS[f]!];
    if (told === undefined || told === "") continue;
    const value = f === HOUR ? partOfDay(told) : told;
    if (value === undefined) continue;
    arrival ??= new Uint32Array(ARRIVAL_FIELDS.length);
    arrival[f] = hash32(value, FIRST_SEED + f) || 1;
  }
  return arrival;
}

function partOfDay(hour: string): string | undefined {
  return /^(1?\d|2[0-3])$/.test(hour) ? String(Math.floor(Number(hour) / PART_HOURS)) : undefined;
}
