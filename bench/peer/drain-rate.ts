/** How many events were done by when. */
export type Mark = Readonly<{ atMs: number; events: number }>;

/** How fast a log was worked through. */
export type DrainRate = Readonly<{
  /** From the first progress seen to the last, as the engine's drain is measured. */
  perSecond: number;
  /** Of the second half of the events: the workers' code is compiled by then. */
  secondHalfPerSecond: number;
  overTime: readonly (readonly [seconds: number, perSecond: number])[];
}>;

const PLOTTED_MS = 250;

/**
 * Rates from marks in the order of time.
 *
 * @throws Error for fewer than two marks: too few events to see a rate.
 */
export function drainRate(marks: readonly Mark[]): DrainRate {
  const [first, last] = [marks[0], marks.at(-1)];
  if (first === undefined || last === undefined || first === last)
    throw new Error("the pipeline was done before its progress was seen: give it more events");
  const half = marks.find(({ events }) => events >= last.events / 2) ?? first;
  const overTime: [number, number][] = [];
  let before = first;
  for (const mark of marks) {
    const isDue = mark.atMs - before.atMs >= PLOTTED_MS || mark === last;
    if (!isDue || mark === before) continue;
    overTime.push([(mark.atMs - first.atMs) / 1_000, rate(before, mark)]);
    before = mark;
  }
  return {
    perSecond: rate(first, last),
    secondHalfPerSecond: half === last ? rate(first, last) : rate(half, last),
    overTime,
  };
}

function rate(from: Mark, to: Mark): number {
  return ((to.events - from.events) * 1_000) / (to.atMs - from.atMs);
}
