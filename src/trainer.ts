import type { BlobStore } from "./actors/blob-store.ts";
import type { Bus } from "./actors/bus.ts";
import type { Log } from "./actors/log.ts";
import { newId } from "./adapters/entropy.ts";
import type { ThreadPool } from "./adapters/thread-pool.ts";
import { memberCount, type RefitPolicy, shouldFit } from "./embedding/refit-policy.ts";
import { encodeEntry } from "./events/log-codec.ts";
import { encodeProfileControl } from "./events/profile-control.ts";
import type { Subjects } from "./events/subjects.ts";
import { EngineError, fromWireError } from "./kernel/engine-error.ts";
import { decode, encode } from "./kernel/msgpack.ts";
import type { ProfileStatus } from "./profiles/profile-messages.ts";
import { releaseKeys } from "./releases.ts";
import type { TrainingResult, TrainingTask } from "./training-task.ts";

/** How a fit's encoder is rolled out: one that is held is prepared, and serves once it is promoted. */
export type TrainHow = Readonly<{ hold?: boolean }>;

/** Fits new encoders and starts their roll-out. */
export type Trainer = Readonly<{
  /** Fits now. Resolves once the roll-out has begun; the switch follows when every shard has sampled its members. */
  train(how?: TrainHow): Promise<TrainingResult>;
  /** Fits if the members have grown enough since the last fit. */
  trainIfDue(policy: RefitPolicy): Promise<TrainingResult | undefined>;
}>;

const STATUS_TIMEOUT_MS = 5_000;
/** The fit is deterministic: the same members give the same encoder, so that a repeat changes nothing. */
const SEED = 1;

/** The trainer of a node. Only one fit runs at a time: a second request is refused with `TRAINING_RUNS`. */
export function startTrainer(
  ports: Readonly<{ bus: Bus; log: Log; releases: BlobStore; compute: ThreadPool; subjects: Subjects }>,
  options: {
    readonly nats: string;
    readonly prefix: string;
    readonly generation: number;
    readonly shards: number;
    readonly dimMax: number;
  },
): Trainer {
  const { bus, log, releases, compute, subjects } = ports;
  let running = false;

  /** Kept beside the releases, so that a node that restarts does not fit again what was fitted before. */
  const fittedMembers = async (): Promise<number> => {
    const bytes = await releases.get(releaseKeys.latestFit);
    return bytes === undefined ? 0 : (decode(bytes) as { members: number }).members;
  };

  const profiles = async (): Promise<ProfileStatus> => {
    const reply = await bus.request(subjects.profileActor("status"), encode({}), {
      timeoutMs: STATUS_TIMEOUT_MS,
    });
    if (reply.error !== undefined) throw fromWireError(reply.error);
    return decode(reply.data) as ProfileStatus;
  };

  const rollOut = async (encoder: string, { hold = false }: TrainHow): Promise<void> => {
    const of = { from: subjects.outputKey(0), count: options.shards };
    const control = encodeProfileControl({ control: "prepare", encoder, shards: of, hold });
    // An encoder may be rolled out again after another: no log may take that for a repeat.
    const id = `prepare:${encoder}:${newId()}`;
    await log.append(subjects.samples, [{ id, data: control }]);
    const data = encodeEntry({ kind: "encoder-prepared", encoder });
    const shards = Array.from({ length: options.shards }, (_, shard) => shard);
    await Promise.all(
      shards.map((shard) => log.append(subjects.shardLog(shard), [{ id: `${id}:${shard}`, data }])),
    );
  };

  const train = async (how: TrainHow = {}): Promise<TrainingResult> => {
    if (running) {
      const message = "a fit is running: wait for it to end";
      throw new EngineError({ code: "TRAINING_RUNS", message, retryable: true });
    }
    running = true;
    try {
      const members = memberCount((await profiles()).members);
      const task: TrainingTask = { ...options, seed: SEED };
      const result = await compute.run<TrainingTask, TrainingResult>("fitEncoder", task);
      // After a failure too: trying again at once would fail again.
      await releases.put(releaseKeys.latestFit, encode({ members }));
      if (result.kind === "fitted") await rollOut(result.encoder, how);
      return result;
    } finally {
      running = false;
    }
  };

  return {
    train,
    async trainIfDue(policy) {
      if (running) return undefined;
      const { members: membersBySegment, rollOut } = await profiles();
      if (rollOut?.isHeld === true) return undefined; // An operator is looking at it: another one would take its place.
      return shouldFit({ membersBySegment, fittedMembers: await fittedMembers() }, policy)
        ? train()
        : undefined;
    },
  };
}
