import { connectNats } from "../../src/adapters/nats-connection.ts";
import { consume } from "./bare-consume.ts";
import { publish } from "./bare-publish.ts";
import { benchAccess } from "./bench-access.ts";
import type { LoadAnswer } from "./load-process.ts";
import type { LoadResult, LoadTask } from "./load-tasks.ts";
import { echo, requestsClosed, requestsOpen } from "./request-load.ts";
import { visible } from "./visible-load.ts";

/** Entry of a load process: runs the tasks that its parent sends, until that closes the channel. */
process.on("message", (task: LoadTask) => {
  void perform(task).then(
    (result) => tell({ result }),
    (thrown) => tell({ failure: thrown instanceof Error ? String(thrown.stack) : String(thrown) }),
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");

function tell(answer: LoadAnswer): void {
  process.send?.(answer);
}

async function perform(task: LoadTask): Promise<LoadResult> {
  const connection = await connectNats({
    ...benchAccess(task.url),
    name: `resonance bench ${task.kind}`,
  });
  if (task.kind === "echo") return echo(connection, task); // Its connection ends with the process.
  try {
    if (task.kind === "closed") return await requestsClosed(connection, task);
    if (task.kind === "open") return await requestsOpen(connection, task);
    if (task.kind === "visible") return await visible(connection, task);
    if (task.kind === "consume") return await consume(connection, task);
    return await publish(connection, task);
  } finally {
    await connection.close();
  }
}
