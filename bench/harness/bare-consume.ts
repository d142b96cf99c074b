import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { newInbox } from "../../src/adapters/nats-peer.ts";
import { movedResult, preciseNowMs } from "./load-result.ts";
import type { ConsumeTask, LoadResult } from "./load-tasks.ts";

/** Messages asked for at a time by the ordered consumer. */
const WINDOW = 10_000;

/** Reads streams to the end with one unfiltered consumer each, and does nothing with what it gets but count it. */
export async function consume(nc: NatsConnection, task: ConsumeTask): Promise<LoadResult> {
  const read = task.way === "push" ? readPushed : readOrdered;
  const beganMs = preciseNowMs();
  await Promise.all(task.streams.map((stream) => read(nc, stream)));
  const count = task.streams.reduce((sum, stream) => sum + stream.count, 0);
  return movedResult(count, beganMs, preciseNowMs());
}

async function readPushed(nc: NatsConnection, stream: ConsumeTask["streams"][number]): Promise<void> {
  if (stream.count === 0) return;
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const inbox = newInbox(nc);
  let left = stream.count;
  const done = new Promise<void>((resolve) => {
    nc.subscribe(inbox, {
      max: stream.count,
      callback: () => {
        if (--left === 0) resolve();
      },
    });
  });
  await jsm.consumers.add(stream.name, {
    deliver_subject: inbox,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: stream.from,
    ack_policy: AckPolicy.None,
    mem_storage: true,
    num_replicas: 1,
  });
  await done;
}

async function readOrdered(nc: NatsConnection, stream: ConsumeTask["streams"][number]): Promise<void> {
  if (stream.count === 0) return;
  const consumer = await jetstream(nc).consumers.get(stream.name, { opt_start_seq: stream.from });
  let left = stream.count;
  await new Promise<void>((resolve, reject) => {
    const consuming = consumer.consume({
      max_messages: WINDOW,
      callback: () => {
        if (--left > 0) return;
        void consuming.then((messages) => messages.close()).then(() => resolve());
      },
    });
    consuming.catch(reject);
  });
}
