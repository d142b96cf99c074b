import { setTimeout as sleep } from "node:timers/promises";
import { ask as askPart } from "../../actors/ask.ts";
import { systemClock } from "../../adapters/system-clock.ts";
import { EngineError, fromWireError } from "../../kernel/engine-error.ts";
import type { TrainingStatus, TrainRequest } from "../../trainer.ts";
import type { TrainingResult } from "../../training-task.ts";
import type { Client } from "../client.ts";
import { trainingLine } from "../view/training-line.ts";

const ASK_TIMEOUT_MS = 10_000;
const LOOK_MS = 300;
/** So long the node that trains may be out of reach: a server restarts meanwhile, or the shards' owner is busy. */
const PATIENCE_MS = 60_000;

/**
 * Has the running cluster train, and follows it on standard error. Whoever stops following stops nothing: the training
 * goes on in its node.
 *
 * @throws EngineError what the training failed with; `TRAINING_LOST` if the node that trained is gone.
 */
export async function trainRunning(
  client: Client,
  how: TrainRequest,
): Promise<Extract<TrainingResult, { kind: "fitted" }>> {
  const { id } = (await ask(client, "train", { ...how, detached: true })) as { id: string };
  const line = trainingLine(process.stderr, systemClock);
  let reachedMs = systemClock.monotonicMs();
  while (true) {
    await sleep(LOOK_MS);
    let status: TrainingStatus;
    try {
      status = (await ask(client, "training", {})) as TrainingStatus;
    } catch (thrown) {
      const isPassing = thrown instanceof EngineError && thrown.retryable;
      if (isPassing && systemClock.monotonicMs() - reachedMs < PATIENCE_MS) continue;
      throw thrown;
    }
    reachedMs = systemClock.monotonicMs();
    if (status.id !== id) {
      const message = "the node that trained is gone, and its training with it: train again";
      throw new EngineError({ code: "TRAINING_LOST", message, retryable: true });
    }
    if (status.latest !== undefined) line.update(status.latest.label, status.latest.progress);
    if (status.running || status.result === undefined) continue;
    line.end();
    if (status.result.kind === "failed") throw fromWireError(status.result.error);
    return status.result;
  }
}

/** Asks the owner of the profiles, in whose node trainings run. */
export async function ask(client: Client, name: "train" | "training", body: TrainRequest): Promise<unknown> {
  return askPart(client.bus, client.subjects.profileActor(name), body, ASK_TIMEOUT_MS);
}
