/** How retries wait: from `firstMs`, twice as long each time, up to `mostMs`. */
export type BackOff = Readonly<{ firstMs: number; mostMs: number }>;

/**
 * How long to wait before the next attempt, ms: between half and all of what the attempt's number says, so that those who
 * failed together do not come back together; at least what the engine asked for, and up to a half more.
 *
 * @param attempt - Attempts that have failed, 1 or more.
 * @param askedMs - What the engine asked for; 0 if nothing.
 * @param chance - In [0, 1).
 */
export function waitMs(
  { firstMs, mostMs }: BackOff,
  attempt: number,
  askedMs: number,
  chance: number,
): number {
  const own = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(own * (0.5 + chance / 2), askedMs * (1 + chance / 2));
}
