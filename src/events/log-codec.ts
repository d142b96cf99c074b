import { Packr } from "msgpackr";
import { EngineError } from "../kernel/engine-error.ts";
import { MsgpackWriter } from "../kernel/msgpack-writer.ts";
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

const writer = new MsgpackWriter();

/** An entry as the bytes that a log keeps. Minus zero is kept as zero. */
export function encodeEntry(entry: LogEntry): Uint8Array {
  writer.reset(); // Of an entry that could not be packed, whose caller was told.
  writer.byte(FORMAT);
  if (entry.kind === "behaviour") writeRow(entry);
  else writer.value(entry);
  return writer.finish();
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

function writeRow(behaviour: Behaviour): void {
  const { item, categories, keywords } = behaviour;
  writer.list(ROW_LENGTH);
  writer.text(behaviour.id);
  writer.text(behaviour.user);
  writer.text(behaviour.type);
  writer.number(behaviour.tsMs);
  if (item === undefined) writer.nil();
  else writer.text(item);
  if (categories === undefined) writer.nil();
  else {
    writer.list(categories.length);
    for (const category of categories) writer.text(category);
  }
  if (keywords === undefined) writer.nil();
  else {
    writer.list(keywords.length);
    for (const keyword of keywords) writer.number(keyword);
  }
  writeRest(behaviour);
}

/** One by one: a loop over names takes three times as long. */
function writeRest(rest: Rest): void {
  const map = writer.beginMap();
  let size = 0;
  const write = (field: keyof Rest, value: unknown): void => {
    if (value === undefined) return;
    size++;
    writer.text(field);
    writer.value(value);
  };
  write("sentiment", rest.sentiment);
  write("value", rest.value);
  write("currency", rest.currency);
  write("peer", rest.peer);
  write("cell", rest.cell);
  write("context", rest.context);
  write("traits", rest.traits);
  write("segments", rest.segments);
  write("consent", rest.consent);
  write("decision", rest.decision);
  writer.endMap(map, size); // Of none: nil.
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
