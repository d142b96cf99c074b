/** Whether a node may be sent requests, and if not, every reason why. */
export type Readiness = Readonly<{ ready: boolean; reasons: readonly NotReady[] }>;

/** A reason; its code is stable (docs/errors.md). */
export type NotReady = Readonly<{
  code: "STOPPING" | "NATS_LOST" | "NOT_IN_CLUSTER" | "UNITS_UNSERVED" | "CATCHING_UP";
  message: string;
}>;

/** What a node knows of itself and of the cluster. */
export type ReadinessFacts = Readonly<{
  /** Whether it was told to stop. */
  isStopping: boolean;
  /** Whether its connections to NATS are up. */
  isConnected: boolean;
  /** Whether its lease in the cluster's table holds. */
  isInCluster: boolean;
  /** Units that nobody has answered for, for longer than requests wait for their owner. */
  unserved: readonly string[];
  /** Units that were placed here at the start and have not caught up with their log yet. */
  behind: readonly string[];
}>;

/** Units named in a message at most. */
const NAMED_MAX = 5;

/** Tells from what a node knows whether it is ready. */
export function readinessOf(facts: ReadinessFacts): Readiness {
  const reasons: NotReady[] = [];
  if (facts.isStopping)
    reasons.push({ code: "STOPPING", message: "the node hands over to others, and ends" });
  if (!facts.isConnected)
    reasons.push({ code: "NATS_LOST", message: "the connection to NATS is lost: the node keeps trying" });
  if (!facts.isInCluster)
    reasons.push({ code: "NOT_IN_CLUSTER", message: "the node could not renew its lease in the cluster" });
  if (facts.unserved.length > 0)
    reasons.push({ code: "UNITS_UNSERVED", message: `nobody answers for ${named(facts.unserved)}` });
  if (facts.behind.length > 0)
    reasons.push({ code: "CATCHING_UP", message: `still reading the log of ${named(facts.behind)}` });
  return { ready: reasons.length === 0, reasons };
}

function named(units: readonly string[]): string {
  const some = units.slice(0, NAMED_MAX).join(", ");
  const more = units.length - NAMED_MAX;
  return more > 0 ? `${some} and ${more} more` : some;
}
