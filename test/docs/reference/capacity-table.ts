import { planRows } from "../../../src/cli/commands/plan.ts";
import { MEASURED } from "../../../src/cli/plan/measured-costs.ts";
import { type Load, planCapacity } from "../../../src/cli/plan/plan-capacity.ts";

const LOAD: Omit<Load, "users"> = {
  ...{ eventsPerUserDay: 20, scoresPerUserDay: 10, peak: 3, activeShare: 0.05, ringEvents: 60 },
  ...{ isBatched: false, standbys: 1, replicas: 3, keepLogHours: 168 },
  ...{ nodeCores: 16, nodeMemoryBytes: 64 * 2 ** 30, utilisation: 0.6 },
};
const COLUMNS = [
  ["1 M users", 1e6],
  ["10 M", 10e6],
  ["100 M", 100e6],
] as const;

/** What `resonance plan` tells for three sizes, beside each other. */
export function capacityTable(): string {
  const plans = COLUMNS.map(([, users]) => {
    const load = { ...LOAD, users };
    return planRows(load, planCapacity(load, MEASURED));
  });
  const rows = (plans[0] ?? []).map(
    ([what], i) => `| ${what} | ${plans.map((plan) => plan[i]?.[1]).join(" | ")} |`,
  );
  return [`| | ${COLUMNS.map(([title]) => title).join(" | ")} |`, "|---|---|---|---|", ...rows].join("\n");
}
