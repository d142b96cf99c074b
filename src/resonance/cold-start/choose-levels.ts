import { ARRIVAL_FIELDS, type Arrival } from "../../features/arrival.ts";
import type { ArrivedMembers } from "./context-counts.ts";
import type { BackOffLevel } from "./context-prior.ts";

/** What a coarser cell may count as, in members. METHODS has 20; of many segments, or where cells differ little, more is better. */
const TAUS = [20, 60, 200, 600] as const;
/** Standard errors that a field has to help by: fewer may be chance. */
const CHANCE_ERRORS = 2;
/** Members that fields are chosen on at most, evenly spaced. */
const MEMBERS_MAX = 100_000;
const TWO_TO_32 = 2 ** 32;

/**
 * Chooses which fields a context prior looks at, in what order, and how far each is trusted: one after the other the field that
 * lets the members be told best, each by the others, as long as one helps beyond chance.
 *
 * @param shares - Of each class; shape [classes].
 * @see METHODS 2.3; leaving one out is exact for counts: Jelinek & Mercer's deleted estimation with folds of one.
 */
export function chooseLevels(members: ArrivedMembers, shares: Float64Array): BackOffLevel[] {
  const { arrivals, classes } = everyNth(members);
  const path: Path = {
    cells: new Float64Array(arrivals.length),
    told: Float64Array.from(classes, (k) => shares[k]!),
  };
  const levels: BackOffLevel[] = [];
  const left = new Set(ARRIVAL_FIELDS.keys());
  for (;;) {
    let best: Candidate | undefined;
    for (const f of left) {
      const candidate = lookAt(f, path, arrivals, classes, shares.length);
      if (candidate === undefined) left.delete(f);
      else if (best === undefined || candidate.gain > best.gain) best = candidate;
    }
    if (best === undefined || best.gain <= CHANCE_ERRORS * best.error) return levels;
    levels.push({ field: ARRIVAL_FIELDS[best.field]!, tau: best.tau });
    left.delete(best.field);
    path.cells = best.cells;
    path.told = best.told;
  }
}

/** How far members are told. */
type Path = {
  /** Cell of each, as any number that tells cells apart. */
  cells: Float64Array;
  /** Probability of each one's own class, by the others. */
  told: Float64Array;
};

type Candidate = Readonly<Path & { field: number; tau: number; gain: number; error: number }>;

/** The path with one more field; undefined if all members have the same value of it. */
function lookAt(
  field: number,
  { cells, told }: Path,
  arrivals: readonly Arrival[],
  classes: Int16Array,
  classCount: number,
): Candidate | undefined {
  const names = new Map<number, number>();
  const pairs = new Map<number, number>();
  const below = new Float64Array(arrivals.length);
  const members: number[] = [];
  const values = new Set<number>();
  for (let i = 0; i < arrivals.length; i++) {
    const value = arrivals[i]![field]!;
    values.add(value);
    const key = cells[i]! * TWO_TO_32 + value;
    let cell = names.get(key);
    if (cell === undefined) {
      cell = members.push(0) - 1;
      names.set(key, cell);
    }
    below[i] = cell;
    members[cell]! += 1;
    const pair = cell * classCount + classes[i]!;
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  if (values.size < 2) return undefined;
  let best: Candidate | undefined;
  for (const tau of TAUS) {
    const now = new Float64Array(arrivals.length);
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < arrivals.length; i++) {
      const others = members[below[i]!]! - 1;
      const same = pairs.get(below[i]! * classCount + classes[i]!)! - 1;
      now[i] = (same + tau * told[i]!) / (others + tau);
      const gain = Math.log(now[i]! / told[i]!);
      sum += gain;
      squares += gain * gain;
    }
    const gain = sum / arrivals.length;
    if (best !== undefined && gain <= best.gain) continue;
    const error = Math.sqrt(Math.max(0, squares / arrivals.length - gain * gain) / arrivals.length);
    best = { field, tau, gain, error, cells: below, told: now };
  }
  return best;
}

function everyNth({ arrivals, classes }: ArrivedMembers): ArrivedMembers {
  const step = Math.ceil(arrivals.length / MEMBERS_MAX);
  if (step <= 1) return { arrivals, classes };
  return {
    arrivals: arrivals.filter((_, i) => i % step === 0),
    classes: classes.filter((_, i) => i % step === 0),
  };
}
