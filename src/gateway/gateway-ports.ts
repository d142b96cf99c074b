import type { BlobStore } from "../actors/blob-store.ts";
import type { Bus } from "../actors/bus.ts";
import type { Log } from "../actors/log.ts";
import type { Tracer } from "../actors/tracer.ts";
import type { ContentType } from "../events/decode-request.ts";
import type { Subjects } from "../events/subjects.ts";
import type { Clock } from "../kernel/clock.ts";
import type { HashUser } from "../privacy/user-hash.ts";
import type { DecisionIds } from "../resonance/decision-id.ts";
import type { PublishedProfiles } from "../resonance/published-profiles.ts";
import type { IngestRates } from "./ingest-limits.ts";
import type { Readiness } from "./readiness.ts";
import type { SessionTokens } from "./session-tokens.ts";

/** What the gateway needs of the world. */
export type GatewayPorts = Readonly<{
  bus: Bus;
  log: Log;
  /** Records traces; left out where none are wanted. */
  tracer?: Tracer;
  releases: BlobStore;
  clock: Clock;
  /** What stands for erased users in the logs. */
  hashUser: HashUser;
  /** Ids of answers that are put together here; what an id tells. */
  decisions: DecisionIds;
  /** Seals sessions that their callers carry. */
  tokens: SessionTokens;
  /** What reported cells of locations are drawn by: 32 bytes, the same on all nodes, for ever. */
  cellKey: Uint8Array;
  /** A new unique id. */
  newId(): string;
  /** Explains, off the way of other requests. @returns The reply's bytes, in the question's type. */
  explain(question: ExplainQuestion): Promise<Uint8Array>;
  /** Gathers a page of all that is held of a user, off the way of other requests. */
  exportPage(question: ExportQuestion): Promise<ExportPage>;
  subjects: Subjects;
  decodeProfiles(bytes: Uint8Array): PublishedProfiles;
  /** Memory of the process, in bytes. */
  memoryBytes(): number;
  /** Resolves after so many milliseconds. */
  sleep(ms: number): Promise<void>;
  /** The cluster as this node sees it. */
  cluster(): ClusterView;
  /** Whether this node may be sent requests. */
  readiness(): Readiness;
  /** The node that answers for a shard, as this node sees it; undefined while the owner changes. */
  ownerOf(shard: number): string | undefined;
  /** Nodes with copies of a shard that have caught up, as far as is known; the best to ask when the owner does not answer first. */
  copiesOf(shard: number): readonly string[];
}>;

/** What is to be explained; plain data. */
export type ExplainQuestion = Readonly<{
  type: ContentType;
  /** Segments whose logits are taken apart, too. */
  segments: readonly string[];
}> &
  (
    | Readonly<{ kind: "decision"; decision: string }>
    | Readonly<{
        kind: "user";
        user: string;
        map: string;
        shard: number;
        /** What the shard handed out of the user. */
        held: Uint8Array;
        /** How the user comes, as the request tells. */
        arrival?: readonly number[];
        top?: number;
        /** Whether the reply is the answer with the explanation in it. */
        inAnswer: boolean;
      }>
  );

/** A page of an export that is asked for; plain data. */
export type ExportQuestion = Readonly<{
  user: string;
  shard: number;
  /** What the shard handed out of the user: for the first page only. */
  held?: Uint8Array;
  /** `next` of the page before. */
  cursor?: string;
}>;

/** Something that is held of a user. */
export type ExportLine = Readonly<{ kind: string }> & Readonly<Record<string, unknown>>;

/** A page of an export. */
export type ExportPage = Readonly<{
  lines: readonly ExportLine[];
  /** Asks for the page that follows; absent at the end. */
  next?: string;
}>;

/** Nodes and leases, as `status` tells them. */
export type ClusterView = Readonly<{ nodes: readonly unknown[]; units: readonly unknown[] }>;

export type GatewayOptions = Readonly<{
  shards: number;
  node: string;
  /** How many events a second are taken; without any limit if left out. */
  rates?: IngestRates;
  /** Log messages that a shard may be behind before its events are refused; without a bound if left out. */
  lagMax?: number;
}>;

/** Counters of one gateway since its start. */
export type GatewayCounters = {
  readonly requests: Record<string, number>;
  readonly errors: Record<string, number>;
  accepted: number;
  /** Events that were accepted of programs which say what they are. */
  automated: number;
  readonly refused: Record<string, number>;
  /** What was dropped for want of consent, by purpose and reason: `location.not-given`, `personalisation.refused`. */
  readonly dropped: Record<string, number>;
};

/** Counts one more of a kind. */
export function countUp(counts: Record<string, number>, kind: string): void {
  counts[kind] = (counts[kind] ?? 0) + 1;
}

/** Counts what is dropped for want of consent. */
export function dropCounter({ dropped }: GatewayCounters): (purpose: string, reason: string) => void {
  return (purpose, reason) => countUp(dropped, `${purpose}.${reason}`);
}
