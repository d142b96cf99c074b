/** How often one user may contribute in so many consecutive buckets. */
export type ContributionCap = Readonly<{ contributions: number; buckets: number }>;

/**
 * Whether one more bucket of a user's may be accepted: in no run of `buckets` consecutive ones may more than
 * `contributions` be. It holds whatever the order in which events arrive, since later buckets are looked at as well.
 *
 * @param accepted - Buckets accepted before, in any order; those further away than a window do not matter.
 */
export function mayContribute(accepted: readonly number[], bucket: number, cap: ContributionCap): boolean {
  const { contributions, buckets } = cap;
  if (contributions >= buckets) return true;
  const near = accepted.filter((other) => other !== bucket && Math.abs(other - bucket) < buckets);
  for (let first = bucket - buckets + 1; first <= bucket; first++) {
    let count = 0;
    for (const other of near) if (other >= first && other < first + buckets) count++;
    if (count >= contributions) return false;
  }
  return true;
}
