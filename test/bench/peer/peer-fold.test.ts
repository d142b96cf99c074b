import { expect, test } from "vitest";
import { PeerFold, type PeerTransition } from "../../../bench/peer/peer-fold.ts";
import { fitted, simulated } from "../../../bench/peer/stand-alone-material.ts";
import { memoryContextStore } from "../../../src/adapters/memory-context-store.ts";
import { decodeArtefact } from "../../../src/embedding/linear-artefact.ts";
import { linearEncoder } from "../../../src/embedding/linear-encoder.ts";
import type { Behaviour } from "../../../src/events/log-entry.ts";
import { FEATURES } from "../../../src/features/all-families.ts";
import { decodeProfiles } from "../../../src/profiles/profiles-codec.ts";
import { prepareScorer } from "../../../src/resonance/scorer.ts";
import type { Context } from "../../../src/shards/context.ts";
import { foldBatch } from "../../../src/shards/fold-batch.ts";
import { emptyOutcome } from "../../../src/shards/outcome.ts";
import { newShardState, useDefinitions, useScorers } from "../../../src/shards/shard-state.ts";

const SEGMENTS = 64;
const behaviours = simulated(600);
/** So low that some enter and leave. */
const ENTER = 0.03;
const release = fitted(behaviours, SEGMENTS, ENTER);
const identify: Behaviour = {
  ...{ kind: "behaviour", id: "who", user: behaviours[5]?.user ?? "", type: "identify" },
  ...{ tsMs: behaviours[5]?.tsMs ?? 0, segments: { bench: "segment-3" }, traits: { city: "Zürich" } },
};
/** With a repeat, which neither side may count. */
const events = [...behaviours.slice(0, 400), identify, ...behaviours.slice(398)];

/** The engine's own fold, with the same encoder and profiles in force. */
function byEngine() {
  const encoder = linearEncoder(decodeArtefact(release.encoder), FEATURES);
  const source = memoryContextStore();
  const state = { shard: 0, features: FEATURES, encoder, source, residentUsers: 1_000_000, ringEvents: 8 };
  const shard = newShardState(state);
  const published = release.profiles.map(decodeProfiles);
  const scorers = published.map(prepareScorer);
  const maps = published.map(({ map, mode, profiles, threshold }) => {
    const window = { bucketMs: 86_400_000, buckets: 30 };
    return {
      name: map,
      mode,
      segments: profiles.map(({ segment }) => ({ name: segment })),
      window,
      threshold,
    };
  });
  useDefinitions(shard, { version: 1, maps });
  useScorers(shard, scorers);
  const outcome = emptyOutcome();
  const last: Float64Array[] = [];
  for (const [i, entry] of events.entries()) {
    foldBatch(shard, [{ sequence: i + 1, loggedAtMs: 0, entry }], outcome);
    last.push(Float64Array.from(shard.scratch.scores[0]?.probabilities ?? []));
  }
  return { contexts: [...outcome.touched], transitions: outcome.transitions, probabilities: last };
}

/** The pipeline's. */
function byPeer() {
  const fold = new PeerFold(release);
  const contexts = new Map<string, Context>();
  const transitions: PeerTransition[] = [];
  let repeats = 0;
  const probabilities = events.map((behaviour) => {
    const context = contexts.get(behaviour.user) ?? fold.newContext(behaviour.user);
    contexts.set(behaviour.user, context);
    if (!fold.apply(context, behaviour, transitions)) repeats++;
    return Float64Array.from(fold.probabilities[0] ?? []);
  });
  return { contexts, transitions, probabilities, repeats };
}

test("the pipeline computes what the engine computes: contexts, scores of each event, and transitions", () => {
  const [engine, peer] = [byEngine(), byPeer()];
  expect(peer.contexts.size).toBe(engine.contexts.length);
  for (const theirs of engine.contexts) {
    const ours = peer.contexts.get(theirs.user);
    for (const key of [
      "slab",
      "mask",
      "events",
      "firstTsMs",
      "lastTsMs",
      "authenticated",
      "resonating",
      "labels",
      "traits",
    ] as const)
      expect(ours?.[key]).toEqual(theirs[key]);
    expect(ours?.seen.hashes).toEqual(theirs.seen.hashes);
  }
  expect(peer.probabilities).toEqual(engine.probabilities);
  const known = engine.transitions.map(({ id: _, at: __, ...rest }) => rest);
  expect(peer.transitions).toEqual(known);
  expect(known.length).toBeGreaterThan(0);
});

test("a repeated event has no effect on either side", () => {
  expect(byPeer().repeats).toBe(2);
});
