import type { Event } from "../../../src/events/event.ts";
import { KNOWN_TYPES } from "../../../src/events/event.ts";
import { LIMITS } from "../../../src/events/limits.ts";

type Field = Exclude<keyof Event, "tsMs"> | "ts";

const ID = `1 to ${LIMITS.idChars} printable characters`;
const RECORD = `${LIMITS.recordEntries} entries, keys of 1 to ${LIMITS.keyBytes} bytes`;

/** What is said of each field: no field of an event can be forgotten, and limits are those of the code. */
const FIELDS: Readonly<Record<Field, readonly [type: string, limit: string]>> = {
  id: ["text, required", `${ID}; a repeated id of the same user has no effect`],
  user: ["text, required", ID],
  type: ["text, required", `1 to ${LIMITS.typeBytes} bytes`],
  ts: ["number or text, required", "epoch milliseconds, or ISO 8601 with its zone (`2026-01-01T00:00:00Z`)"],
  item: ["text", ID],
  peer: ["text", ID],
  decision: ["text", ID],
  categories: ["list of texts", `${LIMITS.categories}, each of ${kib(LIMITS.textBytes)}`],
  query: ["text", kib(LIMITS.textBytes)],
  text: ["text", `${kib(LIMITS.textBytes)}; line breaks and tabs are welcome`],
  value: ["number", "finite; money of a purchase, the mark of a rating"],
  currency: ["text", `${LIMITS.currencyBytes} bytes`],
  location: ["`{lat, lon}`", "within 90 and 180 degrees"],
  context: [
    "texts by key: where the user comes from, and on what; see below",
    `${RECORD}, texts of ${kib(LIMITS.textBytes)}`,
  ],
  traits: ["texts, numbers or truth values by key", "as `context`"],
  segments: [
    "segment or `null`, by map",
    `${LIMITS.recordEntries} entries, names of 1 to 64 of \`A-Z a-z 0-9 _ -\`; \`null\` takes the user out of the map`,
  ],
  consent: ["`true` or `false`, by purpose", `${LIMITS.recordEntries} entries`],
};

/** The table of an event's fields. */
export function eventFields(): string {
  const rows = Object.entries(FIELDS).map(([name, [type, limit]]) => `| \`${name}\` | ${type} | ${limit} |`);
  return ["| field | type | limit |", "|---|---|---|", ...rows].join("\n");
}

/** The types that features know. */
export function eventTypes(): string {
  return `${KNOWN_TYPES.map((type) => `\`${type}\``).join(", ")}. Any other type is taken and hashed. \`identify\` makes a user a member: [segments.md](segments.md).`;
}

function kib(bytes: number): string {
  return `${bytes / 1_024} KiB`;
}
