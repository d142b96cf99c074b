import type { Scenario } from "./scenario.ts";

/** A scenario by name; loaded only when it runs. */
export type ScenarioEntry = Readonly<{
  name: string;
  /** Runs only if it is named. */
  isLong?: boolean;
  load(): Promise<Scenario>;
}>;

/** All scenarios, in the order in which they run. */
export const SCENARIOS: readonly ScenarioEntry[] = [
  { name: "drain", load: async () => (await import("../scenarios/drain.ts")).drain },
  { name: "ingest", load: async () => (await import("../scenarios/ingest.ts")).ingest },
  { name: "score", load: async () => (await import("../scenarios/score.ts")).score },
  { name: "content", load: async () => (await import("../scenarios/content.ts")).content },
  { name: "mixed", load: async () => (await import("../scenarios/mixed.ts")).mixed },
  { name: "visible", load: async () => (await import("../scenarios/visible.ts")).visible },
  { name: "batch", load: async () => (await import("../scenarios/batch.ts")).batch },
  { name: "failover", load: async () => (await import("../scenarios/failover.ts")).failover },
  { name: "peer", load: async () => (await import("../scenarios/peer.ts")).peer },
  { name: "start", isLong: true, load: async () => (await import("../scenarios/start.ts")).start },
  { name: "memory", isLong: true, load: async () => (await import("../scenarios/memory.ts")).memory },
  {
    name: "growth-segments",
    isLong: true,
    load: async () => (await import("../scenarios/growth.ts")).growthSegments,
  },
  {
    name: "growth-users",
    isLong: true,
    load: async () => (await import("../scenarios/growth.ts")).growthUsers,
  },
  {
    name: "growth-threads",
    isLong: true,
    load: async () => (await import("../scenarios/growth.ts")).growthThreads,
  },
  { name: "erase", isLong: true, load: async () => (await import("../scenarios/erase.ts")).erase },
  { name: "soak", isLong: true, load: async () => (await import("../scenarios/soak.ts")).soak },
];

/** Words that stand for several scenarios. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  growth: ["growth-segments", "growth-users", "growth-threads"],
  all: SCENARIOS.map(({ name }) => name),
};
