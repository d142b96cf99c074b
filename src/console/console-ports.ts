import type { DeadLetters } from "../gateway/dead-letters.ts";
import type { Standing } from "../gateway/standing.ts";
import type { LensRequest, VisitorLens } from "../gateway/visitor-lens.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import type { HandOver } from "./hand-overs.ts";

/** Where the console's views have their data from. */
export type ConsolePorts = Readonly<{
  /**
   * Asks an endpoint of the engine, by the name behind `<prefix>.v1.`.
   *
   * @throws EngineError as the endpoint answers.
   */
  ask(endpoint: string, body: unknown): Promise<unknown>;
  lookAtVisitor(asked: LensRequest): Promise<VisitorLens>;
  userStanding(asked: Readonly<{ map: string; segment?: string }>): Promise<Standing>;
  /** Puts definitions in force, as `segments.put` does. */
  putDefinitions(maps: readonly SegmentMap[]): Promise<void>;
  letters: DeadLetters;
  /** Changes of owners that this node has seen, the newest first. */
  handOvers(): readonly HandOver[];
}>;
