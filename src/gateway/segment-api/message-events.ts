import { createHash } from "node:crypto";
import { LIMITS } from "../../events/limits.ts";
import { type Refusal, refuse } from "../../events/refusal.ts";
import { type ConsentCategories, isForUs, messageConsent } from "./message-consent.ts";
import { messageContext, messageLocation } from "./message-context.ts";
import { messageTime } from "./message-time.ts";
import { messageSegments, messageTraits } from "./message-traits.ts";
import { type Fields, fieldsIn, firstId, firstText, givenId } from "./read-value.ts";
import { trackEvents } from "./track-events.ts";

/** What a message may leave to its batch, and what it is read by. */
export type MessageFrame = Readonly<{
  /** Where it was sent to says what it is; undefined in a batch, where each says so itself. */
  type?: MessageType;
  sentAt: unknown;
  context: unknown;
  integrations: unknown;
  categories: ConsentCategories;
  /** When it was received, epoch ms. */
  nowMs: number;
}>;

/** The calls of Segment's specification. */
export const MESSAGE_TYPES = ["track", "page", "screen", "identify", "group", "alias"] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** Events as `ingest` takes them, which checks them. */
export type MessageEvents = Readonly<{ kind: "events"; events: readonly Fields[] }>;

const TYPES: ReadonlySet<unknown> = new Set(MESSAGE_TYPES);
/** Told with something that is no act of a visitor: the features of members and of strangers must not differ by it. */
const NO_ACT = "consent";

/**
 * One message of Segment's tracking API as events. Only what the engine reads is taken over; a value of a property or a context that does not fit an event
 * is left out, what every event needs is refused.
 *
 * @param message - Parsed JSON.
 * @returns At least one event, or why there is none. It never throws.
 */
export function messageEvents(message: unknown, frame: MessageFrame): MessageEvents | Refusal {
  if (typeof message !== "object" || message === null || Array.isArray(message))
    return refuse("NOT_AN_OBJECT", "a message must be an object");
  const fields = message as Fields;
  const type = frame.type ?? fields["type"];
  if (!TYPES.has(type)) return refuse("WRONG_TYPE", `type must be one of ${MESSAGE_TYPES.join(", ")}`);
  if (!isForUs(fieldsIn(fields["integrations"] ?? frame.integrations)))
    return refuse("NOT_FOR_US", "the message's integrations say that it is not for this engine");
  const user = givenId(fields["userId"]) ?? givenId(fields["anonymousId"]);
  if (user === undefined) return refuse("MISSING_FIELD", "userId and anonymousId are missing");
  const said = saidBy(type as MessageType, fields);
  if ("code" in said) return said;
  const context = fieldsIn(fields["context"] ?? frame.context);
  const around = {
    user,
    ts: messageTime(fields, fields["sentAt"] ?? frame.sentAt, frame.nowMs),
    context: messageContext(context, fieldsIn(fields["properties"])),
    location: messageLocation(context),
    consent: messageConsent(context, frame.categories),
  };
  const id = givenId(fields["messageId"]) ?? idOf(said, around);
  return {
    kind: "events",
    events: said.map((event, place) => ({ ...event, ...around, id: place === 0 ? id : `${id}#${place}` })),
  };
}

function saidBy(type: MessageType, message: Fields): readonly Fields[] | Refusal {
  const properties = fieldsIn(message["properties"]);
  const isKnown = givenId(message["userId"]) !== undefined;
  switch (type) {
    case "track": {
      const name = message["event"];
      if (typeof name !== "string" || name === "") return refuse("MISSING_FIELD", "event is missing");
      return trackEvents(name, properties);
    }
    case "page":
    case "screen":
      return [viewOf(message, properties)];
    case "identify": {
      const traits = fieldsIn(message["traits"] ?? fieldsIn(message["context"])["traits"]);
      // Who has no id yet may have traits, but is nobody's member.
      if (!isKnown) return [{ type: NO_ACT, traits: messageTraits(traits) }];
      return [{ type: "identify", traits: messageTraits(traits), segments: messageSegments(traits) }];
    }
    case "group": {
      const ofGroup = messageTraits(fieldsIn(message["traits"]), "group");
      const group = firstId(message["groupId"]);
      const traits = group === undefined ? ofGroup : { group, ...withoutOne(ofGroup) };
      return [{ type: isKnown ? "identify" : NO_ACT, traits }];
    }
    case "alias":
      // The engine keeps no links between ids: all that can be said is that the new one is somebody's.
      return isKnown ? [{ type: "identify" }] : refuse("MISSING_FIELD", "userId of an alias is missing");
  }
}

/** A page or screen as what was seen. Of an address only the path counts: what follows may name a person. */
function viewOf(message: Fields, properties: Fields): Fields {
  const page = fieldsIn(fieldsIn(message["context"])["page"]);
  const category = firstText(message["category"], properties["category"]);
  return {
    type: "view",
    item: firstId(properties["item"], properties["path"], page["path"], message["name"], properties["name"]),
    categories: category === undefined ? undefined : [category],
    decision: firstId(properties["decision"]),
  };
}

/** Makes room for one trait more, if there is none. */
function withoutOne(traits: Fields | undefined): Fields {
  const entries = Object.entries(traits ?? {});
  return Object.fromEntries(entries.slice(0, LIMITS.recordEntries - 1));
}

/** An id for a message that has none, as all clients of Segment give one: the same for the same content at the same time. */
function idOf(said: readonly Fields[], around: Fields): string {
  return createHash("sha256")
    .update(JSON.stringify([said, around]))
    .digest("base64url");
}
