import type { History } from "../../embedding/encoder.ts";
import { PackedHistories } from "../../embedding/packed-histories.ts";
import { parseEvent } from "../../events/parse-event.ts";
import { type Arrival, arrivalOf } from "../../features/arrival.ts";
import { toFeatureEvent } from "../../features/to-feature-event.ts";
import { DEFAULT_CONSENT } from "../../gateway/consent-policy.ts";
import { ContextReader } from "../../gateway/context-reader.ts";
import { toBehaviour } from "../../gateway/to-behaviour.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { hash32, rehash32 } from "../../kernel/hash.ts";
import type { SegmentMap } from "../../resonance/segment-map.ts";
import { readEventsFile } from "../read-events-file.ts";
import { type ContextLabel, type MapLabel, mapAsDefined, mapOfLabels } from "./segment-maps.ts";

/** Recorded events and labels, whole: what an offline fit or evaluation works with. */
export type Recording = Readonly<{
  /** Users with events: those of the users file first, in its order, then the others. */
  histories: readonly History[];
  /** Place of each labelled user in the users file, users without events counted too: what blocks are cut by. */
  fileOrder: readonly string[];
  maps: readonly SegmentMap[];
  events: number;
  /** Lines that are no event, by code. */
  refused: Readonly<Record<string, number>>;
}>;

const PROGRESS_EVENTS = 1_000;
const SALT_KEEP = 0x75736572;

/**
 * Reads events and labels from files.
 *
 * @param given.usersMax - About so many users are kept, by hash; all by default.
 * @param progress - Is told of events read and the part of the file that is done, null where its size is not known.
 * @throws EngineError `EVENTS_FILE_UNREADABLE`; `NO_LABELS` if a label has fewer than two values; `UNKNOWN_MAP`;
 * `CONTEXT_IS_LABEL`.
 */
export async function readRecording(
  given: {
    readonly eventsPath: string;
    readonly usersPath: string;
    readonly maps: readonly MapLabel[];
    readonly usersMax?: number;
    /** Labels that tell how a user came; without, the contexts of first events do. */
    readonly context?: readonly ContextLabel[];
    /** Maps as a deployment defines them, in whose order they come; without, segments are the labels' values. */
    readonly definitions?: readonly SegmentMap[];
  },
  progress: (events: number, done: number | null) => void,
): Promise<Recording> {
  refuseLeaks(given.maps, given.context ?? []);
  const { labels, arrivals } = await readAllLabels(given.usersPath, given.maps, given.context ?? []);
  const kept = keptUsers([...labels.keys()], given.usersMax);
  const made = given.maps.map((map, m) => {
    if (given.definitions !== undefined) return mapAsDefined(map, given.definitions);
    const values = kept.flatMap((user) => labels.get(user)?.[m] ?? []);
    return mapOfLabels(map, values, given.usersPath);
  });
  const isKept = given.usersMax === undefined ? undefined : new Set(kept);
  const packed = new PackedHistories();
  for (const [user, arrival] of arrivals) packed.arrive(user, arrival);
  const contexts = new ContextReader();
  const refused: Record<string, number> = {};
  const file = await readEventsFile(given.eventsPath);
  let lines = 0;
  for await (const line of file) {
    if (++lines % PROGRESS_EVENTS === 0)
      progress(lines, file.sizeBytes === null ? null : file.readBytes / file.sizeBytes);
    const parsed = line.kind === "bad" ? line : parseEvent(line.value, Number.MAX_SAFE_INTEGER);
    if (parsed.kind !== "event" || !("event" in parsed)) {
      const code = "code" in parsed ? parsed.code : "NOT_AN_OBJECT";
      refused[code] = (refused[code] ?? 0) + 1;
      continue;
    }
    const { event } = parsed;
    // Only of a sample: everybody else would be background.
    if (isKept !== undefined && !isKept.has(event.user)) continue;
    if (event.type === "identify" || event.type === "consent") continue; // They say who somebody is, not what they do.
    const behaviour = toBehaviour(event, DEFAULT_CONSENT, () => {}, contexts);
    if (behaviour === undefined) {
      refused["NO_CONSENT"] = (refused["NO_CONSENT"] ?? 0) + 1;
      continue;
    }
    packed.add(event.user, toFeatureEvent(behaviour), arrivalOf(behaviour.context));
  }
  const histories = packed.histories((user) => {
    const values = labels.get(user);
    const entries = made.flatMap(({ map, segmentOf }, m) => {
      const segment = segmentOf.get(values?.[m] ?? "");
      return values?.[m] === undefined || segment === undefined ? [] : [[map.name, segment] as const];
    });
    return Object.fromEntries(entries);
  });
  return {
    histories: inFileOrder(histories, kept),
    fileOrder: kept,
    maps: made.map(({ map }) => map),
    events: packed.events,
    refused,
  };
}

/** @throws EngineError `CONTEXT_IS_LABEL` if a context would tell the very segment that is asked for. */
function refuseLeaks(maps: readonly MapLabel[], context: readonly ContextLabel[]): void {
  const leak = context.find(({ label }) => maps.some((map) => map.label === label));
  if (leak === undefined) return;
  const message = `the label "${leak.label}" tells a map's segments: it can't be a context as well`;
  throw new EngineError({ code: "CONTEXT_IS_LABEL", message, retryable: false });
}

/** Labels of each user that has any, in the order of the maps, and how those came of whom labels tell it. */
async function readAllLabels(
  path: string,
  maps: readonly MapLabel[],
  context: readonly ContextLabel[],
): Promise<{
  labels: ReadonlyMap<string, readonly (string | undefined)[]>;
  arrivals: ReadonlyMap<string, Arrival>;
}> {
  const labels = new Map<string, readonly (string | undefined)[]>();
  const arrivals = new Map<string, Arrival>();
  for await (const line of await readEventsFile(path)) {
    if (line.kind === "bad") continue;
    const { user, labels: given } = line.value as { user?: unknown; labels?: Record<string, unknown> };
    if (typeof user !== "string" || typeof given !== "object" || given === null) continue;
    const textOf = ({ label }: Readonly<{ label: string }>): string | undefined => {
      const value = given[label];
      return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
    };
    const values = maps.map(textOf);
    if (values.some((value) => value !== undefined)) labels.set(user, values);
    const told = context.flatMap(({ field, ...of }) => {
      const value = textOf(of);
      return value === undefined ? [] : [[field, value] as const];
    });
    const arrival = arrivalOf(Object.fromEntries(told));
    if (arrival !== undefined) arrivals.set(user, arrival);
  }
  return { labels, arrivals };
}

/** In file order; those with the smallest hashes if there are more than wanted. */
function keptUsers(users: string[], usersMax: number | undefined): string[] {
  if (usersMax === undefined || users.length <= usersMax) return users;
  const ranks = users.map((user) => rehash32(hash32(user), SALT_KEEP));
  const limit = ranks.toSorted((a, b) => a - b)[usersMax]!;
  return users.filter((_, i) => ranks[i]! < limit);
}

function inFileOrder(histories: readonly History[], users: readonly string[]): History[] {
  const byUser = new Map(histories.map((history) => [history.user, history]));
  const known = users.flatMap((user) => byUser.get(user) ?? []);
  const listed = new Set(users);
  return [...known, ...histories.filter(({ user }) => !listed.has(user))];
}
