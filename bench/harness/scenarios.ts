import type { Scenario } from "./scenario.ts";

/** A scenario by name; loaded only when it runs. */
export type ScenarioEntry = Readonly<{
  name: string;
  /** Runs only if it is named. */
  isLong?: boolean;
  load(): Promise<Scenario>;
}>;

/** All scenarios, in the order in which they run if none is named. */
export const SCENARIOS: readonly ScenarioEntry[] = [
  { name: "drain", load: async () => (await import("../scenarios/drain.ts")).drain },
  { name: "ingest", load: async () => (await import("../scenarios/ingest.ts")).ingest },
  { name: "score", load: async () => (await import("../scenarios/score.ts")).score },
  { name: "mixed", load: async () => (await import("../scenarios/mixed.ts")).mixed },
  { name: "visible", load: async () => (await import("../scenarios/visible.ts")).visible },
  { name: "batch", load: async () => (await import("../scenarios/batch.ts")).batch },
];
