import type { MapPrivacyView } from "../resonance/published-profiles.ts";

/** What a copy of the profile actor tells of itself, for metrics; plain data, since it crosses a thread. */
export type ProfileFigures = Readonly<{
  kind: "profiles";
  isOwner: boolean;
  applied: number;
  /** Messages of samples that are not folded yet. */
  lag: number;
  diskFull: boolean;
  repeats: number;
  dropped: number;
  /** By map, of those that are not private: segments, their members, and those of the smallest segment. */
  members: Readonly<Record<string, Readonly<{ segments: number; all: number; least: number }>>>;
  /** What private maps promise and have spent. */
  privacy: readonly MapPrivacyView[];
  /** By map: how the calibration in force did on held-out members. */
  heldOut: Readonly<Record<string, Readonly<{ logLoss: number; ece: number }>>>;
}>;
