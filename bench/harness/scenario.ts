import type { BenchOptions } from "./bench-options.ts";
import type { Series } from "./bench-result.ts";
import type { Deployment, DeploymentConfig } from "./deployment.ts";
import type { EventOrigin } from "./event-source.ts";
import type { MeasuredRounds } from "./spread.ts";

/** Something that is measured, under one name. */
export type Scenario = Readonly<{
  name: string;
  /** One line for `--help`. */
  summary: string;
  /** It starts, stops or kills nodes, so a deployment that others run is not enough. */
  ownsNodes: boolean;
  run(context: ScenarioContext): Promise<void>;
}>;

/** What a scenario is given. */
export type ScenarioContext = Readonly<{
  options: BenchOptions;
  origin: EventOrigin;
  sizes: Sizes;
  /** Opens a deployment: a prepared one of its own, or the one that `--nats` names. Closed when the scenario ends. */
  deployment(given?: Partial<DeploymentConfig>): Promise<Deployment>;
  /** Options of Node that profile a node, if that is asked for; `label` names its folder. */
  profiling(label: string): readonly string[];
  /** Says what is going on now. */
  progress(line: string): void;
  /** Adds a figure to the result. The scenario's name is filled in; goals are left out at smoke size. */
  measured(measured: Omit<MeasuredRounds, "scenario">): void;
  series(series: Omit<Series, "scenario">): void;
  /** Adds to the result's versions, such as those of a peer. */
  version(name: string, version: string): void;
  /** Tells what of the scenario could not be done here, and why. */
  skip(reason: string): void;
}>;

/** How much is done in a round. */
export type Sizes = Readonly<{
  rounds: number;
  /** Events that a deployment is prepared with. */
  preparedEvents: number;
  drainEvents: number;
  /** Events of a round of ingest in batches of 100; a tenth of that singly. */
  ingestEvents: number;
  /** Drains beside a peer. */
  peerEvents: number;
  /** Drains of the growth scenarios. */
  growthEvents: number;
  /** Users of the scenarios that need many. */
  users: number;
  warmUpMs: number;
  /** Load given to a node that has just started, before anything is measured, ms. */
  warmNodeMs: number;
  /** Of a round of requests. */
  durationMs: number;
}>;
