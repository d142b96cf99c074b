import type { Encoder } from "../../src/embedding/encoder.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import { toFeatureEvent } from "../../src/features/to-feature-event.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { ScoredUser } from "../../src/resonance/rescore.ts";
import { prepareScorer, type Scorer } from "../../src/resonance/scorer.ts";
import { Context } from "../../src/shards/context.ts";
import { DEFINITIONS, fitted, someBehaviour, somePublished, untrained } from "../shards/replay-world.ts";

/** An encoder that tells nobody what it is made of, as networks do not. */
const opaque: Encoder = { ...bound(fitted), version: fitted.version };
export const ENCODERS = [
  ["linear", fitted],
  ["untrained", untrained],
  ["linear, taken for a network", opaque],
] as const;
export const [EXCLUSIVE, INDEPENDENT] = DEFINITIONS[1] ?? [];

function bound(encoder: Encoder): Encoder {
  const { kind, trained, dim, slots, version } = encoder;
  return {
    version,
    kind,
    trained,
    dim,
    slots,
    fold: (...given) => encoder.fold(...given),
    evidence: (...given) => encoder.evidence(...given),
    embed: (...given) => encoder.embed(...given),
  };
}

export function scorerOf(encoder: Encoder, seed: number, map = EXCLUSIVE): Scorer {
  if (map === undefined) throw new Error("it is defined");
  return prepareScorer(somePublished(map, seed, encoder));
}

export function history(seed: number, events: number): FeatureEvent[] {
  const random = seededRandom(seed);
  return Array.from({ length: events }, (_, i) => toFeatureEvent(someBehaviour(random, "ada", i)));
}

/** A user of whom the newest `kept` events are held. */
export function userOf(encoder: Encoder, events: readonly FeatureEvent[], kept = events.length): ScoredUser {
  const held = new Context("ada", encoder.slots, encoder.version);
  for (const event of events) {
    FEATURES.foldSparse(held, event);
    encoder.fold(held.slab, 0, event);
  }
  const atMs = Math.max(...events.map(({ tsMs }) => tsMs), 0);
  return { held, events: events.slice(-kept), isWhole: kept >= events.length, atMs };
}
