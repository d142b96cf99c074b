import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { WorkerNews, WorkerOrder, WorkerReport, WorkerSetup } from "./peer-messages.ts";

/** A worker in a process of its own, as its bench sees it. */
export type WorkerProcess = Readonly<{
  report(): Promise<WorkerReport>;
  stop(): Promise<void>;
}>;

/** What a worker tells while it works. */
export type WorkerListener = Readonly<{
  progress(events: number, atMs: number): void;
  /** It broke; nothing comes after that. */
  failed(error: Error): void;
}>;

/** Starts a worker. Resolves once it is connected and reads. */
export async function startWorker(setup: WorkerSetup, listener: WorkerListener): Promise<WorkerProcess> {
  const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const main = fileURLToPath(new URL(`./peer-worker-main${ending}`, import.meta.url));
  const child = fork(main, { serialization: "advanced", stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const exited = once(child, "exit");
  const waiting: ((report: WorkerReport) => void)[] = [];
  let isStopping = false;
  const ready = new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => {
      reject(error);
      if (!isStopping) listener.failed(error);
    };
    child.on("message", (news: WorkerNews) => {
      if (news.kind === "ready") resolve();
      else if (news.kind === "progress") listener.progress(news.events, news.atMs);
      else if (news.kind === "failed") failed(new Error(`a worker of the pipeline failed: ${news.message}`));
      else waiting.shift()?.(news);
    });
    exited.then(
      ([status]) => failed(new Error(`a worker of the pipeline ended with ${String(status)}`)),
      reject,
    );
  });
  const order = (given: WorkerOrder): void => void child.send(given);
  child.send(setup);
  await ready;
  return {
    report: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        order({ kind: "report" });
      }),
    async stop() {
      isStopping = true;
      if (child.connected) order({ kind: "stop" });
      await exited;
    },
  };
}
