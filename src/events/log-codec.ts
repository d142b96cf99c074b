import { Packr } from "msgpackr";
import { EngineError } from "../kernel/engine-error.ts";
import type { Behaviour, Control, LogEntry } from "./log-entry.ts";

/** First byte of every entry. A reader that meets another one stops instead of guessing. */
const FORMAT = 1;

/** Every entry stands alone: no structure is shared between entries. */
const packr = new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" });

/** A behaviour as an array: positions instead of names halve the bytes and the time to read. */
type Row = readonly [
  id: string,
  user: string,
  type: string,
  tsMs: number,
  item: string | null,
  categories: readonly string[] | null,
  keywords: readonly number[] | null,
  rest: Rest | null,
];

const ROW_LENGTH = 8;

/** A kind that a newer writer added is not guessed at. */
const CONTROL_KINDS: Readonly<Record<Control["kind"], true>> = {
  "encoder-prepared": true,
  "encoder-activated": true,
  "profiles-activated": true,
  "segments-activated": true,
};

type Rest = Omit<Behaviour, "kind" | "id" | "user" | "type" | "tsMs" | "item" | "categories" | "keywords">;

/** An entry as the bytes that a log keeps. Minus zero is kept as zero. */
export function encodeEntry(entry: LogEntry): Uint8Array {
  const packed = packr.pack(entry.kind === "behaviour" ? rowOf(entry) : entry);
  const bytes = new Uint8Array(packed.length + 1);
  bytes[0] = FORMAT;
  bytes.set(packed, 1);
  return bytes;
}

/**
 * The entry that {@link encodeEntry} packed.
 *
 * @throws EngineError `LOG_ENTRY_UNREADABLE` for bytes of another format, or damaged ones.
 */
export function decodeEntry(bytes: Uint8Array): LogEntry {
  if (bytes[0] !== FORMAT) throw unreadable(`format ${bytes[0] ?? "none"} instead of ${FORMAT}`);
  let value: unknown;
  try {
    value = packr.unpack(bytes.subarray(1));
  } catch (cause) {
    throw unreadable(String(cause), cause);
  }
  if (Array.isArray(value)) {
    if (value.length !== ROW_LENGTH) throw unreadable(`${value.length} fields instead of ${ROW_LENGTH}`);
    return behaviourOf(value as unknown as Row);
  }
  // Activations were not numbered once: those are of order 0, before all that are.
  if (isControl(value))
    return value.kind === "encoder-activated" ? { ...value, order: value.order ?? 0 } : value;
  throw unreadable("neither a behaviour nor a control entry");
}

function rowOf(behaviour: Behaviour): Row {
  const { kind: _, id, user, type, tsMs, item, categories, keywords, ...rest } = behaviour;
  const more = Object.keys(rest).length > 0 ? rest : null;
  return [id, user, type, tsMs, item ?? null, categories ?? null, keywords ?? null, more];
}

function isControl(value: unknown): value is Control {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  return typeof value.kind === "string" && Object.hasOwn(CONTROL_KINDS, value.kind);
}

function behaviourOf(row: Row): Behaviour {
  const [id, user, type, tsMs, item, categories, keywords, rest] = row;
  if (
    typeof id !== "string" ||
    typeof user !== "string" ||
    typeof type !== "string" ||
    typeof tsMs !== "number"
  ) {
    throw unreadable("a behaviour without id, user, type or time");
  }
  const behaviour = { kind: "behaviour", id, user, type, tsMs } as {
    -readonly [Key in keyof Behaviour]: Behaviour[Key];
  };
  if (item !== null) behaviour.item = item;
  if (categories !== null) behaviour.categories = categories;
  if (keywords !== null) behaviour.keywords = keywords;
  return rest === null ? behaviour : Object.assign(behaviour, rest);
}

function unreadable(reason: string, cause?: unknown): EngineError {
  return new EngineError({
    code: "LOG_ENTRY_UNREADABLE",
    message: `a log entry can't be read: ${reason}`,
    retryable: false,
    cause,
  });
}
