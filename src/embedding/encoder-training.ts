import type { Encoder } from "./encoder.ts";

/** What can be trained. */
export type EncoderKind = Encoder["kind"];

export const ENCODER_KINDS: readonly EncoderKind[] = ["linear", "autoencoder", "gru", "transformer"];

/** How far a training is. */
export type TrainingProgress = Readonly<{
  /** `fit`: weights are found. `calibrate`: what was held out is scored. */
  stage: "read" | "fit" | "calibrate";
  /** Of `steps` of this stage. */
  step: number;
  steps: number;
  /** Of `parts` trainings one after another, counted from 0: networks of few members are trained once a fold, too. */
  part?: number;
  parts?: number;
  /** Mean loss of the newest steps, in nats. */
  loss?: number;
  /** Log-loss of the members that stop the training early, in nats. */
  heldOutLoss?: number;
  /** Events learnt from so far, each as often as it was read. */
  events?: number;
}>;

/** Where a training that takes minutes keeps its state, so that it can go on after a crash. */
export type TrainingCheckpoints = Readonly<{
  /** The newest state of the same training; undefined if there is none. */
  load(): Promise<Uint8Array | undefined>;
  save(bytes: Uint8Array): Promise<void>;
}>;
