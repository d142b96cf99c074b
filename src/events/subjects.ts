/** Names of subjects and streams under a deployment's prefix (`resonance` by default). */
export type Subjects = ReturnType<typeof subjectsOf>;

/** Room for the shards of one generation among the keys of outputs. */
const KEYS_A_GENERATION = 65_536;

/**
 * All subjects and streams of a deployment. `prefix`: letters, digits, `-` and `_`.
 *
 * @param generation - Grows with each resharding: the shards of each have logs, leases and snapshots of their own.
 */
export function subjectsOf(prefix: string, generation = 1) {
  const stream = prefix.toUpperCase();
  const isFirst = generation === 1;
  const logs = isFirst ? `${stream}_LOG` : `${stream}_G${generation}_LOG`;
  const internal = isFirst ? `${prefix}.internal` : `${prefix}.internal.g${generation}`;
  const keysFrom = isFirst ? 0 : generation * KEYS_A_GENERATION;
  return {
    prefix,
    generation,
    /** Public: `<prefix>.v1.<name>`. */
    api: (name: string) => `${prefix}.v1.${name}`,
    /** Published when a user enters or leaves resonating. */
    transition: (map: string, segment: string) => `${prefix}.v1.transitions.${map}.${segment}`,
    /** A shard's log: the stream and its one subject. */
    shardLog: (shard: number) => `${logs}_${shard}`,
    /** What a shard's outputs are known by: no shard of another generation has the same. */
    outputKey: (shard: number) => keysFrom + shard,
    /** The shard that has such a key; undefined for one of another generation. */
    shardOfOutputKey: (key: number) => {
      const shard = key - keysFrom;
      return shard >= 0 && shard < KEYS_A_GENERATION ? shard : undefined;
    },
    /** The name of a unit's snapshots. */
    snapshotsOf: (unit: string) => (isFirst || unit === "profiles" ? unit : `g${generation}-${unit}`),
    /** Samples of all shards on their way to the profile actor. */
    samples: `${stream}_SAMPLES`,
    /** Events that failed to fold, with reason and position. */
    deadLetters: `${stream}_DEAD_LETTERS`,
    /** Transitions, kept for a while so that a late consumer can catch up. */
    transitions: `${stream}_TRANSITIONS`,
    /** Contents that were chosen, with their propensities, kept for a while. */
    decisions: `${stream}_DECISIONS`,
    /** Internal request/reply of a shard's owner. */
    shard: (shard: number, name: string) => `${internal}.shard.${shard}.${name}`,
    /** Ids of erasures that are done, as soon as they are. */
    erasures: `${prefix}.internal.erasures`,
    profileActor: (name: string) => `${prefix}.internal.profiles.${name}`,
    /** Key-value bucket of nodes and leases. */
    cluster: isFirst ? `${prefix}-cluster` : `${prefix}-cluster-g${generation}`,
    /** Key-value bucket of profiles and segment definitions. */
    releases: `${prefix}-releases`,
    /** Object store of encoder artefacts. */
    artefacts: `${prefix}-artefacts`,
    /** Key-value bucket of snapshots' manifests, and object store of their parts. */
    snapshots: `${prefix}-snapshots`,
    snapshotParts: `${prefix}-snapshot-parts`,
  };
}
