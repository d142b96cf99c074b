import type { NatsAccess } from "./adapters/nats-access.ts";
import type { CopyOptions } from "./open-copy.ts";

/** What a thread is started with; plain data, since it crosses a thread. */
export type UnitThreadTask = CopyOptions &
  Readonly<{
    nats: NatsAccess;
    dataDir: string;
    prefix: string;
    /** Of the shards. */
    generation: number;
    /** Copies that NATS keeps of what is stored. */
    replicas: 1 | 3;
    /** Memory of the node's session deadline. */
    deadline: SharedArrayBuffer;
  }>;
