import { createHash } from "node:crypto";
import { KNOWN_TYPES } from "../../events/event.ts";
import { LIMITS } from "../../events/limits.ts";
import { type Refusal, refuse } from "../../events/refusal.ts";
import type { ReadItem } from "../intake.ts";

type Attributes = Readonly<Record<string, unknown>>;

const KNOWN: ReadonlySet<string> = new Set(KNOWN_TYPES);
const REQUIRED = ["id", "source", "type"] as const;
const VERSION = "1.0";
/** Fields that attributes tell; in the data they go before those. */
const USER = "user";
const TIME = "ts";

/**
 * A CloudEvent as an event: `type` and `time` are its own, `subject` is the user, and `data` holds our fields. A type such as
 * `com.example.shop.purchase` is `purchase`, as its last word is known; any other stays whole. An event is known again by source and id together.
 *
 * @param attributes - Context attributes by name, `data` apart; extensions are passed over.
 * @param data - The parsed data; undefined if there is none.
 * @param nowMs - The time of an event that tells none, epoch ms.
 * @returns One event, as `ingest` takes it, which checks it. It never throws.
 * @see CloudEvents 1.0.2, "Context Attributes".
 */
export function eventOfCloudEvent(attributes: Attributes, data: unknown, nowMs: number): ReadItem {
  const { specversion, id, source, type, subject, time } = attributes;
  if (specversion !== VERSION) return refuse("NOT_SUPPORTED", `specversion must be ${VERSION}`);
  for (const name of REQUIRED)
    if (typeof attributes[name] !== "string" || attributes[name] === "")
      return refuse("MISSING_FIELD", `${name} of the CloudEvent is missing`);
  const refusal = wrongIn(data);
  if (refusal !== undefined) return refusal;
  const event = {
    [USER]: subject,
    [TIME]: time ?? nowMs,
    ...(data as Attributes | undefined | null),
    id: idOf(String(source), String(id)),
    type: typeOf(String(type)),
  };
  return { kind: "events", events: [event] };
}

function wrongIn(data: unknown): Refusal | undefined {
  if (data === undefined || data === null) return undefined;
  if (typeof data !== "object" || Array.isArray(data))
    return refuse("NOT_AN_OBJECT", "data must be an object with fields of an event");
  const told = ["id", "type"].find((name) => Object.hasOwn(data, name));
  if (told === undefined) return undefined;
  return refuse("UNKNOWN_FIELD", `${told} is an attribute of the CloudEvent, not a field of its data`);
}

function idOf(source: string, id: string): string {
  const both = `${source}#${id}`;
  return both.length <= LIMITS.idChars ? both : createHash("sha256").update(both).digest("base64url");
}

function typeOf(type: string): string {
  const last = type.slice(type.lastIndexOf(".") + 1);
  return KNOWN.has(last) ? last : type;
}
