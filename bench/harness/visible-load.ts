import type { NatsConnection } from "@nats-io/transport-node";
import { LoadRecorder } from "./load-result.ts";
import type { LoadResult, VisibleTask } from "./load-tasks.ts";
import { openLoop } from "./open-loop.ts";
import { LeanClient } from "./request-client.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Sends the first event of a user of whom nothing is held, then asks for his score as of the position that the
 * acknowledgement named: visible means that the answer knows him. Timed from when the event was due.
 */
export async function visible(nc: NatsConnection, task: VisibleTask): Promise<LoadResult> {
  const client = await LeanClient.over(nc);
  const recorder = new LoadRecorder();
  let next = 0;
  const probe = (done: (isGood: boolean) => void): void => {
    const event = task.events[next++];
    if (event === undefined) throw new Error("a probe needs an event of its own");
    const fail = (data: Uint8Array): void => {
      recorder.lastFailure = data;
      done(false);
    };
    client.send(`${task.prefix}.v1.ingest`, event.data, undefined, (isStored, stored) => {
      const [atLeast] = isStored ? (JSON.parse(decoder.decode(stored)) as Stored).positions : [];
      if (atLeast === undefined) return fail(stored);
      const request = encoder.encode(JSON.stringify({ user: event.user, atLeast }));
      client.send(`${task.prefix}.v1.score`, request, undefined, (isScored, scored) => {
        if (!isScored || !(JSON.parse(decoder.decode(scored)) as { known: boolean }).known)
          return fail(scored);
        recorder.lastReply = scored;
        done(true);
      });
    });
  };
  const loop = (durationMs: number): Promise<number> =>
    openLoop({
      perSecond: task.perSecond,
      durationMs,
      send: (_, done) => probe(done),
      answered: (ms, isGood) => recorder.answered(ms, isGood),
      late: (ms) => recorder.late.record(ms),
    });
  await loop(task.warmUpMs);
  recorder.begin();
  await loop(task.durationMs);
  client.close();
  return recorder.result();
}

type Stored = Readonly<{ positions: readonly unknown[] }>;
