/** Everything that a run may be told; defaults in `src/cli/commands/bench.ts`. */
export type BenchOptions = Readonly<{
  /** Names of scenarios, in the order to run; none for all but the long ones. */
  scenarios: readonly string[];
  /** Files to write. */
  json?: string;
  html?: string;
  /** A running deployment instead of one that the bench starts. */
  nats?: string;
  prefix: string;
  rounds: number;
  /** Tiny sizes: shows that everything works, measures nothing. */
  smoke: boolean;
  /** Events of a round. */
  events?: number;
  /** Users of the scenarios that need many; a million if left out. */
  users?: number;
  segments: number;
  dims: number;
  shards: number;
  threads: number;
  /** Events a second of open loops. */
  rate: number;
  /** Scores a second of open loops. */
  scoreRate: number;
  inFlight: number;
  /** Of a round of requests; each scenario has its own if left out. */
  durationMs?: number;
  /** Events to use instead of the data set's. */
  eventsFile?: string;
  /** Folder with `globo.events.jsonl.gz`; `../shared/data` beside the project if left out. */
  data?: string;
  /** The server's program; found as `resonance up` finds it if left out. */
  natsServer?: string;
  sync: "interval" | "always";
  /** Folder for CPU profiles of the nodes. */
  profile?: string;
  /** Folder that keeps prepared deployments for later runs; a temporary one if left out. */
  work?: string;
  /** How scores are asked: through any gateway, or from the shard's owner. */
  via: "gateway" | "shard" | "both";
}>;
