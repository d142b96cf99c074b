import type { Resonance, ScoreAnswer } from "../../resonance/score-answer.ts";
import type { LatencySummary } from "../latencies.ts";

/** Everything that the live view shows, at one moment. */
export type LiveState = Readonly<{
  title: string;
  /** Where the console is, and a key to act in it; left out where none is served. */
  console?: Readonly<{ url: string; operatorKey: string }>;
  /** Since the start, ms. */
  runningMs: number;
  /** Event time of the newest event, epoch ms; null before the first. */
  eventTimeMs: number | null;
  /** Events stored in each of the last seconds, oldest first. */
  throughput: readonly number[];
  accepted: number;
  refused: number;
  latencies: readonly Readonly<{ name: string; summary: LatencySummary }>[];
  /** How often the strongest segment is the true one; null until it is measured. */
  accuracy: Readonly<{ visitors: number; accuracy: number | null; chance: number | null }> | null;
  /** Null before the first answer. */
  versions: ScoreAnswer["versions"] | null;
  /** Visitors to look at, all in the same map. As many are drawn as fit. */
  visitors: readonly LiveVisitor[];
  /** Newest first. */
  transitions: readonly LiveTransition[];
  /** A trouble that should be seen; left out when all is well. */
  trouble?: string;
}>;

/** A visitor and their distribution at this moment. */
export type LiveVisitor = Readonly<{
  user: string;
  /** The segment that they are simulated as, which the engine was never told. */
  truth?: string;
  resonance: Resonance;
}>;

/** A user who entered or left resonating with a segment. */
export type LiveTransition = Readonly<{
  user: string;
  segment: string;
  kind: "entered" | "left";
  probability: number;
  /** Event time, epoch ms. */
  atMs: number;
}>;
