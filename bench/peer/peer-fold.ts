import type { Encoder } from "../../src/embedding/encoder.ts";
import { decodeArtefact } from "../../src/embedding/linear-artefact.ts";
import { linearEncoder } from "../../src/embedding/linear-encoder.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { toFeatureEvent } from "../../src/features/to-feature-event.ts";
import { decodeProfiles } from "../../src/profiles/profiles-codec.ts";
import {
  newScoreBuffer,
  prepareScorer,
  type ScoreBuffer,
  type Scorer,
  scoreInto,
} from "../../src/resonance/scorer.ts";
import { nextResonating } from "../../src/resonance/thresholds.ts";
import { Context, withEntry } from "../../src/shards/context.ts";

/** What the pipeline scores with: an encoder's artefact and published profiles, as bytes, so that they cross processes. */
export type PeerRelease = Readonly<{ encoder: Uint8Array; profiles: readonly Uint8Array[] }>;

/** A user started or stopped to resonate with a segment. */
export type PeerTransition = Readonly<{
  user: string;
  map: string;
  segment: string;
  kind: "entered" | "left";
  probability: number;
}>;

type ScoredMap = Readonly<{ scorer: Scorer; scores: ScoreBuffer }>;

/** Types that say who the user is, not what they do. */
const ADMINISTRATIVE: ReadonlySet<string> = new Set(["identify", "consent"]);

/**
 * What the pipeline does with one event: the engine's own features, encoder and scores, so that both sides compute the
 * same. Left out, in the pipeline's favour: consent, samples for the profiles, and the ring that a change of the encoder
 * needs.
 */
export class PeerFold {
  readonly #encoder: Encoder;
  readonly #maps: readonly ScoredMap[];
  readonly #features = new Float32Array(FEATURES.width);
  readonly #embedding: Float32Array;

  constructor(release: PeerRelease) {
    this.#encoder = linearEncoder(decodeArtefact(release.encoder), FEATURES);
    this.#embedding = new Float32Array(this.#encoder.dim);
    this.#maps = release.profiles.map((bytes) => {
      const scorer = prepareScorer(decodeProfiles(bytes));
      const scores = newScoreBuffer(scorer.segments.length);
      return { scorer, scores };
    });
  }

  /** What is held of somebody new. */
  newContext(user: string): Context {
    return new Context(user, this.#encoder.slots, this.#encoder.version);
  }

  /** Probabilities of each map after the event that was applied last; overwritten by the next one. */
  get probabilities(): readonly Float64Array[] {
    return this.#maps.map(({ scores }) => scores.probabilities);
  }

  /**
   * Folds one event into its user's context, and scores it.
   *
   * @param transitions - Gets who started or stopped to resonate.
   * @returns False for a repeated event, which has no effect.
   */
  apply(context: Context, behaviour: Behaviour, transitions: PeerTransition[]): boolean {
    if (!context.seen.add(behaviour.id)) return false;
    const { tsMs } = behaviour;
    context.firstTsMs = context.firstTsMs === 0 ? tsMs : Math.min(context.firstTsMs, tsMs);
    context.lastTsMs = Math.max(context.lastTsMs, tsMs);
    if (ADMINISTRATIVE.has(behaviour.type)) identify(context, behaviour);
    else {
      const event = toFeatureEvent(behaviour);
      FEATURES.foldSparse(context, event);
      this.#encoder.fold(context.slab, 0, event);
      context.events++;
    }
    if (context.events > 0) this.#score(context, transitions);
    return true;
  }

  #score(context: Context, transitions: PeerTransition[]): void {
    const { slab, lastTsMs } = context;
    FEATURES.readSparse(context, lastTsMs, this.#features);
    this.#encoder.embed(slab, 0, this.#features, lastTsMs, this.#embedding);
    const evidence = this.#encoder.evidence(slab, 0, lastTsMs);
    for (const map of this.#maps) {
      scoreInto(map.scorer, this.#embedding, evidence, map.scores);
      follow(context, map, evidence, transitions);
    }
  }
}

function identify(context: Context, { type, traits, segments }: Behaviour): void {
  if (type !== "identify") return;
  context.authenticated = true;
  for (const [trait, value] of Object.entries(traits ?? {}))
    context.traits = withEntry(context.traits, trait, value);
  for (const [map, label] of Object.entries(segments ?? {}))
    context.labels = withEntry(context.labels, map, label);
}

function follow(
  context: Context,
  { scorer, scores }: ScoredMap,
  evidence: number,
  transitions: PeerTransition[],
): void {
  const { map, segments, thresholds } = scorer;
  const held = context.resonating.get(map);
  const { probabilities } = scores;
  for (let k = 0; k < segments.length; k++) {
    const probability = probabilities[k]!;
    if (probability < thresholds.leave[k]! && (held === undefined || held.size === 0)) continue; // The common case.
    const segment = segments[k]!;
    const was = context.resonating.get(map)?.has(segment) === true;
    if (nextResonating(was, probability, evidence, thresholds, k) === was) continue;
    const resonating = new Set(context.resonating.get(map));
    if (was) resonating.delete(segment);
    else resonating.add(segment);
    context.resonating = withEntry(context.resonating, map, resonating);
    transitions.push({ user: context.user, map, segment, kind: was ? "left" : "entered", probability });
  }
}
