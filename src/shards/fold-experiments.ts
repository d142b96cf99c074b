import type { Behaviour, ExposureFact } from "../events/log-entry.ts";
import { onGrid } from "../experiments/arm-sums.ts";
import { type ExperimentChange, movesOf } from "../experiments/experiment-book.ts";
import { type CountedExperiment, expose, follow, type UnitEvent } from "../experiments/unit-metrics.ts";
import { type Context, NO_ENTRIES, withEntry } from "./context.ts";
import type { Outcome } from "./outcome.ts";
import type { ShardState } from "./shard-state.ts";

/** What sums over shards know the numbers of experiments by. */
const EXPERIMENTS_TALLY = "experiments";

/** A place of an entry in the log. */
type At = Readonly<{
  sequence: number;
  /** The first number that its outputs may have. */
  index: number;
  loggedAtMs: number;
}>;

/**
 * Begins to count a user in an experiment, unless they are counted already, are a program, or it does not run any more.
 *
 * The covariate is what they had done before: the log of their events, which tells a regular from a stranger.
 */
export function foldExposure(
  shard: ShardState,
  context: Context,
  { experiment: name, arm, hashKey }: ExposureFact,
  at: At & Readonly<{ tsMs: number }>,
  outcome: Outcome,
): void {
  const counted = shard.experiments.running(name);
  if (counted === undefined || counted.experiment.arms[arm] === undefined || context.exposures.has(name))
    return;
  if (context.pace.isBot) return;
  const covariate = onGrid(Math.log1p(context.events));
  const exposure = expose(counted, { arm, hashKey, atMs: at.tsMs, covariate });
  context.exposures = withEntry(context.exposures, name, exposure);
  tell(counted, arm, at, outcome);
}

/**
 * Counts what a user does in the experiments that they are in, as far as one user counts on one day; those that have ended
 * are forgotten.
 */
export function followExperiments(
  shard: ShardState,
  context: Context,
  behaviour: Behaviour,
  at: At,
  outcome: Outcome,
): void {
  const { exposures, pace } = context;
  if (exposures.size === 0 || pace.isBot || !pace.count(at.loggedAtMs)) return;
  const { type, tsMs, value, feedback } = behaviour;
  // What answers a choice belongs to the time of that choice: clocks of senders differ.
  const event: UnitEvent = {
    type,
    atMs: feedback?.chosenMs ?? tsMs,
    ...(value === undefined ? {} : { value }),
    ...(feedback === undefined ? {} : { placement: feedback.placement }),
  };
  let ended = 0;
  for (const [name, exposure] of exposures) {
    const counted = shard.experiments.running(name);
    if (counted === undefined) ended++;
    else if (follow(counted, exposure, event)) tell(counted, exposure.arm, at, outcome);
  }
  if (ended > 0) context.exposures = withoutEnded(shard, context.exposures);
}

function withoutEnded({ experiments }: ShardState, exposures: Context["exposures"]): Context["exposures"] {
  const left = [...exposures].filter(([name]) => experiments.running(name) !== undefined);
  return left.length === 0 ? NO_ENTRIES : new Map(left);
}

/** Tells what is in the experiment's scratch, behind what the entry has told already. */
function tell(
  { experiment, scratch }: CountedExperiment,
  arm: number,
  { sequence, index, loggedAtMs }: At,
  { tallies }: Outcome,
): void {
  const last = tallies.at(-1);
  const change: ExperimentChange = {
    kind: "moved",
    experiment: experiment.name,
    arm,
    atMs: loggedAtMs,
    moves: movesOf(scratch),
  };
  const next = last?.sequence === sequence ? Math.max(index, last.index + 1) : index;
  tallies.push({ sequence, index: next, tally: EXPERIMENTS_TALLY, change });
}
