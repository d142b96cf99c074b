import type { NatsIdentity } from "./adapters/nats-access.ts";
import type { TlsFiles } from "./adapters/tls-files.ts";
import type { ContentCatalogue } from "./content/catalogue.ts";
import { DEFAULT_FIT_OPTIONS } from "./embedding/fit-options.ts";
import { DEFAULT_REFIT_POLICY, type RefitPolicy } from "./embedding/refit-policy.ts";
import type { IngestRates } from "./gateway/ingest-limits.ts";
import type { PrivacyPolicy } from "./privacy/consent/policy.ts";
import type { SegmentMap } from "./resonance/segment-map.ts";
import type { NodeRole } from "./supervisor/cluster-records.ts";

/** Every limit and choice of a node, named once. */
export type NodeOptions = Readonly<{
  /** URLs of NATS servers, separated by commas. Left out: a server is found or fetched and run as a child. */
  nats?: string;
  /** Who the node is to NATS, what it answers requests by, and its files of TLS. */
  identity?: NatsIdentity;
  /** File of users, permissions and TLS that an embedded server includes in its configuration. */
  serverAuth?: string;
  /** Folder of LMDB environments and, when embedded, of the NATS server's store. */
  dataDir: string;
  /** Unique in the cluster; left out: one is made and kept in the data folder. Letters, digits, `-` and `_`. */
  name?: string;
  /** What the node does: own shards, answer services, keep profiles. */
  roles: readonly NodeRole[];
  /** Its capacity, relative to the other nodes'. */
  weight: number;
  /** Copies of each shard, and of the profile actor, on nodes beside the owner's. */
  standbys: 0 | 1 | 2;
  /** Shards that change their owner at one time while all nodes are alive. */
  movesMax: number;
  /** First word of every subject, stream and bucket. */
  prefix: string;
  /** Number of shards; fixed when the deployment is created. More shards than threads leave room to scale out. */
  shards: number;
  /** Worker threads that own the shards. */
  threads: number;
  /** Contexts a shard keeps in memory; colder ones stay in LMDB. `resonance bench memory` shows what one takes. */
  residentUsers: number;
  /** Newest events kept of a user for rebuilding under a new encoder. */
  ringEvents: number;
  /** Shortest time between two publications of profiles, ms. */
  publishEveryMs: number;
  /** Time between two snapshots of a shard, ms; Infinity for none. */
  snapshotEveryMs: number;
  /** Logs keep entries at least this long, ms, also when snapshots contain them; Infinity: for ever. */
  keepLogMs: number;
  /** Users of whom nothing was heard for so long are erased, ms, by the time of their newest event; Infinity: never. */
  idleMs: number;
  /** Log entries folded in one transaction at most. */
  batchEntries: number;
  /** Segment definitions to activate at start if they differ from those in force. */
  maps?: readonly SegmentMap[];
  /** Catalogue of contents to put in force at start if it differs from the one in force. */
  catalogue?: Omit<ContentCatalogue, "version">;
  /** Policy of consent to put in force at start if it differs from the one in force. */
  policy?: Omit<PrivacyPolicy, "version">;
  /** When to fit the encoder without being asked; null: only by command. */
  refit: RefitPolicy | null;
  /** How often the members are counted to decide on a refit, ms. */
  refitCheckMs: number;
  /** Shortest time between two fits of the calibrations of the encoder in force, ms; Infinity: only by command. */
  recalibrateEveryMs: number;
  /** Dimensions that a fitted encoder has at most; of many segments the ones that matter most get theirs. */
  dimMax: number;
  /** Where requests are taken over HTTP; left out: nowhere. */
  http?: HttpOptions;
  /** Where the console, and what watches the node, is served; left out: nowhere. */
  admin?: AdminOptions;
  /** How long a node that stops goes on taking requests over HTTP as if nothing were, while `/readyz` says that it stops, ms. */
  drainMs: number;
  /** Events a second that a gateway takes; what is left out has no limit. */
  rates: IngestRates;
  /** Log messages that a shard may be behind before events for it are refused; Infinity for no bound. */
  lagMax: number;
  /** The embedded server's file sync: `interval` (every two minutes) or `always` (each write). */
  sync: "interval" | "always";
}>;

/** The HTTP intake of a node with the role `gateway`. */
export type HttpOptions = Readonly<{
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** File of the keys, kept as hashes. */
  keysFile: string;
  /** Left out: it speaks plain HTTP. */
  tls?: TlsFiles;
  /** Networks of proxies whose word on a sender's address is taken, with commas between; left out: none. */
  trustProxy?: string;
  /** Purposes of ours by the categories of consent that Segment's clients send, beside those of the same name. */
  consentCategories?: Readonly<Record<string, string>>;
}>;

/** The admin listener of a node. */
export type AdminOptions = Readonly<{
  /** Of a loopback address everybody on the machine may read; of any other whoever shows a key. */
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** File of the keys, kept as hashes. */
  keysFile: string;
  /** Left out: it speaks plain HTTP. */
  tls?: TlsFiles;
}>;

export const DEFAULT_NODE_OPTIONS: NodeOptions = {
  dataDir: "resonance-data",
  roles: ["shards", "gateway", "profiles"],
  weight: 1,
  standbys: 1,
  movesMax: 4,
  prefix: "resonance",
  shards: 8,
  threads: 2,
  residentUsers: 100_000,
  ringEvents: 256,
  publishEveryMs: 2_000,
  batchEntries: 16_384,
  snapshotEveryMs: 600_000,
  keepLogMs: 7 * 86_400_000,
  idleMs: Number.POSITIVE_INFINITY,
  refit: DEFAULT_REFIT_POLICY,
  refitCheckMs: 1_000,
  recalibrateEveryMs: 86_400_000,
  dimMax: DEFAULT_FIT_OPTIONS.dimMax,
  drainMs: 0,
  rates: {},
  lagMax: 500_000,
  sync: "interval",
};
