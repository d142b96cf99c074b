/** What a unit of work costs, in the words of {@link MEASURED}. */
export type Costs = typeof MEASURED;

/**
 * What was measured on a shared machine with two cores (README.md, "How fast it is", unless another source is named).
 * Faster cores need less time; measure yours with `resonance bench`.
 */
export const MEASURED = {
  /** Processor time of a node for folding, encoding, scoring and committing one event, helper threads included: `drain`. */
  foldCpuUs: 18,
  /** Of that, in the shard's own thread, which nothing else can take over: `drain`, by profile. */
  foldThreadUs: 12,
  /** Processor time of a gateway for validating, routing and storing one event: `mixed`, main thread, by profile. */
  ingestCpuUs: 6,
  /** Processor time of gateway and shard for one score with `top: 5`: `score` through the gateway, both cores by the rate. */
  scoreCpuUs: 50,
  /** Processor time of NATS servers for one event that comes by itself, storing and delivery included: `mixed`, by profile. */
  natsEventCpuUs: 17,
  /** The same for one score, which crosses the server twice. */
  natsScoreCpuUs: 30,
  /** A log's bytes an event: a rating of MovieLens that comes by itself, and one of twelve in a message. */
  logBytesAlone: 180,
  logBytesBundled: 70,
  /** LMDB's bytes a user, and beside them each event in the ring of newest ones: a line through 99,309 readers of Globo
   * (9 events each, 472 MB) and 943 raters of MovieLens (106 each, 10.2 MB). */
  storeBytes: 4_200,
  storeBytesRingEvent: 62,
  /** Of a store's bytes, what a snapshot has: 121 of 472 MB. */
  snapshotShare: 0.26,
  /** A node's memory without users, and each user in memory, garbage included: `memory`, 2.37 GiB with a million. */
  nodeMemoryBytes: 268_435_456,
  userMemoryBytes: 2_280,
  /** Users a second that a node reads from a snapshot into its store: 99,309 in 3.6 s. */
  restoreUsersPerSecond: 27_000,
  /** Bytes of an event on the wire, and of a score with `top: 5` and its request. */
  eventWireBytes: 250,
  scoreWireBytes: 1_200,
} as const;
