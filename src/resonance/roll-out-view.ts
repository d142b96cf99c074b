/** What is being rolled out, and what can be taken back, as the profile actor tells it. */
export type RollOutView = Readonly<{
  /** The candidate's way: shards that have sampled their members under it, and whether it waits to be promoted then. */
  rollOut?: Readonly<{ encoder: string; isHeld: boolean; prepared: number; shards: number }>;
  /** The encoder that a rollback would put back, until the newest sample is of that event time, epoch ms. */
  previous?: Readonly<{ encoder: string; untilMs: number }>;
  /** Definitions whose profiles are being built, and shards that have told of their members. */
  next?: Readonly<{ version: number; prepared: number; shards: number }>;
}>;

/** How far a shard has come with sampling its members for what is to be in force. */
export type WarmUpView = Readonly<{
  kind: "encoder" | "segments";
  version: string;
  /** Members sampled. */
  sampled: number;
  done: boolean;
}>;
