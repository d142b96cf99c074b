import type { WireError } from "./kernel/engine-error.ts";
import type { ReportFacts } from "./kernel/report.ts";
import type { ThreadFigures } from "./unit-figures.ts";

/** What a node asks of a thread: about one of its copies, or to end. */
export type ToThread =
  | Readonly<{ kind: "ask"; call: number; unit: string; ask: CopyRequest }>
  /** Asks for what the thread and its copies tell of themselves. */
  | Readonly<{ kind: "measure" }>
  | Readonly<{ kind: "stop" }>;

/** A call of {@link import("./actors/unit-copy.ts").UnitCopy} on its way to a thread. */
export type CopyRequest =
  | Readonly<{ kind: "open" | "drain" | "rest" | "lag" | "stop" }>
  | Readonly<{ kind: "own"; epoch: number; session: number }>;

/** What a thread tells its node. */
export type FromThread =
  | Readonly<{ kind: "ready" }>
  /** Sent all the time: a thread that is silent for long hangs. */
  | Readonly<{ kind: "alive" }>
  | Readonly<{ kind: "report"; line: string; facts: ReportFacts }>
  | Readonly<{ kind: "figures"; figures: ThreadFigures }>
  | Readonly<{ kind: "answer"; call: number; value?: number; error?: WireError }>
  /** A copy can't go on. */
  | Readonly<{ kind: "failed"; unit: string; error: WireError }>;

/** How a thread's task ended. An Error would lose its class on the way, so it travels as plain data. */
export type ThreadEnd = Readonly<{ kind: "stopped" }> | Readonly<{ kind: "failed"; error: WireError }>;

/** How often a thread says that it is alive, ms. */
export const ALIVE_MS = 500;
