import { setTimeout as sleep } from "node:timers/promises";
import type { Deployment } from "./deployment.ts";
import { type CoresUsed, watchCores } from "./process-cores.ts";
import { askShards } from "./shard-progress.ts";

/** How fast a node caught up. */
export type Drained = Readonly<{
  perSecond: number;
  /** Of the second half of the events: the node's code is compiled by then. */
  secondHalfPerSecond: number;
  /** From the first progress to the end. */
  cores: CoresUsed;
  overTime: readonly (readonly [seconds: number, perSecond: number])[];
}>;

const LOOK_MS = 25;
const PLOTTED_MS = 250;

/**
 * Watches the shards of a node that has just been started until it has folded what its logs hold: from the first
 * progress seen to the last.
 *
 * @param pids - Processes whose cores are told.
 * @param failed - Rejects if the node ends before that.
 * @throws Error if an event was not counted, was taken for a repeat, or was set aside: never pass over that.
 */
export async function watchDrain(
  deployment: Pick<Deployment, "client" | "shards">,
  streams: readonly Readonly<{ from: number; count: number; events: number }>[],
  pids: Readonly<Record<string, number>>,
  failed: Promise<unknown>,
): Promise<Drained> {
  const { client, shards } = deployment;
  const total = streams.reduce((sum, { events }) => sum + events, 0);
  const marks: Mark[] = [];
  let before: Mark | undefined;
  let coresUsed = await watchCores(pids);
  for (;;) {
    const asked = askShards(client.bus, client.subjects, shards);
    const told = await Promise.race([asked, failed.then(() => asked)]);
    const atMs = performance.now();
    const folded = told.reduce((sum, one) => sum + (one?.events ?? 0), 0);
    // A shard that has no owner yet may fold already, which nobody would see.
    const isSeen = folded > 0 && told.every((one) => one !== undefined);
    const isDone = told.every((one, shard) => {
      const stream = streams[shard];
      return one !== undefined && stream !== undefined && one.committed >= stream.from + stream.count - 1;
    });
    if (isSeen && marks.length === 0 && !isDone) coresUsed = await watchCores(pids);
    if (isSeen) marks.push({ atMs, folded });
    else if (folded === 0) before = { atMs, folded };
    if (isDone) {
      const lost = told.reduce((sum, one) => sum + (one?.duplicates ?? 0) + (one?.deadLetters ?? 0), 0);
      if (folded !== total || lost > 0)
        throw new Error(`${total} events were appended, ${folded} folded, ${lost} left without effect`);
      // So few that all were folded between two looks: from the look before.
      const cores = await coresUsed();
      return { cores, ...rateOf(marks.length > 1 || before === undefined ? marks : [before, ...marks]) };
    }
    await sleep(LOOK_MS);
  }
}

type Mark = Readonly<{ atMs: number; folded: number }>;

/** @param marks - Two at least, in order. */
function rateOf(marks: readonly Mark[]): Omit<Drained, "cores"> {
  const [first, last] = [marks[0], marks.at(-1)];
  if (first === undefined || last === undefined || first === last)
    throw new Error("no progress was seen: give the node more events");
  const rate = (from: Mark, to: Mark): number => ((to.folded - from.folded) * 1_000) / (to.atMs - from.atMs);
  const half = marks.find(({ folded }) => folded >= last.folded / 2) ?? first;
  const overTime: [number, number][] = [];
  let before = first;
  for (const mark of marks) {
    if (mark.atMs - before.atMs < PLOTTED_MS && mark !== last) continue;
    if (mark === before) continue;
    overTime.push([(mark.atMs - first.atMs) / 1_000, rate(before, mark)]);
    before = mark;
  }
  return {
    perSecond: rate(first, last),
    secondHalfPerSecond: half === last ? rate(first, last) : rate(half, last),
    overTime,
  };
}
