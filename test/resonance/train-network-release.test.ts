import { expect, test } from "vitest";
import { tensorBackend } from "../../src/adapters/tensor-backend.ts";
import { decodeEncoder } from "../../src/embedding/decode-encoder.ts";
import type { TrainingProgress } from "../../src/embedding/encoder-training.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { trainRelease } from "../../src/resonance/train-release.ts";
import { someHistories, tinySchema } from "../embedding/build-histories.ts";

const map: SegmentMap = {
  name: "taste",
  mode: "exclusive",
  segments: [{ name: "segment-0" }, { name: "segment-1" }],
  window: { bucketMs: 86_400_000, buckets: 7 },
  threshold: { enter: 0.5, minEvidence: 1 },
};

test("a release of a network is calibrated and reported on every member, none of whom it had seen", async () => {
  const { tensors } = await tensorBackend("wasm");
  const told: TrainingProgress[] = [];
  const histories = someHistories({ users: 60, segments: 2 });
  const release = await trainRelease("autoencoder", histories, [map], tinySchema, {
    ...{ seed: 1, dimMax: 64, tensors, limits: { eventsMax: 1e6, stepsMax: 40, patience: 1 } },
    onProgress: (progress) => told.push(progress),
  });
  expect(decodeEncoder(release.artefact, tinySchema)).toMatchObject({
    kind: "autoencoder",
    version: release.version,
  });
  const report = release.report.heldOut["taste"]!;
  expect(report.members).toBe(60);
  expect(report.logLoss).toBeLessThan(report.priorLogLoss);
  expect(release.report.network!.gain).toBeGreaterThanOrEqual(0);
  expect(release.calibrations[0]).toMatchObject({ encoder: release.version, members: 60 });
  expect([...new Set(told.map(({ stage }) => stage))]).toEqual(["read", "fit", "calibrate"]);
  const losses = told.flatMap(({ heldOutLoss }) => (heldOutLoss === undefined ? [] : [heldOutLoss]));
  expect(losses.length).toBeGreaterThan(1);
});

test("without TensorFlow.js networks can't be trained, and the linear encoder can", async () => {
  const histories = someHistories({ users: 60, segments: 2 });
  const train = (kind: "gru" | "linear") =>
    trainRelease(kind, histories, [map], tinySchema, { seed: 1, dimMax: 64 });
  await expect(train("gru")).rejects.toMatchObject({ code: "ENCODER_NOT_TRAINABLE" });
  expect((await train("linear")).version).toMatch(/^linear-/);
});

test("members of one segment alone are nothing to train on", async () => {
  const { tensors } = await tensorBackend("wasm");
  const alone = someHistories({ users: 20, segments: 1 });
  const options = { seed: 1, dimMax: 64, tensors };
  await expect(trainRelease("gru", alone, [map], tinySchema, options)).rejects.toMatchObject({
    code: "TOO_FEW_MEMBERS",
  });
});
