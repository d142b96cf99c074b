/** How many users move between what two releases tell of them, in one map. Counts of several shards add up. */
export type MapMoves = {
  users: number;
  /** Users whose most probable outcome is another one. */
  moved: number;
  /** Users who resonate with other segments than before. */
  resonatingChanged: number;
  /** Sum of the total variation between the two distributions; its mean is in [0, 1]. */
  totalVariation: number;
  /** Most probable outcome before, then after, to users; empty for "none". */
  readonly matrix: Record<string, Record<string, number>>;
};

/** A distribution over segments and "none". */
export type NamedDistribution = Readonly<{
  segments: readonly string[];
  /** Shape [segments + 1]; "none" is last. */
  probabilities: ArrayLike<number>;
  /** Segments that resonate. */
  resonating: ReadonlySet<string>;
}>;

/** What "none" is called in a matrix; no segment has this name. */
export const NO_SEGMENT = "";

/** Counts of nobody. */
export function newMapMoves(): MapMoves {
  return { users: 0, moved: 0, resonatingChanged: 0, totalVariation: 0, matrix: {} };
}

/** Counts one user. @returns Whether their most probable outcome is another one. */
export function countMove(moves: MapMoves, before: NamedDistribution, after: NamedDistribution): boolean {
  const [from, to] = [mostProbable(before), mostProbable(after)];
  const isResonanceSame =
    before.resonating.size === after.resonating.size &&
    [...before.resonating].every((segment) => after.resonating.has(segment));
  moves.users++;
  if (from !== to) moves.moved++;
  if (!isResonanceSame) moves.resonatingChanged++;
  moves.totalVariation += totalVariation(before, after);
  countCell(moves.matrix, from, to, 1);
  return from !== to;
}

/** Adds counts to others. */
export function addMoves(to: MapMoves, more: MapMoves): void {
  to.users += more.users;
  to.moved += more.moved;
  to.resonatingChanged += more.resonatingChanged;
  to.totalVariation += more.totalVariation;
  addMatrix(to.matrix, more.matrix);
}

/** Adds one matrix of counts to another. */
export function addMatrix(to: MapMoves["matrix"], more: MapMoves["matrix"]): void {
  for (const [from, row] of Object.entries(more))
    for (const [segment, count] of Object.entries(row)) countCell(to, from, segment, count);
}

/** Counts users in a cell. */
export function countCell(matrix: MapMoves["matrix"], from: string, to: string, users: number): void {
  matrix[from] ??= {};
  const row = matrix[from];
  row[to] = (row[to] ?? 0) + users;
}

/**
 * Half of the summed differences, segment by segment; what only one of the two has counts as 0 in the other.
 *
 * @returns In [0, 1].
 */
export function totalVariation(
  before: Pick<NamedDistribution, "segments" | "probabilities">,
  after: Pick<NamedDistribution, "segments" | "probabilities">,
): number {
  const probabilities = new Map<string, number>();
  const names = [...before.segments, NO_SEGMENT];
  for (const [k, segment] of names.entries()) probabilities.set(segment, before.probabilities[k] ?? 0);
  for (const [k, segment] of [...after.segments, NO_SEGMENT].entries())
    probabilities.set(segment, (probabilities.get(segment) ?? 0) - (after.probabilities[k] ?? 0));
  let sum = 0;
  for (const difference of probabilities.values()) sum += Math.abs(difference);
  return Math.min(1, sum / 2);
}

function mostProbable({ segments, probabilities }: NamedDistribution): string {
  let best = 0;
  for (let k = 1; k <= segments.length; k++)
    if ((probabilities[k] ?? 0) > (probabilities[best] ?? 0)) best = k;
  return segments[best] ?? NO_SEGMENT;
}
