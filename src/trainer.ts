import { ask } from "./actors/ask.ts";
import type { BlobStore } from "./actors/blob-store.ts";
import type { Bus } from "./actors/bus.ts";
import type { Log } from "./actors/log.ts";
import { newId } from "./adapters/entropy.ts";
import type { NatsAccess } from "./adapters/nats-access.ts";
import type { ThreadPool } from "./adapters/thread-pool.ts";
import { decodeEncoder } from "./embedding/decode-encoder.ts";
import { memberCount, type RefitPolicy, shouldFit } from "./embedding/refit-policy.ts";
import { encodeEntry } from "./events/log-codec.ts";
import { encodeProfileControl } from "./events/profile-control.ts";
import type { Subjects } from "./events/subjects.ts";
import { FEATURES } from "./features/all-families.ts";
import { EngineError, toWireError } from "./kernel/engine-error.ts";
import { decode, encode } from "./kernel/msgpack.ts";
import type { ProfileStatus } from "./profiles/profile-messages.ts";
import { releaseKeys } from "./releases.ts";
import {
  DEFAULT_TRAINING,
  type LabelledProgress,
  type TrainingChoice,
  type TrainingResult,
  type TrainingTask,
} from "./training-task.ts";

/** What a fit does otherwise than {@link DEFAULT_TRAINING}. */
export type TrainHow = Partial<TrainingChoice> &
  Readonly<{
    /** Prepares the encoder, which serves once it is promoted. */
    hold?: boolean;
  }>;

/** A request on the profile actor's subject `train`, as MessagePack. */
export type TrainRequest = TrainHow &
  Readonly<{
    /** Answers with the training's id at once, for whoever asks `training` from time to time how far it is. */
    detached?: boolean;
    /** Trains nothing: rolls out this encoder, which is in the store. */
    rollOut?: string;
  }>;

/** The training that runs, or the last one that ran on this node; `id` is empty before the first. */
export type TrainingStatus = Readonly<{
  id: string;
  running: boolean;
  latest?: LabelledProgress;
  result?: TrainingResult;
}>;

/** Fits new encoders and starts their roll-out. */
export type Trainer = Readonly<{
  /** Fits now. Resolves once the roll-out has begun; the switch follows when every shard has sampled its members. */
  train(how?: TrainHow): Promise<TrainingResult>;
  /**
   * Starts a fit and returns at once; how far it is, {@link Trainer.status} tells.
   *
   * @param done - Is given what came of it, if it did not break off.
   * @returns The training's id.
   */
  start(how: TrainHow, done: (result: TrainingResult) => void): string;
  status(): TrainingStatus;
  /**
   * Rolls out an encoder that is in the store with its calibration, wherever it was fitted.
   *
   * @throws EngineError `ENCODER_UNKNOWN` if it is not there; `ARTEFACT_CORRUPT` or `SCHEMA_MISMATCH` if it can't serve.
   */
  rollOutStored(encoder: string, hold?: boolean): Promise<void>;
  /** Fits if the members have grown enough since the last fit: what was trained last, again. */
  trainIfDue(policy: RefitPolicy): Promise<TrainingResult | undefined>;
}>;

const STATUS_TIMEOUT_MS = 5_000;
/** The fit is deterministic: the same members give the same encoder, so that a repeat changes nothing. */
const SEED = 1;

/** Kept beside the releases, so that a node that restarts does not fit again what was fitted before. */
type LatestFit = Readonly<{ members: number; choice?: TrainingChoice }>;

/** The trainer of a node. Only one fit runs at a time: a second request is refused with `TRAINING_RUNS`. */
export function startTrainer(
  ports: Readonly<{ bus: Bus; log: Log; releases: BlobStore; compute: ThreadPool; subjects: Subjects }>,
  options: {
    readonly nats: NatsAccess;
    readonly prefix: string;
    readonly generation: number;
    readonly shards: number;
    readonly dimMax: number;
    readonly checkpoints: string;
  },
): Trainer {
  const { bus, log, releases, compute, subjects } = ports;
  let status: TrainingStatus = { id: "", running: false };

  const latestFit = async (): Promise<LatestFit> => {
    const bytes = await releases.get(releaseKeys.latestFit);
    return bytes === undefined ? { members: 0 } : (decode(bytes) as LatestFit);
  };

  const profiles = async (): Promise<ProfileStatus> => {
    const subject = subjects.profileActor("status");
    return (await ask(bus, subject, {}, STATUS_TIMEOUT_MS)) as ProfileStatus;
  };

  const rollOut = async (encoder: string, hold: boolean): Promise<void> => {
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

  const run = async (choice: TrainingChoice, hold: boolean, id: string): Promise<TrainingResult> => {
    const members = memberCount((await profiles()).members);
    const task: TrainingTask = { ...options, choice, seed: SEED };
    const { port, end } = compute.start<TrainingTask, TrainingResult>("fitEncoder", task);
    port.on("message", (latest: LabelledProgress) => {
      if (status.id === id) status = { ...status, latest };
    });
    try {
      const result = await end;
      // After a failure too: trying again at once would fail again.
      const latest: LatestFit = { members, ...(result.kind === "fitted" ? { choice } : {}) };
      await releases.put(releaseKeys.latestFit, encode({ ...(await latestFit()), ...latest }));
      if (result.kind === "fitted") await rollOut(result.encoder, hold);
      return result;
    } finally {
      port.close();
    }
  };

  const begin = ({
    hold = false,
    ...choice
  }: TrainingChoice & TrainHow): { id: string; end: Promise<TrainingResult> } => {
    if (status.running) {
      const message = "a fit is running: wait for it to end";
      throw new EngineError({ code: "TRAINING_RUNS", message, retryable: true });
    }
    const id = newId();
    status = { id, running: true };
    const end = run(choice, hold, id).then(
      (result) => {
        status = { ...status, running: false, result };
        return result;
      },
      (thrown) => {
        status = { ...status, running: false, result: { kind: "failed", error: toWireError(thrown) } };
        throw thrown;
      },
    );
    return { id, end };
  };

  return {
    train: (how = {}) => begin({ ...DEFAULT_TRAINING, ...how }).end,
    start(how, done) {
      const { id, end } = begin({ ...DEFAULT_TRAINING, ...how });
      end.then(done).catch(() => {}); // Whoever asked reads it in the status.
      return id;
    },
    status: () => status,
    async rollOutStored(encoder, hold = false) {
      const artefact = await releases.get(releaseKeys.encoder(encoder));
      const calibration = await releases.get(releaseKeys.calibration(encoder));
      if (artefact === undefined || calibration === undefined) {
        const message = `the encoder ${encoder} is not in the store with its calibration: send it with "resonance train --from FOLDER"`;
        throw new EngineError({ code: "ENCODER_UNKNOWN", message, retryable: false });
      }
      const { kind } = decodeEncoder(artefact, FEATURES);
      const latest: LatestFit = {
        members: memberCount((await profiles()).members),
        choice: { ...DEFAULT_TRAINING, encoders: [kind] },
      };
      await releases.put(releaseKeys.latestFit, encode(latest));
      await rollOut(encoder, hold);
    },
    async trainIfDue(policy) {
      if (status.running) return undefined;
      const { members: membersBySegment, rollOut } = await profiles();
      if (rollOut?.isHeld === true) return undefined; // An operator is looking at it: another one would take its place.
      const { members: fittedMembers, choice = DEFAULT_TRAINING } = await latestFit();
      if (!shouldFit({ membersBySegment, fittedMembers }, policy)) return undefined;
      return begin({ ...choice, leaderboard: false }).end;
    },
  };
}
