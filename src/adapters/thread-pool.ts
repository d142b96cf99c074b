import { MessageChannel, type MessagePort, type Worker } from "node:worker_threads";
import { Piscina } from "piscina";

/** A pool of threads whose tasks run until they are told to stop: actor hosts with connections and timers. */
export type ThreadPool = Readonly<{
  /**
   * Starts an exported function of the pool's module in a thread of its own; `port` reaches it meanwhile. If that thread ends before
   * the function does, `end` rejects once it is gone, with all that it had handed over to the system.
   */
  start<Task extends object, Result>(
    name: string,
    task: Task,
    /** Terminates the thread; another one takes its place in the pool. */
    signal?: AbortSignal,
  ): Readonly<{ port: MessagePort; end: Promise<Result> }>;
  /** Runs a function to its end and answers with its result. */
  run<Task extends object, Result>(name: string, task: Task, signal?: AbortSignal): Promise<Result>;
  close(): Promise<void>;
}>;

/**
 * Makes a pool of exactly `threads` threads over one module.
 *
 * @param module - URL of the module beside the caller, without its ending: sources run as they are, dist as JavaScript.
 * @param options - `youngMiB`: room for objects that have just been made, 48 MiB a thread by default. `oldMiB`: room for those
 *   that stay; a thread that needs more ends. Below 2 GiB V8 lets garbage grow less before it collects (by half of what is live,
 *   at 1 GiB, instead of to four times as much).
 */
export function threadPool(
  module: URL,
  options: {
    readonly threads: number;
    readonly nice?: number;
    readonly youngMiB?: number;
    readonly oldMiB?: number;
  },
): ThreadPool {
  const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const pool = new Piscina({
    filename: `${module.href}${ending}`,
    minThreads: options.threads,
    maxThreads: options.threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    // With the default, a thread's event loop stands still between tasks, and so do its connections.
    atomics: "disabled",
    ...(options.nice === undefined ? {} : { niceIncrement: options.nice }),
    resourceLimits: {
      ...(options.youngMiB === undefined ? {} : { maxYoungGenerationSizeMb: options.youngMiB }),
      ...(options.oldMiB === undefined ? {} : { maxOldGenerationSizeMb: options.oldMiB }),
    },
  });
  const leaving = new LeavingThreads(pool);
  return {
    start(name, task, signal) {
      const { port1, port2 } = new MessageChannel();
      const how = { name, transferList: [port2], ...(signal === undefined ? {} : { signal }) };
      const end = pool.run({ ...task, port: port2 }, how).catch(async (thrown: unknown) => {
        await leaving.gone();
        throw thrown;
      });
      return { port: port1, end };
    },
    run: (name, task, signal) => pool.run(task, signal === undefined ? { name } : { name, signal }),
    close: () => pool.destroy(),
  };
}

/**
 * Threads that a pool has let go and that are not gone: it tells that a task has failed when it begins to end the thread. Meanwhile a
 * commit may be under way in there, under whoever opens the store next.
 */
class LeavingThreads {
  readonly #pool: Piscina;
  /** When each that is not gone will be. */
  readonly #exits = new Map<Worker, Promise<void>>();

  constructor(pool: Piscina) {
    this.#pool = pool;
    this.#note();
    pool.on("workerCreate", () => this.#note());
  }

  async gone(): Promise<void> {
    const kept = new Set(this.#pool.threads);
    await Promise.all([...this.#exits].map(([thread, exit]) => (kept.has(thread) ? undefined : exit)));
  }

  #note(): void {
    for (const thread of this.#pool.threads) {
      if (this.#exits.has(thread)) continue;
      const exit = new Promise<void>((resolve) => {
        thread.once("exit", () => {
          this.#exits.delete(thread);
          resolve();
        });
      });
      this.#exits.set(thread, exit);
    }
  }
}
