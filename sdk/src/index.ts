/** The client of a running Resonance engine. */
export type {
  Catalogue,
  Content,
  Definitions,
  Explained,
  Profiles,
  Score,
  ScoreOf,
  SegmentScore,
  SessionScore,
  Status,
  Transition,
  Versions,
  Way,
} from "./answers.ts";
export { connect } from "./connect.ts";
export type { Context, Ingested, KnownType, Position, Refusal, ResonanceEvent } from "./event.ts";
export type { QueueOptions } from "./ingest-queue.ts";
export type { MapsShape, PlacementsShape } from "./maps.ts";
export type { ClientRole, ConnectOptions, TlsFiles } from "./options.ts";
export type { AskOptions } from "./questions.ts";
export type { Outcome, Resonance, SessionOptions, TransitionOptions } from "./resonance.ts";
export { ResonanceError } from "./resonance-error.ts";
export type { ScoreTable } from "./score-table.ts";
export type { ScoreOptions, TableOptions } from "./scores.ts";
export { shardOf } from "./shard-of.ts";
export type { Transitions } from "./transition-stream.ts";
