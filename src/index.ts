/** The library: run a node inside another program, or read what it published. */
export type { Event, TraitValue } from "./events/event.ts";
export { parseEvent } from "./events/parse-event.ts";
export { type Subjects, subjectsOf } from "./events/subjects.ts";
export type { ExplainReply } from "./explain.ts";
export type { ProfilesReply } from "./gateway/describe-profiles.ts";
export type { IngestReply } from "./gateway/ingest.ts";
export type { ScoreReply } from "./gateway/score.ts";
export type { StatusReply } from "./gateway/status.ts";
export { EngineError, type WireError } from "./kernel/engine-error.ts";
export { type RunningNode, startNode } from "./node.ts";
export { DEFAULT_NODE_OPTIONS, type NodeOptions } from "./node-options.ts";
export { parseDefinitions } from "./resonance/parse-definitions.ts";
export type { Condition, SegmentDefinition, SegmentMap } from "./resonance/segment-map.ts";
