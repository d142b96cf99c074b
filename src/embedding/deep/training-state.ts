import type { Moments } from "./adam.ts";
import { packArrays, unpackArrays } from "./pack-arrays.ts";

/** A look at members who were not learnt from. */
export type Evaluation = Readonly<{
  step: number;
  /** Of each of those members over all maps, in nats; NaN for one without a label. */
  losses: Float32Array;
  /** The network's arrays at that step; what is added to the token table under {@link TOKENS}, where that is learnt. */
  arrays: Readonly<Record<string, Float32Array>>;
}>;

/** What is still changed in a run that goes on, by name; what is added to the token table under {@link TOKENS}. */
export type WorkingArrays = Readonly<Record<string, Readonly<{ values: Float32Array; moments: Moments }>>>;

/** One training: of all members but those of a fold, or of all. */
export type RunState = {
  step: number;
  /** Events read so far, each as often as it was read. */
  events: number;
  isDone: boolean;
  evaluations: Evaluation[];
  working: WorkingArrays;
};

export const TOKENS = "tokens";

const MAGIC = "RESTRN01";

type PackedRun = Readonly<{
  step: number;
  events: number;
  isDone: boolean;
  working: readonly string[];
  evaluations: readonly Readonly<{ step: number; arrays: readonly string[] }>[];
}>;

/**
 * All that a training has come to, as bytes.
 *
 * @param fingerprint - Of what is trained on what.
 */
export function packRuns(fingerprint: string, runs: readonly RunState[]): Uint8Array {
  const named: Record<string, Float32Array> = {};
  const packed = runs.map(({ step, events, isDone, evaluations, working }, r): PackedRun => {
    for (const [name, { values, moments }] of Object.entries(working)) {
      named[`${r} value ${name}`] = values;
      named[`${r} mean ${name}`] = moments.mean;
      named[`${r} square ${name}`] = moments.square;
    }
    for (const [e, { losses, arrays }] of evaluations.entries()) {
      named[`${r} losses ${e}`] = losses;
      for (const [name, values] of Object.entries(arrays)) named[`${r} seen ${e} ${name}`] = values;
    }
    const seen = evaluations.map((of) => ({ step: of.step, arrays: Object.keys(of.arrays) }));
    return { step, events, isDone, working: Object.keys(working), evaluations: seen };
  });
  return packArrays(MAGIC, { fingerprint, runs: packed }, named);
}

/** Reads {@link packRuns}'s bytes; nothing for bytes that are damaged or of another training. */
export function unpackRuns(fingerprint: string, bytes: Uint8Array): RunState[] {
  const unpacked = unpackArrays(MAGIC, bytes);
  if (unpacked === undefined) return [];
  const { arrays } = unpacked;
  const fields = unpacked.fields as { fingerprint: string; runs: readonly PackedRun[] };
  if (fields.fingerprint !== fingerprint) return [];
  const named = (name: string): Float32Array => arrays[name] ?? new Float32Array();
  return fields.runs.map(({ step, events, isDone, working, evaluations }, r) => ({
    step,
    events,
    isDone,
    working: Object.fromEntries(
      working.map((name) => {
        const moments = { mean: named(`${r} mean ${name}`), square: named(`${r} square ${name}`) };
        return [name, { values: named(`${r} value ${name}`), moments }];
      }),
    ),
    evaluations: evaluations.map((seen, e) => ({
      step: seen.step,
      losses: named(`${r} losses ${e}`),
      arrays: Object.fromEntries(seen.arrays.map((name) => [name, named(`${r} seen ${e} ${name}`)])),
    })),
  }));
}
