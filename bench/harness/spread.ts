import type { Measurement, Spread } from "./bench-result.ts";

/** What a figure should reach: its value in its own unit, its ratio to the ceiling, or both. */
export type Goal = Readonly<{ value?: Bound; ratio?: Bound }>;

/** At least for throughputs, at most for latencies and memory. */
export type Bound = Readonly<{ atLeast: number } | { atMost: number }>;

/** The rounds of one figure, before they are summed up. */
export type MeasuredRounds = Readonly<{
  scenario: string;
  metric: string;
  unit: string;
  /** One figure a round, in `unit`. */
  rounds: readonly number[];
  /** What the machine allowed in the same rounds, in `unit`. */
  ceiling?: Readonly<{ name: string; rounds: readonly number[] }>;
  note?: string;
  goal?: Goal;
}>;

/** The middle of the sorted figures; of an even number, the mean of the two in the middle. NaN of none. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Smallest and largest of some rounds beside the rounds themselves. */
export function spreadOf(rounds: readonly number[]): Spread {
  return { rounds, min: Math.min(...rounds), max: Math.max(...rounds) };
}

/** Sums rounds up: medians of figure and ceiling, the ratio of these, and whether the goal holds. */
export function measurementOf(measured: MeasuredRounds): Measurement {
  const { scenario, metric, unit, rounds, ceiling, note, goal } = measured;
  const value = median(rounds);
  const allowed = ceiling === undefined ? undefined : median(ceiling.rounds);
  const ratio = allowed === undefined ? undefined : value / allowed;
  return {
    scenario,
    metric,
    value,
    unit,
    ...(allowed === undefined ? {} : { ceiling: allowed, ceilingName: ceiling?.name ?? "" }),
    ...(ratio === undefined ? {} : { ratio }),
    spread: spreadOf(rounds),
    ...(note === undefined ? {} : { note }),
    ...(goal === undefined ? {} : { goal: goalText(goal, unit), reached: isReached(goal, value, ratio) }),
  };
}

function isReached(goal: Goal, value: number, ratio: number | undefined): boolean {
  const holds = (bound: Bound | undefined, figure: number | undefined): boolean => {
    if (bound === undefined) return true;
    if (figure === undefined) return false;
    return "atLeast" in bound ? figure >= bound.atLeast : figure <= bound.atMost;
  };
  return holds(goal.value, value) && holds(goal.ratio, ratio);
}

function goalText(goal: Goal, unit: string): string {
  const text = (bound: Bound, of: string): string =>
    "atLeast" in bound ? `>= ${grouped(bound.atLeast)} ${of}` : `<= ${grouped(bound.atMost)} ${of}`;
  const parts = [
    ...(goal.ratio === undefined ? [] : [text(goal.ratio, "x")]),
    ...(goal.value === undefined ? [] : [text(goal.value, unit)]),
  ];
  return parts.join(", ");
}

function grouped(figure: number): string {
  return figure.toLocaleString("en-GB");
}
