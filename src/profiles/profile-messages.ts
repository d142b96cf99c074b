import type { MapPrivacyReport, MapPrivacyView } from "../resonance/published-profiles.ts";
import type { RollOutView } from "../resonance/roll-out-view.ts";

/** The profile actor's state on `internal.profiles.status`, as MessagePack. */
export type ProfileStatus = Readonly<{
  /** Last message of the samples' stream that is applied. */
  applied: number;
  lag: number;
  /** Map to segment to distinct members in the window, under the encoder in force. */
  members: Readonly<Record<string, Readonly<Record<string, number>>>>;
  encoder: string;
  /** Name of the encoder's calibrations in force; empty for those that came with it. */
  calibration: string;
  candidate: string;
  versions: Readonly<Record<string, number>>;
  /** Event time of the newest sample, epoch ms; 0 before the first. */
  watermarkMs: number;
  /** Samples that were applied before, and those older than every window. */
  repeats: number;
  dropped: number;
  /** The last commit found the disk full: it is tried again every second, and nothing is folded until then. */
  diskFull: boolean;
  /** What private maps promise and have spent; left out if no map is private. */
  privacy?: readonly MapPrivacyView[];
}> &
  RollOutView;

/** The reply of `internal.profiles.promote`. */
export type PromoteReply = Readonly<{
  encoder: string;
  /** False while members are being sampled: it will be in force once all are. */
  inForce: boolean;
  /** Shards that are through, of how many. */
  prepared?: number;
  shards?: number;
}>;

/** The reply of `internal.profiles.rollback`. */
export type RollbackReply = Readonly<{
  /** In force from here on. */
  encoder: string;
  from: string;
  /** Whether an earlier request had done it. */
  repeated: boolean;
}>;

/** The reply of `internal.profiles.preview`: what would be published if the candidate were in force now. */
export type PreviewReply = Readonly<{
  encoder: string;
  /** One of each map, encoded. */
  profiles: readonly Uint8Array[];
  /** Shards that have sampled their members, of how many. */
  prepared: number;
  shards: number;
}>;

/** Asks for sums over all shards, on `internal.profiles.tally`, as MessagePack. */
export type TallyRequest = Readonly<{ tally: string }>;

/** The reply: the last version that was published, 0 before any, and the sums as they would be published now. */
export type TallyReply = Readonly<{ version: number; release?: Uint8Array }>;

/** Asks that users be taken out of the samples' stream and the profiles' stores, on `internal.profiles.erase`. */
export type EraseMembersRequest = Readonly<{
  /** What the shard's outputs are known by. */
  shard: number;
  /** With the place of the erasure in the shard's log: what the shard has sent as of that goes. */
  users: readonly Readonly<{ user: string; sequence: number }>[];
  /** Only look: nothing has to wait for stores and snapshots. */
  isCheck?: boolean;
}>;

/** The reply: messages and samples that were theirs, in the order of the request, and blobs of snapshots that were replaced. */
export type EraseMembersReply = Readonly<{
  counts: readonly Readonly<{ messages: number; entries: number }>[];
  snapshots: number;
}>;

/** What a profile in force is made of, in the reply of `internal.profiles.centroids`. */
export type CentroidView = Readonly<{
  map: string;
  segment: string;
  /** Distinct members in the window: the effective size, since what one member did at two times is much alike. */
  members: number;
  /** Their embeddings, one a member and bucket. */
  samples: number;
  /** Age of the embeddings, and of the newest one, by the buckets' ends and the newest sample of all; null without any. */
  meanAgeMs: number | null;
  newestMs: number | null;
}>;

/** Asks what a member has contributed, on `internal.profiles.member`, as MessagePack. */
export type MemberRequest = Readonly<{ user: string }>;

/** The reply: a record of each encoder that is in force, was before, or is to be, encoded. */
export type MemberReply = Readonly<{ records: readonly Readonly<{ encoder: string; record: Uint8Array }>[] }>;

/** Asks about private maps, or one of them, on `internal.profiles.privacy`, as MessagePack. */
export type PrivacyRequest = Readonly<{
  map?: string;
  /** Whether profiles are compared with exact ones; true if left out. */
  measured?: boolean;
}>;

/** The reply: one for each private map in force that was asked for. */
export type PrivacyReply = readonly MapPrivacyReport[];
