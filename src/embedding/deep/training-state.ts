import type { Moments } from "./adam.ts";
import { packArrays, unpackArrays } from "./pack-arrays.ts";

/** All that a training has come to: what it goes on from after an interruption. */
export type TrainingState = {
  step: number;
  events: number;
  /** Evaluations since the best one. */
  worse: number;
  readonly arrays: Readonly<Record<string, Float32Array>>;
  readonly moments: Readonly<Record<string, Moments>>;
  /** What is added to the token table, and its moments. */
  readonly added: Float32Array;
  readonly addedMoments: Moments;
  best:
    | Readonly<{ loss: number; arrays: Readonly<Record<string, Float32Array>>; added: Float32Array }>
    | undefined;
};

const MAGIC = "RESTRN01";
const TABLE = "tokens";

/** @param fingerprint - Of what is trained on what. */
export function packState(fingerprint: string, state: TrainingState): Uint8Array {
  const { step, events, worse, best } = state;
  const named: Record<string, Float32Array> = {};
  for (const [name, values] of Object.entries({ ...state.arrays, [TABLE]: state.added })) {
    const { mean, square } = name === TABLE ? state.addedMoments : state.moments[name]!;
    named[`value ${name}`] = values;
    named[`mean ${name}`] = mean;
    named[`square ${name}`] = square;
  }
  for (const [name, values] of Object.entries(
    best === undefined ? {} : { ...best.arrays, [TABLE]: best.added },
  )) {
    named[`best ${name}`] = values;
  }
  return packArrays(MAGIC, { fingerprint, step, events, worse, bestLoss: best?.loss ?? null }, named);
}

/**
 * Brings a fresh state to what {@link packState} wrote.
 *
 * @returns False, and the state as it was, for bytes that are damaged or of another training.
 */
export function unpackState(fingerprint: string, bytes: Uint8Array, into: TrainingState): boolean {
  const unpacked = unpackArrays(MAGIC, bytes);
  if (unpacked === undefined) return false;
  const fields = unpacked.fields as {
    fingerprint: string;
    step: number;
    events: number;
    worse: number;
    bestLoss: number | null;
  };
  if (fields.fingerprint !== fingerprint) return false;
  const { arrays } = unpacked;
  const best: Record<string, Float32Array> = {};
  for (const [name, values] of Object.entries({ ...into.arrays, [TABLE]: into.added })) {
    const { mean, square } = name === TABLE ? into.addedMoments : into.moments[name]!;
    values.set(arrays[`value ${name}`]!);
    mean.set(arrays[`mean ${name}`]!);
    square.set(arrays[`square ${name}`]!);
    const held = arrays[`best ${name}`];
    if (held !== undefined) best[name] = held;
  }
  into.step = fields.step;
  into.events = fields.events;
  into.worse = fields.worse;
  const { [TABLE]: added, ...bestArrays } = best;
  into.best =
    fields.bestLoss === null || added === undefined
      ? undefined
      : { loss: fields.bestLoss, arrays: bestArrays, added };
  return true;
}
