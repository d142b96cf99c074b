/** Names of subjects and streams under a deployment's prefix (`resonance` by default). */
export type Subjects = ReturnType<typeof subjectsOf>;

/** All subjects and streams of a deployment. `prefix`: letters, digits, `-` and `_`. */
export function subjectsOf(prefix: string) {
  const stream = prefix.toUpperCase();
  return {
    prefix,
    /** Public: `<prefix>.v1.<name>`. */
    api: (name: string) => `${prefix}.v1.${name}`,
    /** Published when a user enters or leaves resonating. */
    transition: (map: string, segment: string) => `${prefix}.v1.transitions.${map}.${segment}`,
    /** A shard's log: the stream and its one subject. */
    shardLog: (shard: number) => `${stream}_LOG_${shard}`,
    /** Samples of all shards on their way to the profile actor. */
    samples: `${stream}_SAMPLES`,
    /** Events that failed to fold, with reason and position. */
    deadLetters: `${stream}_DEAD_LETTERS`,
    /** Transitions, kept for a while so that a late consumer can catch up. */
    transitions: `${stream}_TRANSITIONS`,
    /** Internal request/reply of a shard's owner. */
    shard: (shard: number, name: string) => `${prefix}.internal.shard.${shard}.${name}`,
    profileActor: (name: string) => `${prefix}.internal.profiles.${name}`,
    /** Key-value bucket of nodes and leases. */
    cluster: `${prefix}-cluster`,
    /** Key-value bucket of profiles and segment definitions. */
    releases: `${prefix}-releases`,
    /** Object store of encoder artefacts. */
    artefacts: `${prefix}-artefacts`,
    /** Key-value bucket of snapshots' manifests, and object store of their parts. */
    snapshots: `${prefix}-snapshots`,
    snapshotParts: `${prefix}-snapshot-parts`,
  };
}
