import { beforeAll, expect, test } from "vitest";
import { type TensorBackend, tensorBackend } from "../../../src/adapters/tensor-backend.ts";
import type { DeepKind } from "../../../src/embedding/deep/network-shape.ts";
import { trainNetwork } from "../../../src/embedding/deep/train-network.ts";
import type { TrainingProgress } from "../../../src/embedding/encoder-training.ts";
import { prepareFit } from "../../../src/embedding/fit-material.ts";
import { someHistories, someMaps, tinySchema } from "../build-histories.ts";

const KINDS: readonly DeepKind[] = ["autoencoder", "gru", "transformer"];
const maps = someMaps(2);

let backend: TensorBackend;
beforeAll(async () => {
  backend = await tensorBackend("wasm");
});

function aTraining(kind: DeepKind, given: { users?: number; preference?: number; seed?: number } = {}) {
  const { users = 40, preference = 0.3, seed = 1 } = given;
  const fit = prepareFit(someHistories({ users, segments: 2, preference }), maps, tinySchema, {
    seed,
    folds: 2,
  });
  const limits = { eventsMax: 1e6, stepsMax: 60, patience: 1 };
  return { kind, fit, maps, seed, tensors: backend.tensors, limits };
}

test.for(KINDS)("a training of %s that is killed goes on where it was, to the same end", async (kind) => {
  const whole: TrainingProgress[] = [];
  const uninterrupted = await trainNetwork({ ...aTraining(kind), onProgress: (told) => whole.push(told) });
  let saved: Uint8Array | undefined;
  let saves = 0;
  const save = async (bytes: Uint8Array) => {
    saved = bytes;
    if (++saves === 2) throw new Error("killed");
  };
  const dying = trainNetwork({ ...aTraining(kind), checkpoints: { load: async () => undefined, save } });
  await expect(dying).rejects.toThrow("killed");
  const rest: TrainingProgress[] = [];
  const resumed = await trainNetwork({
    ...aTraining(kind),
    onProgress: (told) => rest.push(told),
    checkpoints: { load: async () => saved, save: async () => {} },
  });
  expect(rest).toEqual(whole.slice(2));
  expect(resumed.served).toEqual(uninterrupted.served);
  expect(resumed.chosen).toEqual(uninterrupted.chosen);
});

test("another training's checkpoint is not gone on with", async () => {
  let saved: Uint8Array | undefined;
  const checkpoints = {
    load: async () => saved,
    save: async (bytes: Uint8Array) => {
      saved = bytes;
    },
  };
  await trainNetwork({ ...aTraining("autoencoder", { seed: 2 }), checkpoints });
  const steps: number[] = [];
  await trainNetwork({
    ...aTraining("autoencoder"),
    onProgress: ({ step }) => steps.push(step),
    checkpoints,
  });
  expect(steps[0]).toBe(0);
});

test("where labels are chance, nothing is learnt: the linear encoder serves as it is", async () => {
  const { chosen, served } = await trainNetwork(aTraining("gru", { preference: 0 }));
  expect(chosen.step).toBe(0);
  expect(served.arrays["outWeights"]!.every((weight) => weight === 0)).toBe(true);
});
