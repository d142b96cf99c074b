import { monotonicMs } from "./peer-keys.ts";
import type { WorkerNews, WorkerOrder, WorkerSetup } from "./peer-messages.ts";
import { PeerWorker } from "./peer-worker.ts";
import { connectRedis } from "./redis-client.ts";

// The process of one worker: its first message is its setup, the others are orders. It ends with its parent.
process.once("disconnect", () => process.exit(0));
process.once("message", (setup: WorkerSetup) => {
  work(setup).then(
    () => process.disconnect(),
    (thrown: unknown) => {
      const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      process.send?.({ kind: "failed", message } satisfies WorkerNews, () => process.exit(1));
    },
  );
});

async function work(setup: WorkerSetup): Promise<void> {
  const [reader, states] = await Promise.all([connectRedis(setup), connectRedis(setup)]);
  let events = 0;
  const worker = new PeerWorker(setup, { reader, states }, (committed) => {
    events += committed;
    tell({ kind: "progress", events, atMs: monotonicMs() });
  });
  process.on("message", (order: WorkerOrder) => {
    if (order.kind === "stop") worker.stop();
    else tell(worker.report());
  });
  tell({ kind: "ready" });
  await worker.run();
  reader.close();
  states.close();
}

function tell(news: WorkerNews): void {
  process.send?.(news);
}
