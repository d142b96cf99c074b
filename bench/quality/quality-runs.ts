import type { StaticOptions } from "../../src/cli/evaluate/evaluate-static.ts";
import type { ContextLabel } from "../../src/cli/recording/segment-maps.ts";

/** A set, the labels of its users that are told as segments, and how its users are split. */
export type QualityRun = Readonly<{
  set: string;
  labels: readonly string[];
  split: StaticOptions["split"];
  /** Labels that tell how users came. */
  context?: readonly ContextLabel[];
}>;

/** All sets and labels; PAKDD's neighbours share a label, so that it is split by blocks of them as well. */
export const QUALITY_RUNS: readonly QualityRun[] = [
  { set: "pakdd15", labels: ["gender"], split: { kind: "hash" } },
  { set: "pakdd15", labels: ["gender"], split: { kind: "block", size: 100 } },
  { set: "ml-100k", labels: ["gender", "ageGroup", "occupation"], split: { kind: "hash" } },
  {
    set: "globo",
    labels: ["deviceGroup", "os", "environment", "referrer", "country"],
    split: { kind: "hash" },
  },
  {
    set: "globo",
    labels: ["region"],
    split: { kind: "hash" },
    context: [
      { field: "referrer", label: "referrer" },
      { field: "os", label: "os" },
      { field: "device", label: "deviceGroup" },
      { field: "environment", label: "environment" },
    ],
  },
];
