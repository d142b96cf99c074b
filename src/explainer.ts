import { type ThreadPool, threadPool } from "./adapters/thread-pool.ts";
import type { ExplainLimits } from "./explain.ts";
import type {
  ExplainResult,
  ExplainTask,
  ExportResult,
  ExportTask,
  JourneyResult,
  JourneyTask,
} from "./explain-task.ts";
import type { ExplainQuestion, ExportPage, ExportQuestion } from "./gateway/gateway-ports.ts";
import type { JourneyQuestion, VisitorJourney } from "./gateway/visitor-lens.ts";
import { EngineError, fromWireError } from "./kernel/engine-error.ts";

/** What explains, in threads that are started with the first question of their kind: many nodes are never asked. */
export type Explainer = Readonly<{
  /** @throws EngineError `OVERLOADED` (retryable) if too many wait already, and what explaining throws. */
  explain(question: ExplainQuestion): Promise<Uint8Array>;
  /** As {@link Explainer.explain}, of how a user came to be answered as they are. */
  journey(question: JourneyQuestion): Promise<VisitorJourney>;
  /** As {@link Explainer.explain}, of a page of an export. */
  exportPage(question: ExportQuestion): Promise<ExportPage>;
  close(): Promise<void>;
}>;

type Kind = ExplainQuestion["kind"] | "export";

/** One replay at a time, as it reads as fast as a shard folds; users are explained beside it. */
const THREADS = 1;
const NICE = 10;
/** Questions in hand and waiting. */
const QUESTIONS_MAX = 16;
/**
 * Messages that a replay reads at most, and time for it: less than a client waits. A snapshot every few minutes keeps
 * most replays far below.
 */
const LIMITS: Omit<ExplainLimits, "ringEvents"> = { messagesMax: 10_000_000, patienceMs: 25_000 };

/** A page is far below the megabyte of a reply, and done before whoever waits for it gives up. */
const PAGE = { pageBytes: 256 * 1024, pageMs: 2_000 } as const;

export function startExplainer(
  options: Omit<ExplainTask, "question" | "limits"> & Readonly<{ ringEvents: number }>,
): Explainer {
  const { ringEvents, ...where } = options;
  const pools = new Map<Kind, ThreadPool>();
  let questions = 0;
  const run = async <Task extends object, Result>(kind: Kind, name: string, task: Task): Promise<Result> => {
    if (questions >= QUESTIONS_MAX) throw overloaded();
    questions++;
    try {
      const pool = pools.get(kind) ?? startPool();
      pools.set(kind, pool);
      return await pool.run<Task, Result>(name, task);
    } finally {
      questions--;
    }
  };
  return {
    async explain(question) {
      const task: ExplainTask = { ...where, question, limits: { ...LIMITS, ringEvents } };
      const result = await run<ExplainTask, ExplainResult>(question.kind, "explainInThread", task);
      if (result.kind === "failed") throw fromWireError(result.error);
      return result.reply;
    },
    async journey(question) {
      const task: JourneyTask = { ...where, question, limits: { ...LIMITS, ringEvents } };
      const result = await run<JourneyTask, JourneyResult>("user", "journeyInThread", task);
      if (result.kind === "failed") throw fromWireError(result.error);
      return result.journey;
    },
    async exportPage(question) {
      const task: ExportTask = { ...where, question, limits: { ...PAGE, ringEvents } };
      const result = await run<ExportTask, ExportResult>("export", "exportInThread", task);
      if (result.kind === "failed") throw fromWireError(result.error);
      return result.page;
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.close()));
    },
  };
}

function startPool(): ThreadPool {
  return threadPool(new URL("./explain-task", import.meta.url), { threads: THREADS, nice: NICE });
}

function overloaded(): EngineError {
  const message = `${QUESTIONS_MAX} explanations are being worked on or wait: try again a little later`;
  return new EngineError({ code: "OVERLOADED", message, retryable: true });
}
