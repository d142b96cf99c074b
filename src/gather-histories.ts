import type { Bus } from "./actors/bus.ts";
import type { Log } from "./actors/log.ts";
import type { History } from "./embedding/encoder.ts";
import { decodeEntries } from "./events/log-codec.ts";
import type { Subjects } from "./events/subjects.ts";
import { EngineError } from "./kernel/engine-error.ts";
import { readRings } from "./member-histories.ts";
import type { ConsentRules } from "./privacy/consent/consent-rules.ts";
import type { SegmentMap } from "./resonance/segment-map.ts";
import { LogHistories } from "./shards/log-histories.ts";

/** Where members' histories are read from: the whole log, or the newest events that shards keep of each user. */
export type HistorySource = "log" | "rings";

/** Members' histories, and where they came from. */
export type GatheredHistories = Readonly<{
  histories: readonly History[];
  /** Shards read from each source: of a log that was trimmed, the beginning is gone, so its shard's rings are read. */
  shards: Readonly<Record<HistorySource, number>>;
  /** Events of the members. */
  events: number;
}>;

/** Log messages taken at once. */
const MESSAGES = 1_024;
/** So many events are held in memory at most (about 40 bytes each); the shards after that are read from their rings. */
const LOG_EVENTS_MAX = 20_000_000;

/**
 * Reads the members' histories of all shards.
 *
 * @param progress - Is told of messages or users read, of how many if that is known.
 * @throws EngineError `LOG_UNAVAILABLE`, `TIMEOUT` or `NO_RESPONDERS` (retryable) while log or shards are out of reach.
 */
export async function gatherHistories(
  ports: Readonly<{ bus: Bus; log: Log; subjects: Subjects }>,
  given: {
    readonly shards: number;
    readonly maps: readonly SegmentMap[];
    /** What may be read of whom; the engine's own if left out. */
    readonly consent?: ConsentRules;
    readonly source: HistorySource;
    readonly progress: (step: number, steps: number) => void;
  },
): Promise<GatheredHistories> {
  const { log, subjects } = ports;
  const folded = new LogHistories(given.consent);
  const fromRings: History[] = [];
  const shards = { log: 0, rings: 0 };
  for (let shard = 0; shard < given.shards; shard++) {
    const stream = subjects.shardLog(shard);
    const progress = (part: number): void => given.progress(shard + part, given.shards);
    const isWanted = given.source === "log" && folded.events < LOG_EVENTS_MAX;
    const isWhole = isWanted && (await readLog(log, stream, folded, progress));
    if (!isWhole) fromRings.push(...(await readRings(ports, shard)));
    shards[isWhole ? "log" : "rings"]++;
    given.progress(shard + 1, given.shards);
  }
  const histories = [...folded.histories(given.maps), ...fromRings];
  return { histories, shards, events: histories.reduce((sum, { events }) => sum + events.length, 0) };
}

/** Folds a shard's log as it stands. @returns False, and folds nothing, if its beginning is not held any more. */
async function readLog(
  log: Log,
  stream: string,
  into: LogHistories,
  progress: (part: number) => void,
): Promise<boolean> {
  const { first, last } = await log.bounds(stream);
  if (first > 1) return false;
  if (last === 0) return true;
  const reader = await log.read(stream, first);
  try {
    for (let sequence = 0; sequence < last; ) {
      const messages = await reader.next(MESSAGES);
      if (messages.length === 0) throw unavailable(stream);
      for (const message of messages) {
        sequence = message.sequence;
        if (sequence > last) break;
        for (const entry of readableEntries(message.data)) if (entry.kind === "behaviour") into.fold(entry);
      }
      progress(Math.min(1, sequence / last));
    }
    return true;
  } finally {
    await reader.close();
  }
}

/** None of a message that can't be read: the shard has set it aside, too. */
function readableEntries(data: Uint8Array): ReturnType<typeof decodeEntries> {
  try {
    return decodeEntries(data);
  } catch (thrown) {
    if (thrown instanceof EngineError && thrown.code === "LOG_ENTRY_UNREADABLE") return [];
    throw thrown;
  }
}

function unavailable(stream: string): EngineError {
  const message = `the log ${stream} ended while it was read: train again`;
  return new EngineError({ code: "LOG_UNAVAILABLE", message, retryable: true });
}
