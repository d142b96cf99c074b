import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { parseEvent } from "../../events/parse-event.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { hash32, rehash32 } from "../../kernel/hash.ts";
import { mapOfLabels } from "../recording/segment-maps.ts";
import type { ImportSource } from "./import-source.ts";
import type { BadRow, DataSet, Labels } from "./imported.ts";
import { TimeSorter } from "./time-sorter.ts";

/** What an import is to do. */
export type ImportOptions = Readonly<{
  /** Folder for what is written. */
  out: string;
  /** Events at most; the first that the files tell. */
  limit?: number;
  /** Share in [0, 1] of the labelled users who identify themselves: the members. The others stay strangers. */
  identify: number;
  /** Labels that become maps; by default all that make good segments. */
  labels?: readonly string[];
  labelBuyers: boolean;
}>;

/** What an import did. */
export type ImportReport = Readonly<{
  set: string;
  events: number;
  /** Users with labels and events. */
  labelled: number;
  /** Of these, those who identify themselves. */
  members: number;
  /** Times of the first and the last event, epoch ms; null if there are no events. */
  spanMs: readonly [number, number] | null;
  /** Rows that were left out, by code, and the first few. */
  refused: Readonly<Record<string, number>>;
  firstRefused: readonly Omit<BadRow, "kind">[];
  /** Paths of what was written. */
  files: Readonly<{ events: string; users?: string; segments?: string }>;
}>;

const DAY_MS = 86_400_000;
const SHOWN_REFUSED = 5;
/** Each chunk goes to the compressor's thread and back: a line a time would wait more than it works. */
const CHUNK_CHARS = 65_536;
const PROGRESS_ROWS = 2_000;
const SALT_MEMBERS = 0x6d656d62;

/**
 * Reads a data set and writes what `resonance replay`, `up --segments` and `evaluate` take: `events.jsonl.gz` in the
 * order of time, and, where users are labelled, `users.jsonl.gz` and `segments.json`. Files appear when they are whole;
 * the same input gives the same files, so that an import that was cut off is run again.
 *
 * @param progress - Is told of rows read.
 * @throws EngineError `IMPORT_UNREADABLE`, `IMPORT_INCOMPLETE`; `IMPORT_EMPTY` if not one event was found.
 */
export async function runImport(
  set: DataSet,
  source: ImportSource,
  options: ImportOptions,
  progress: (rows: number) => void,
): Promise<ImportReport> {
  await mkdir(options.out, { recursive: true });
  const sorter = new TimeSorter(options.out);
  try {
    const gathered = await gather(set, source, options, sorter, progress);
    const { labels, firstMs, events, spanMs, refused, firstRefused } = gathered;
    if (spanMs === null) {
      const why = firstRefused.map(({ file, line, code }) => `${file}:${line} ${code}`).join(", ");
      const message = `${source.path} gave no event${why === "" ? "" : `: ${why}`}`;
      throw new EngineError({ code: "IMPORT_EMPTY", message, retryable: false });
    }
    for (const user of labels.keys()) if (!firstMs.has(user)) labels.delete(user);
    const maps = mapsOf(options.labels ?? set.maps, labels, spanMs, source.path);
    const members = maps.length === 0 ? 0 : await addIdentifies(sorter, gathered, maps, options.identify);
    const files = await writeFiles(options.out, sorter, labels, maps);
    return { set: set.name, events, labelled: labels.size, members, spanMs, refused, firstRefused, files };
  } finally {
    await sorter.close();
  }
}

type Gathered = {
  readonly labels: Map<string, Labels>;
  /** Time of the first event of each user who may get labels. */
  readonly firstMs: Map<string, number>;
  events: number;
  spanMs: readonly [number, number] | null;
  readonly refused: Record<string, number>;
  readonly firstRefused: Omit<BadRow, "kind">[];
};

async function gather(
  set: DataSet,
  source: ImportSource,
  options: ImportOptions,
  sorter: TimeSorter,
  progress: (rows: number) => void,
): Promise<Gathered> {
  const found: Gathered = {
    ...{ labels: new Map(), firstMs: new Map(), events: 0, spanMs: null, refused: {}, firstRefused: [] },
  };
  const refuse = ({ file, line, code, message }: Omit<BadRow, "kind">): void => {
    found.refused[code] = (found.refused[code] ?? 0) + 1;
    if (found.firstRefused.length < SHOWN_REFUSED) found.firstRefused.push({ file, line, code, message });
  };
  let rows = 0;
  for await (const read of set.read(source, options)) {
    if (++rows % PROGRESS_ROWS === 0) progress(rows);
    if (read.kind === "bad") refuse(read);
    else if (read.kind === "labels") found.labels.set(read.user, read.labels);
    else {
      const parsed = parseEvent(read.event, Number.MAX_SAFE_INTEGER);
      if (parsed.kind !== "event") {
        refuse({ file: read.file, line: read.line, code: parsed.code, message: parsed.message });
        continue;
      }
      const { user, tsMs } = parsed.event;
      await sorter.add(tsMs, JSON.stringify(read.event));
      found.events++;
      const [fromMs, toMs] = found.spanMs ?? [tsMs, tsMs];
      found.spanMs = [Math.min(fromMs, tsMs), Math.max(toMs, tsMs)];
      if (set.maps.length > 0) found.firstMs.set(user, Math.min(found.firstMs.get(user) ?? Infinity, tsMs));
      if (found.events === options.limit) break;
    }
  }
  progress(rows);
  return found;
}

type NamedMap = Readonly<{
  name: string;
  segments: readonly string[];
  segmentOf: ReadonlyMap<string, string>;
  days: number;
}>;

/** A map of each label that has two values or more. Its window holds the whole recording. */
function mapsOf(
  names: readonly string[],
  labels: ReadonlyMap<string, Labels>,
  [fromMs, toMs]: readonly [number, number],
  path: string,
): NamedMap[] {
  const days = Math.floor(toMs / DAY_MS) - Math.floor(fromMs / DAY_MS) + 1;
  return names.flatMap((name) => {
    const values = [...labels.values()].flatMap((of) => (of[name] === undefined ? [] : [String(of[name])]));
    if (new Set(values).size < 2) return [];
    const { map, segmentOf } = mapOfLabels({ name, label: name }, values, path);
    return [{ name, segments: map.segments.map((segment) => segment.name), segmentOf, days }];
  });
}

/** Members identify themselves at their first event; who does follows from their names alone. @returns How many do. */
async function addIdentifies(
  sorter: TimeSorter,
  { labels, firstMs }: Gathered,
  maps: readonly NamedMap[],
  share: number,
): Promise<number> {
  let members = 0;
  for (const [user, given] of labels) {
    if (rehash32(hash32(user), SALT_MEMBERS) / 2 ** 32 >= share) continue;
    const segments = Object.fromEntries(
      maps.flatMap(({ name, segmentOf }) => {
        const segment = segmentOf.get(String(given[name]));
        return segment === undefined ? [] : [[name, segment] as const];
      }),
    );
    const ts = firstMs.get(user)!;
    await sorter.add(ts, JSON.stringify({ id: `identify-${user}`, user, ts, type: "identify", segments }));
    members++;
  }
  return members;
}

async function writeFiles(
  out: string,
  sorter: TimeSorter,
  labels: ReadonlyMap<string, Labels>,
  maps: readonly NamedMap[],
): Promise<ImportReport["files"]> {
  const events = join(out, "events.jsonl.gz");
  await writeWhole(events, sorter.sorted());
  if (maps.length === 0) return { events };
  const users = join(out, "users.jsonl.gz");
  const lines = function* () {
    for (const [user, given] of labels) yield JSON.stringify({ user, labels: given });
  };
  await writeWhole(users, lines());
  const segments = join(out, "segments.json");
  const definitions = maps.map(({ name, segments: names, days: buckets }) => ({
    ...{ name, mode: "exclusive", segments: names, window: { bucket: "1d", buckets } },
  }));
  await writeFile(segments, `${JSON.stringify({ maps: definitions }, null, 2)}\n`);
  return { events, users, segments };
}

/** Under another name until it is whole: half a file would be taken for a short recording. */
async function writeWhole(path: string, lines: Iterable<string> | AsyncIterable<string>): Promise<void> {
  const part = `${path}.part`;
  const chunks = async function* () {
    let chunk = "";
    for await (const line of lines) {
      chunk += `${line}\n`;
      if (chunk.length < CHUNK_CHARS) continue;
      yield chunk;
      chunk = "";
    }
    yield chunk;
  };
  try {
    await pipeline(Readable.from(chunks()), createGzip(), createWriteStream(part));
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
}
