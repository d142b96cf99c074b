import type { Lease, UnitCopy } from "./actors/unit-copy.ts";
import type { ThreadPool } from "./adapters/thread-pool.ts";
import { EngineError, fromWireError, type WireError } from "./kernel/engine-error.ts";
import type { Report } from "./kernel/report.ts";
import { type SupervisedThread, superviseThread } from "./supervised-thread.ts";
import type { CopyRequest, FromThread, ToThread } from "./thread-protocol.ts";
import type { ThreadFigures } from "./unit-figures.ts";

/** The threads that a node's copies live in. */
export type UnitThreads = Readonly<{
  /** Opens a copy in the thread with the fewest; it fails when its thread does. */
  start(unit: string): Promise<UnitCopy>;
  /** Rejects when a thread failed too often. */
  failed: Promise<never>;
  /** How often threads were restarted. */
  restarts(): number;
  /** How long the most silent of them has given no sign of life, ms. */
  silentMs(): number;
  /** What each thread tells of itself and its copies; one that does not answer at once has told nothing new. */
  figures(): Promise<readonly (ThreadFigures | undefined)[]>;
  stop(): Promise<void>;
}>;

/** A call that takes longer is given up: its thread is of no use. */
const CALL_PATIENCE_MS = 60_000;
/** Whoever asks for figures gets the last ones of a thread that is busy for longer. */
const FIGURES_PATIENCE_MS = 1_000;

/**
 * Starts the threads of a pool and keeps them running. A copy here is only a handle: every call goes to its thread.
 *
 * @param task - What each thread is started with; plain data, since it crosses a thread.
 */
export function startUnitThreads(
  pool: ThreadPool,
  threads: number,
  task: object,
  report: Report,
): UnitThreads {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {}); // Told to whoever awaits it.
  const hosts = Array.from(
    { length: threads },
    (_, thread) => new ThreadHost(pool, `thread ${thread}`, task, report, failed.reject),
  );
  return {
    start(unit) {
      const [first, ...others] = hosts;
      if (first === undefined) throw new Error("there are no threads");
      const host = others.reduce((least, one) => (one.copies < least.copies ? one : least), first);
      return host.open(unit);
    },
    failed: failed.promise,
    restarts: () => hosts.reduce((sum, host) => sum + host.restarts, 0),
    figures: () => Promise.all(hosts.map((host) => host.figures())),
    silentMs: () => Math.max(0, ...hosts.map((host) => host.silentMs)),
    async stop() {
      await Promise.all(hosts.map((host) => host.stop()));
    },
  };
}

type Call = Readonly<{ resolve(value: number): void; reject(error: Error): void }>;
type OpenCopy = Readonly<{ unit: string; fail(error: Error): void }>;

class ThreadHost {
  readonly #thread: SupervisedThread;
  readonly #calls = new Map<number, Call>();
  readonly #copies = new Set<OpenCopy>();
  #lastCall = 0;
  /** The last figures told, and who waits for the next ones. */
  #figures: ThreadFigures | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(
    pool: ThreadPool,
    name: string,
    task: object,
    report: Report,
    escalate: (error: Error) => void,
  ) {
    this.#thread = superviseThread(pool, "runUnits", task, {
      message: (message) => this.#receive(message, report),
      ended: (error) => this.#lose(error),
      restarting: (error, afterMs) => {
        const facts = { event: "thread.restarting", level: "error", code: error.code } as const;
        const after = Math.round(afterMs);
        report(`${name} failed (${error.code}: ${error.message}): restarting in ${after} ms`, facts);
        if (typeof error.detail?.["stack"] === "string") report(error.detail["stack"], facts);
      },
      escalated: escalate,
    });
  }

  /** Copies that are open here, or being opened. */
  get copies(): number {
    return this.#copies.size;
  }

  get restarts(): number {
    return this.#thread.restarts();
  }

  get silentMs(): number {
    return this.#thread.silentMs();
  }

  async open(unit: string): Promise<UnitCopy> {
    const done = Promise.withResolvers<void>();
    done.promise.catch(() => {}); // Whoever holds the copy is told.
    const entry: OpenCopy = { unit, fail: done.reject };
    this.#copies.add(entry);
    const ask = (request: CopyRequest): Promise<number> => this.#ask(unit, request);
    try {
      await ask({ kind: "open" });
    } catch (thrown) {
      this.#copies.delete(entry);
      throw thrown;
    }
    const told = (kind: "drain" | "rest") => async (): Promise<void> => void (await ask({ kind }));
    return {
      done: done.promise,
      async own({ epoch, session }: Lease) {
        await ask({ kind: "own", epoch, session });
      },
      drain: told("drain"),
      rest: told("rest"),
      lag: () => ask({ kind: "lag" }),
      stop: async () => {
        if (!this.#copies.delete(entry)) return; // It ended with its thread.
        await ask({ kind: "stop" });
        done.resolve();
      },
    };
  }

  /** Undefined if it has never told any. */
  async figures(): Promise<ThreadFigures | undefined> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, FIGURES_PATIENCE_MS);
      this.#waiting.add(done);
      this.#thread.port().then((port) => port.postMessage({ kind: "measure" } satisfies ToThread), done);
    });
    return this.#figures;
  }

  stop(): Promise<void> {
    return this.#thread.stop();
  }

  async #ask(unit: string, request: CopyRequest): Promise<number> {
    const port = await this.#thread.port();
    const call = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(call);
        reject(noAnswer(unit, request.kind));
        this.#thread.replace(noAnswer(unit, request.kind).toWire());
      }, CALL_PATIENCE_MS);
      const settle = (): void => clearTimeout(timer);
      this.#calls.set(call, {
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      port.postMessage({ kind: "ask", call, unit, ask: request } satisfies ToThread);
    });
  }

  #receive(message: FromThread, report: Report): void {
    if (message.kind === "report") report(message.line, message.facts);
    if (message.kind === "figures") {
      this.#figures = message.figures;
      for (const done of this.#waiting) done();
    }
    if (message.kind === "answer") {
      const call = this.#calls.get(message.call);
      this.#calls.delete(message.call);
      if (message.error === undefined) call?.resolve(message.value ?? 0);
      else call?.reject(fromWireError(message.error));
    }
    if (message.kind === "failed") {
      for (const copy of this.#copies)
        if (copy.unit === message.unit) copy.fail(fromWireError(message.error));
    }
  }

  /** The thread is gone, and everything in it. */
  #lose(error: WireError): void {
    for (const call of this.#calls.values()) call.reject(fromWireError(error));
    this.#calls.clear();
    for (const copy of this.#copies) copy.fail(fromWireError(error));
    this.#copies.clear();
    this.#figures = undefined;
  }
}

function noAnswer(unit: string, kind: string): EngineError {
  const message = `the thread of ${unit} did not answer "${kind}" in time`;
  return new EngineError({ code: "THREAD_HANGS", message, retryable: true, detail: { unit } });
}
