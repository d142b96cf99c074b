import { checkId, checkText, isText } from "./check-text.ts";
import type { Event, TraitValue } from "./event.ts";
import { isoTimeMs } from "./iso-time.ts";
import { LIMITS } from "./limits.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { utf8Bytes, utf8BytesAtMost } from "./utf8-bytes.ts";

export type ParsedEvent = Readonly<{ kind: "event"; event: Event }> | Refusal;

/** Fields and how each is checked. Whatever is not here is a typo that must not pass silently. */
const CHECKS: ReadonlyMap<string, (value: unknown) => Refusal | undefined> = new Map(
  Object.entries({
    id: (value) => checkId(value, "id"),
    user: (value) => checkId(value, "user"),
    item: (value) => checkId(value, "item"),
    peer: (value) => checkId(value, "peer"),
    decision: (value) => checkId(value, "decision"),
    type: checkType,
    ts: () => undefined, // Checked when it is read, which needs the time.
    categories: checkCategories,
    query: (value) => checkText(value, "query", LIMITS.textBytes),
    text: (value) => checkText(value, "text", LIMITS.textBytes, true),
    value: (value) => checkNumber(value, "value"),
    currency: (value) => checkText(value, "currency", LIMITS.currencyBytes),
    location: checkLocation,
    context: checkContext,
    traits: (value) => checkRecord(value, "traits", checkTrait),
    segments: (value) => checkRecord(value, "segments", checkLabel),
    consent: (value) => checkRecord(value, "consent", checkBoolean),
  } satisfies Record<Exclude<keyof Event, "tsMs"> | "ts", (value: unknown) => Refusal | undefined>),
);

const REQUIRED = ["id", "user", "type", "ts"] as const;
/** Keys that reach an object's prototype; the second is how the MessagePack decoder hands out the first. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "__proto_", "constructor", "prototype"]);
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Validates one event from outside. It never throws, whatever the input is.
 *
 * @param input - Parsed JSON or MessagePack.
 * @param nowMs - The gateway's time: a small skew ahead of it is set back, more is refused.
 */
export function parseEvent(input: unknown, nowMs: number): ParsedEvent {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return refuse("NOT_AN_OBJECT", "an event must be an object");
  }
  const given = input as Readonly<Record<string, unknown>>;
  const event: Record<string, unknown> = { id: "", user: "", type: "", tsMs: 0 };
  let mostBytes = 0;
  const fields = Object.keys(given);
  for (let place = 0; place < fields.length; place++) {
    const field = fields[place] ?? "";
    const check = CHECKS.get(field);
    if (check === undefined) return refuseField(field, place);
    const value = given[field];
    if (value === undefined) continue;
    const refusal = check(value);
    if (refusal !== undefined) return refusal;
    mostBytes += mostBytesOf(value);
    if (field !== "ts") event[field] = value;
  }
  if (mostBytes > LIMITS.eventBytes && bytesOf(given) > LIMITS.eventBytes)
    return refuse("TOO_LARGE", `an event may have ${LIMITS.eventBytes} bytes of text at most`);
  for (const field of REQUIRED) {
    if (given[field] === undefined) return refuse("MISSING_FIELD", `${field} is missing`);
  }
  const tsMs = timeOf(given["ts"], nowMs);
  if (typeof tsMs !== "number") return tsMs;
  event["tsMs"] = tsMs;
  return { kind: "event", event: event as unknown as Event };
}

function refuseField(field: string, place: number): Refusal {
  if (FORBIDDEN_KEYS.has(field)) return refuse("FORBIDDEN_KEY", `"${field}" may not be a field`);
  return refuse(
    "UNKNOWN_FIELD",
    `field number ${place + 1} is none of an event: put what is your own into context or traits`,
  );
}

function timeOf(ts: unknown, nowMs: number): number | Refusal {
  const tsMs = typeof ts === "string" ? isoTimeMs(ts) : ts;
  if (typeof tsMs !== "number")
    return refuse("WRONG_TYPE", "ts must be epoch milliseconds or an ISO 8601 time with its zone");
  if (!Number.isFinite(tsMs))
    return refuse("BAD_TIMESTAMP", "ts is neither epoch milliseconds nor an ISO 8601 time with its zone");
  if (tsMs < LIMITS.earliestMs)
    return refuse("BAD_TIMESTAMP", "ts is before 1990: is it in seconds instead of milliseconds?");
  if (tsMs > nowMs + LIMITS.futureMs)
    return refuse("BAD_TIMESTAMP", "ts is more than a day ahead: check the sender's clock and unit");
  return Math.round(tsMs > nowMs + LIMITS.skewMs ? nowMs : tsMs);
}

function checkType(value: unknown): Refusal | undefined {
  if (value === "") return refuse("BAD_TEXT", "type is empty");
  return checkText(value, "type", LIMITS.typeBytes);
}

function checkCategories(value: unknown): Refusal | undefined {
  if (!Array.isArray(value)) return refuse("WRONG_TYPE", "categories must be a list of texts");
  if (value.length > LIMITS.categories)
    return refuse("TOO_MANY", `an event may have ${LIMITS.categories} categories at most`);
  for (let i = 0; i < value.length; i++) {
    if (!isText(value[i], LIMITS.textBytes)) return checkText(value[i], `categories[${i}]`, LIMITS.textBytes);
  }
  return undefined;
}

function checkNumber(value: unknown, field: string): Refusal | undefined {
  if (typeof value !== "number") return refuse("WRONG_TYPE", `${field} must be a number`);
  return Number.isFinite(value) ? undefined : refuse("BAD_NUMBER", `${field} must be finite`);
}

function checkLocation(value: unknown): Refusal | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse("WRONG_TYPE", "location must be {lat, lon}");
  }
  const { lat, lon, ...more } = value as Readonly<Record<string, unknown>>;
  if (Object.keys(more).length > 0) return refuse("UNKNOWN_FIELD", "location has lat and lon, nothing else");
  const refusal = checkNumber(lat, "location.lat") ?? checkNumber(lon, "location.lon");
  if (refusal !== undefined) return refusal;
  const onEarth = Math.abs(lat as number) <= 90 && Math.abs(lon as number) <= 180;
  return onEarth ? undefined : refuse("BAD_LOCATION", "lat is within 90, lon within 180 degrees");
}

/** Checks a value of a record; it is told of by the record's name and its place, since its key may be somebody's. */
type CheckValue = (value: unknown, field: string, place: number, key: string) => Refusal | undefined;

function checkRecord(value: unknown, field: string, checkValue: CheckValue): Refusal | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse("WRONG_TYPE", `${field} must be an object`);
  const keys = Object.keys(value);
  if (keys.length > LIMITS.recordEntries)
    return refuse("TOO_MANY", `${field} may have ${LIMITS.recordEntries} entries at most`);
  for (let place = 0; place < keys.length; place++) {
    const key = keys[place] ?? "";
    if (FORBIDDEN_KEYS.has(key)) return refuse("FORBIDDEN_KEY", `"${key}" may not be a key of ${field}`);
    if (key === "") return refuse("BAD_TEXT", `a key of ${field} is empty`);
    if (!isText(key, LIMITS.keyBytes)) return checkText(key, `a key of ${field}`, LIMITS.keyBytes);
    const refusal = checkValue((value as Readonly<Record<string, unknown>>)[key], field, place, key);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Checks a context: texts by key. */
export function checkContext(value: unknown): Refusal | undefined {
  return checkRecord(value, "context", checkContextValue);
}

function checkContextValue(value: unknown, field: string, place: number): Refusal | undefined {
  if (isText(value, LIMITS.textBytes)) return undefined;
  return checkText(value, `${field}[${place}]`, LIMITS.textBytes);
}

function checkTrait(value: unknown, field: string, place: number): Refusal | undefined {
  if (typeof value === "boolean") return undefined;
  if (typeof value === "number") return checkNumber(value satisfies TraitValue, `${field}[${place}]`);
  return checkContextValue(value, field, place);
}

function checkLabel(value: unknown, field: string, place: number, key: string): Refusal | undefined {
  if (!NAME.test(key)) return refuse("BAD_NAME", "a map's name has 1 to 64 letters, digits, - and _");
  if (value === null) return undefined;
  if (typeof value !== "string")
    return refuse("WRONG_TYPE", `${field}[${place}] must be a segment's name, or null to take the user out`);
  return NAME.test(value)
    ? undefined
    : refuse("BAD_NAME", `${field}[${place}] must have 1 to 64 letters, digits, - and _`);
}

function checkBoolean(value: unknown, field: string, place: number): Refusal | undefined {
  return typeof value === "boolean"
    ? undefined
    : refuse("WRONG_TYPE", `${field}[${place}] must be true or false`);
}

/** What checked fields count towards the size of their event: each is flat, or a list or record of flat values. */
function bytesOf(given: Readonly<Record<string, unknown>>): number {
  let bytes = 0;
  for (const value of Object.values(given)) if (value !== undefined) bytes += sizeOf(value, utf8Bytes);
  return bytes;
}

/** At least as much, without a look at every character: nearly no event comes close to the limit. */
function mostBytesOf(value: unknown): number {
  return sizeOf(value, utf8BytesAtMost);
}

function sizeOf(value: unknown, ofText: (text: string) => number): number {
  if (typeof value === "string") return ofText(value);
  if (typeof value !== "object" || value === null) return FLAT_BYTES;
  let bytes = 0;
  if (Array.isArray(value)) {
    for (const one of value) bytes += sizeOf(one, ofText);
    return bytes;
  }
  const record = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(record)) bytes += ofText(key) + sizeOf(record[key], ofText);
  return bytes;
}

/** A number, a truth value or null. */
const FLAT_BYTES = 8;
