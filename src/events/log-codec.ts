import { Packr } from "msgpackr";
import { EngineError } from "../kernel/engine-error.ts";
import { MsgpackWriter } from "../kernel/msgpack-writer.ts";
import { withoutQuotes } from "../kernel/without-quotes.ts";
import { LIMITS } from "./limits.ts";
import type { Behaviour, Control, LogEntry, Redacted } from "./log-entry.ts";

/** First byte of a message with one entry, and of one with a list of behaviours. Any other is not guessed at. */
const ONE = 1;
const MANY = 2;

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
  "encoder-discarded": true,
  "segments-prepared": true,
  "segments-activated": true,
  "content-activated": true,
  "rates-activated": true,
  "experiments-activated": true,
  "policy-activated": true,
  "warm-up-continued": true,
  erase: true,
  erased: true,
};

const REDACTED: Redacted = { kind: "redacted" };

type Rest = Omit<Behaviour, "kind" | "id" | "user" | "type" | "tsMs" | "item" | "categories" | "keywords">;

const writer = new MsgpackWriter();

/** Behaviours in one message of a log, and its bytes. */
export type Bundle = Readonly<{ behaviours: readonly Behaviour[]; data: Uint8Array }>;

/** An entry as the bytes that a log keeps. Minus zero is kept as zero. */
export function encodeEntry(entry: LogEntry): Uint8Array {
  writer.reset(); // Of an entry that could not be packed, whose caller was told.
  writer.byte(ONE);
  if (entry.kind === "behaviour") writeRow(entry);
  else if (entry.kind === "redacted") writer.nil();
  else writer.value(entry);
  return writer.finish();
}

/**
 * Behaviours as messages of one log, in order: as few as {@link LIMITS} allow. A message costs its log, and whoever
 * reads it, more than the events in it.
 */
export function encodeBehaviours(behaviours: readonly Behaviour[]): Bundle[] {
  const bundles: Bundle[] = [];
  for (let from = 0; from < behaviours.length; ) {
    const bundle = encodeSome(behaviours, from);
    bundles.push(bundle);
    from += bundle.behaviours.length;
  }
  return bundles;
}

/** The first of the behaviours from a place on, as many as one message takes. */
function encodeSome(behaviours: readonly Behaviour[], from: number): Bundle {
  if (from === behaviours.length - 1) {
    const last = behaviours[from]!;
    return { behaviours: [last], data: encodeEntry(last) };
  }
  writer.reset();
  writer.byte(MANY);
  const list = writer.beginList();
  let to = from;
  while (to < behaviours.length && to - from < LIMITS.bundleEvents && writer.length < LIMITS.bundleBytes)
    writeRow(behaviours[to++]!);
  writer.endList(list, to - from);
  return { behaviours: behaviours.slice(from, to), data: writer.finish() };
}

/**
 * The entries that {@link encodeEntry} or {@link encodeBehaviours} packed into a message; at least one.
 *
 * @throws EngineError `LOG_ENTRY_UNREADABLE` for bytes of another format, or damaged ones.
 */
export function decodeEntries(bytes: Uint8Array): LogEntry[] {
  const [format] = bytes;
  if (format !== ONE && format !== MANY)
    throw unreadable(`format ${format ?? "none"} instead of ${ONE} or ${MANY}`);
  let value: unknown;
  try {
    value = packr.unpack(bytes.subarray(1));
  } catch (cause) {
    throw unreadable(withoutQuotes(cause), cause);
  }
  if (format === ONE) return [entryOf(value)];
  if (!Array.isArray(value) || value.length === 0) throw unreadable("no list of behaviours");
  return value.map((row) => (row === null ? REDACTED : behaviourOf(row)));
}

/** One of a message's entries, as a message of its own. It need not be one that this build would write. */
export function singleEntry(bytes: Uint8Array, place: number): Uint8Array {
  if (bytes[0] !== MANY) return bytes;
  const rows = packr.unpack(bytes.subarray(1)) as unknown[];
  return Uint8Array.of(ONE, ...packr.pack(rows[place]));
}

/** A behaviour as it lies in a message: its user is the second field, and the last one holds the fields that most do not have. */
export type RawRow = readonly unknown[];
/** A control entry as it lies in a message. */
export type RawControl = Readonly<Record<string, unknown>>;

/**
 * A message with other entries in the places of some, as they lie there: what this build does not know of the others stays.
 *
 * @param change - Gives what is to be in the place of an entry: null for a redacted one, the very same to leave it.
 * @returns Undefined if all are left.
 * @throws EngineError `LOG_ENTRY_UNREADABLE`.
 */
export function rewriteMessage(
  bytes: Uint8Array,
  change: (entry: RawRow | RawControl) => RawRow | RawControl | null,
): Uint8Array | undefined {
  const [format] = bytes;
  let value: unknown;
  try {
    value = packr.unpack(bytes.subarray(1));
  } catch (cause) {
    throw unreadable(String(cause), cause);
  }
  const isMany = format === MANY && Array.isArray(value);
  const held: readonly unknown[] = isMany ? (value as unknown[]) : [value];
  let isChanged = false;
  const changed = held.map((entry) => {
    if (entry === null) return null;
    if ((format !== ONE && !isMany) || typeof entry !== "object") throw unreadable("neither a row nor a map");
    const next = change(entry as RawRow | RawControl);
    if (next !== entry) isChanged = true;
    return next;
  });
  if (!isChanged) return undefined;
  return Uint8Array.of(isMany ? MANY : ONE, ...packr.pack(isMany ? changed : changed[0]));
}

function entryOf(value: unknown): LogEntry {
  if (value === null) return REDACTED;
  if (Array.isArray(value)) return behaviourOf(value);
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
  write("peerHash", rest.peerHash);
  write("cell", rest.cell);
  write("context", rest.context);
  write("traits", rest.traits);
  write("segments", rest.segments);
  write("consent", rest.consent);
  write("decision", rest.decision);
  write("automated", rest.automated);
  write("feedback", rest.feedback);
  write("exposure", rest.exposure);
  writer.endMap(map, size); // Of none: nil.
}

function isControl(value: unknown): value is Control {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  return typeof value.kind === "string" && Object.hasOwn(CONTROL_KINDS, value.kind);
}

function behaviourOf(row: unknown): Behaviour {
  if (!Array.isArray(row) || row.length !== ROW_LENGTH)
    throw unreadable(`${Array.isArray(row) ? row.length : "no"} fields instead of ${ROW_LENGTH}`);
  const [id, user, type, tsMs, item, categories, keywords, rest] = row as unknown as Row;
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
