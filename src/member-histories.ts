import { ask } from "./actors/ask.ts";
import type { Bus } from "./actors/bus.ts";
import { readJson } from "./actors/read-json.ts";
import type { History } from "./embedding/encoder.ts";
import type { Subjects } from "./events/subjects.ts";
import { unpackFeatureEvent } from "./features/pack-feature-event.ts";
import { EngineError } from "./kernel/engine-error.ts";
import { releaseKeys } from "./releases.ts";
import type { SegmentDefinitions } from "./resonance/segment-map.ts";
import type { HistoriesReply, HistoriesRequest } from "./shards/shard-messages.ts";

/** Histories of one page: a few hundred kilobytes at most, under the server's 1 MB payload. */
const PAGE_USERS = 100;
const PAGE_TIMEOUT_MS = 30_000;

/**
 * The recent events and labels of every authenticated user.
 *
 * @throws EngineError as the owners of the shards answer: `NOT_OWNER`, `TIMEOUT`, `NO_RESPONDERS` (retryable).
 */
export async function ringHistories(bus: Bus, subjects: Subjects, shards: number): Promise<History[]> {
  const histories: History[] = [];
  for (let shard = 0; shard < shards; shard++) histories.push(...(await readRings({ bus, subjects }, shard)));
  return histories;
}

/** As {@link ringHistories}, of one shard. */
export async function readRings(
  { bus, subjects }: { readonly bus: Bus; readonly subjects: Subjects },
  shard: number,
): Promise<History[]> {
  const histories: History[] = [];
  let after: string | undefined;
  do {
    const request: HistoriesRequest = { limit: PAGE_USERS, ...(after === undefined ? {} : { after }) };
    const subject = subjects.shard(shard, "histories");
    const page = (await ask(bus, subject, request, PAGE_TIMEOUT_MS)) as HistoriesReply;
    for (const { user, labels, events, arrival } of page.histories) {
      const came = arrival === undefined ? {} : { arrival: Uint32Array.from(arrival) };
      histories.push({ user, labels, events: events.map(unpackFeatureEvent), ...came });
    }
    after = page.next;
  } while (after !== undefined);
  return histories;
}

/**
 * The definitions in force.
 *
 * @throws EngineError `NO_SEGMENTS` (not retryable).
 */
export async function definitionsInForce(blobs: {
  get(key: string): Promise<Uint8Array | undefined>;
}): Promise<SegmentDefinitions> {
  const read = async (key: string): Promise<unknown> => {
    const stored = await readJson(blobs, key);
    if (stored !== undefined) return stored;
    throw new EngineError({
      code: "NO_SEGMENTS",
      message: "no segments are defined: send segments.put, or start a node with --segments FILE",
      retryable: false,
    });
  };
  const { version } = (await read(releaseKeys.currentSegments)) as { version: number };
  return (await read(releaseKeys.segments(version))) as SegmentDefinitions;
}
