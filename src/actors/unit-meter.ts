import { BucketCounts, type BucketFigures } from "../kernel/bucket-counts.ts";

/** Upper ends of buckets of what a thread does in one go, s. */
export const WORK_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5,
];
/** Upper ends of buckets of entries folded in one go. */
export const ENTRIES: readonly number[] = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384];
/** Upper ends of buckets of an erasure's time from its request to its end, s: seconds to the month that the law allows. */
export const ERASURE_SECONDS: readonly number[] = [
  1, 5, 15, 60, 300, 1_800, 7_200, 43_200, 86_400, 604_800, 2_592_000,
];

/** What copies do: for those that own their unit and those that stand by. */
export type WorkRole = "owner" | "standby";

/** What the copies of one thread measure together: sums that never fall while the thread lives, whatever copies come and go. */
export class UnitMeter {
  readonly folds = { owner: new BucketCounts(WORK_SECONDS), standby: new BucketCounts(WORK_SECONDS) };
  readonly entries = { owner: new BucketCounts(ENTRIES), standby: new BucketCounts(ENTRIES) };
  readonly commits = { owner: new BucketCounts(WORK_SECONDS), standby: new BucketCounts(WORK_SECONDS) };
  readonly erasures = new BucketCounts(ERASURE_SECONDS);
  /** Of owners, by map and kind. */
  readonly transitions = new Map<string, { entered: number; left: number }>();

  /** Counts a user who entered or left resonating with a segment of a map. */
  transition(map: string, kind: "entered" | "left"): void {
    const counted = this.transitions.get(map);
    if (counted === undefined) this.transitions.set(map, { entered: 0, left: 0, [kind]: 1 });
    else counted[kind]++;
  }

  figures(): MeterFigures {
    const both = (of: Readonly<Record<WorkRole, BucketCounts>>) => ({
      owner: of.owner.figures(),
      standby: of.standby.figures(),
    });
    return {
      folds: both(this.folds),
      entries: both(this.entries),
      commits: both(this.commits),
      erasures: this.erasures.figures(),
      transitions: Object.fromEntries([...this.transitions].map(([map, counts]) => [map, { ...counts }])),
    };
  }
}

/** A meter as plain data. */
export type MeterFigures = Readonly<{
  folds: Readonly<Record<WorkRole, BucketFigures>>;
  entries: Readonly<Record<WorkRole, BucketFigures>>;
  commits: Readonly<Record<WorkRole, BucketFigures>>;
  erasures: BucketFigures;
  transitions: Readonly<Record<string, Readonly<{ entered: number; left: number }>>>;
}>;
