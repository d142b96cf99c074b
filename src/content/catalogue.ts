import { compareIds } from "../kernel/compare-ids.ts";
import type { Condition } from "../resonance/segment-map.ts";
import type { PolicyName } from "./policy.ts";

/** A spot where one content of several is shown, and how it is chosen. */
export type Placement = Readonly<{
  name: string;
  /** The map whose distribution decides. */
  map: string;
  policy: PolicyName;
  /** Share of decisions that take any eligible content, in [0, 1]: without it nothing could be learnt of the losers. */
  floor: number;
  /** An impression without a click for so long counts as none. */
  timeoutMs: number;
  /** Share of impressions that are looked at, in (0, 1]: an unseen one says little of who the visitor is. */
  examination: number;
  /** What a purchase adds to the worth of a click, in clicks, >= 0. */
  purchaseWeight: number;
}>;

/** At most so many impressions to a user within a time, which begins with the first of them. */
export type ImpressionCap = Readonly<{ impressions: number; perMs: number }>;

/** Something that can be shown. */
export type Content = Readonly<{
  id: string;
  /** Names of placements that may show it. */
  placements: readonly string[];
  /** Users whose traits pass; everybody if left out. */
  eligible?: Condition;
  /** Shown from this time on, epoch ms. */
  fromMs?: number;
  /** Not shown from this time on, epoch ms. */
  untilMs?: number;
  cap?: ImpressionCap;
}>;

/** All that may be shown, under one version that only grows. */
export type ContentCatalogue = Readonly<{
  version: number;
  placements: readonly Placement[];
  contents: readonly Content[];
}>;

/** What a placement may show, in the order of their ids: the order of every table of that placement. */
export function contentsOf(
  { contents }: Pick<ContentCatalogue, "contents">,
  placement: string,
): readonly Content[] {
  return contents
    .filter((content) => content.placements.includes(placement))
    .toSorted((a, b) => compareIds(a.id, b.id));
}
