import type { FeatureEvent } from "../features/feature-event.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { hash32, rehash32 } from "../kernel/hash.ts";
import type { Encoder } from "./encoder.ts";
import { TOKEN_GROUPS, tokenBuffer, writeTokens } from "./event-tokens.ts";
import { admitEvent, decayedEvents, leftAt, STATE } from "./projected-state.ts";

/** One sign a dimension fits in one 32-bit hash. */
const DIM = 32;
const HALF_LIFE_MS = 60 * 86_400_000;
const SIGN_SEED = 0x7369676e;
/** Raise it with any change to what is computed: the version must never name two projections. */
const SCHEME = 1;

/** A guess: what a user touched tells more than the setting, which is the same in most of the user's events. */
const GROUP_WEIGHTS = new Float64Array(4).fill(1);
GROUP_WEIGHTS[TOKEN_GROUPS.setting] = 0.25;
/** A guess: all features together weigh about a third of one token. */
const FEATURES_WEIGHT = 0.3;

const NO_SPLITS: ReadonlyMap<number, number> = new Map();

/**
 * The projection that serves before anything was fitted: each token adds a random sign to each of 32 dimensions, each
 * feature its squashed value to one of them, so that users of the same items point the same way. Tells far less than a fitted encoder (docs/encoders.md),
 * and lets contexts, samples and profiles exist from the first event on.
 *
 * @see Achlioptas, "Database-friendly random projections", 2003; Weinberger et al., "Feature Hashing", ICML 2009.
 */
export function untrainedEncoder(schema: FeatureSchema): Encoder {
  const hashes = schema.features.map((name) => rehash32(hash32(name), SIGN_SEED));
  const dimensions = Uint8Array.from(hashes, (hash) => hash % DIM);
  const featureScale = FEATURES_WEIGHT / Math.sqrt(Math.max(1, hashes.length));
  const scales = Float64Array.from(hashes, (hash) => (hash & DIM ? featureScale : -featureScale));
  const tokenScale = 1 / Math.sqrt(DIM);
  const tokens = tokenBuffer();
  const sum = new Float64Array(DIM);
  return {
    version: `untrained-${SCHEME}-${schema.version}`,
    kind: "linear",
    trained: false,
    dim: DIM,
    slots: STATE.sums + DIM,
    fold(slab, at, event: FeatureEvent) {
      const weight = admitEvent(slab, at, DIM, event.tsMs, HALF_LIFE_MS) * tokenScale;
      const count = writeTokens(event, NO_SPLITS, tokens);
      for (let i = 0; i < count; i++) {
        const signs = rehash32(tokens.hashes[i]!, SIGN_SEED);
        addSigned(slab, at + STATE.sums, signs, weight * GROUP_WEIGHTS[tokens.groups[i]!]!);
      }
    },
    evidence(slab, at, atMs) {
      return decayedEvents(slab, at, atMs, HALF_LIFE_MS);
    },
    embed(slab, at, read, atMs, out) {
      const left = leftAt(slab, at, atMs, HALF_LIFE_MS);
      const shrink = left / Math.sqrt(slab[at + STATE.events]! * left + 1);
      for (let i = 0; i < DIM; i++) sum[i] = shrink * slab[at + STATE.sums + i]!;
      for (let f = 0; f < scales.length; f++) {
        const x = read[f]!;
        if (x === 0) continue; // Most are.
        sum[dimensions[f]!]! += (scales[f]! * x) / (1 + Math.abs(x));
      }
      let square = 1; // Keeps the norm below 1, and that of a user who shows little near 0.
      for (let i = 0; i < DIM; i++) square += sum[i]! * sum[i]!;
      const norm = Math.sqrt(square);
      for (let i = 0; i < DIM; i++) out[i] = sum[i]! / norm;
    },
  };
}

/** Adds `amount` where a bit of `signs` is set, takes it off where it is not. */
function addSigned(to: Float64Array, at: number, signs: number, amount: number): void {
  for (let bit = 0; bit < DIM; bit++) to[at + bit]! += (signs >>> bit) & 1 ? amount : -amount;
}
