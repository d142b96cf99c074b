import type { MessagePort } from "node:worker_threads";
import { toWireError, type WireError } from "./kernel/engine-error.ts";

/** From the node to a thread, and back. */
export type ToThread = Readonly<{ kind: "stop" }>;
export type FromThread = Readonly<{ kind: "ready" }>;

/** How a thread's task ended. An Error would lose its class on the way, so it travels as plain data. */
export type ThreadEnd = Readonly<{ kind: "stopped" }> | Readonly<{ kind: "failed"; error: WireError }>;

/** What a task runs: `done` settles when it fails, `stop` drains and closes it. */
export type Running = Readonly<{ done: Promise<void>; stop(): Promise<void> }>;

/** Runs an actor host in this thread until the node says stop or the host fails. */
export async function runUntilStopped(port: MessagePort, start: () => Promise<Running>): Promise<ThreadEnd> {
  const stopRequested = new Promise<void>((resolve) => {
    port.on("message", (message: ToThread) => {
      if (message.kind === "stop") resolve();
    });
    port.on("close", resolve); // The node is gone or gave the thread up.
  });
  try {
    const running = await start();
    port.postMessage({ kind: "ready" } satisfies FromThread);
    try {
      await Promise.race([stopRequested, running.done]);
    } finally {
      await running.stop();
    }
    return { kind: "stopped" };
  } catch (thrown) {
    // Inside the node the place is told too; the stack never leaves it.
    const detail = thrown instanceof Error ? { stack: thrown.stack } : {};
    return { kind: "failed", error: { ...toWireError(thrown), detail } };
  } finally {
    port.close();
  }
}
