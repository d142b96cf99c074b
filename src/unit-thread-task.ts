/** What a thread is started with; plain data, since it crosses a thread. */
export type UnitThreadTask = Readonly<{
  nats: string;
  node: string;
  dataDir: string;
  prefix: string;
  /** Copies that NATS keeps of what is stored. */
  replicas: 1 | 3;
  /** Number of shards of the deployment. */
  shards: number;
  residentUsers: number;
  ringEvents: number;
  batchEntries: number;
  publishEveryMs: number;
  snapshotEveryMs: number;
  keepLogMs: number;
  /** Memory of the node's session deadline. */
  deadline: SharedArrayBuffer;
}>;
