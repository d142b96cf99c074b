import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { readEventsFile } from "../../src/cli/read-events-file.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import type { History } from "../../src/embedding/encoder.ts";
import { decodeArtefact } from "../../src/embedding/linear-artefact.ts";
import { encodeEntry } from "../../src/events/log-codec.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { parseEvent } from "../../src/events/parse-event.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import { toFeatureEvent } from "../../src/features/to-feature-event.ts";
import { DEFAULT_CONSENT } from "../../src/gateway/consent-policy.ts";
import { ContextReader } from "../../src/gateway/context-reader.ts";
import { toBehaviour } from "../../src/gateway/to-behaviour.ts";
import { hash32 } from "../../src/kernel/hash.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { encodeProfiles } from "../../src/profiles/profiles-codec.ts";
import { fitRelease } from "../../src/resonance/fit-release.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import type { PeerEvent } from "./open-peer.ts";
import type { PeerRelease } from "./peer-fold.ts";

const CONTEXTS = new ContextReader();

/** What the pipeline can be run with where no engine is at hand. */
export type Material = Readonly<{ origin: string; events: readonly PeerEvent[]; release: PeerRelease }>;

const SEED = 42;
const DIM = 32;
const FIT_EVENTS = 60_000;
const DAY_MS = 86_400_000;

/** Events of the Globo data set if it is there, else of the simulated shop. */
export async function standAloneMaterial(events: number, segments: number): Promise<Material> {
  const path = fileURLToPath(new URL("../../../shared/data/globo.events.jsonl.gz", import.meta.url));
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  const behaviours = isThere ? await recorded(path, events) : simulated(events);
  const origin = isThere ? "globo" : "simulated shop (no ../shared/data/globo.events.jsonl.gz here)";
  return {
    origin,
    events: behaviours.map(eventOf),
    release: fitted(behaviours.slice(0, FIT_EVENTS), segments),
  };
}

/** Behaviours of the simulated shop, the same ones each time. */
export function simulated(count: number): Behaviour[] {
  const shop = shopSimulator({ seed: SEED, visitors: 20_000, startMs: 20_000 * DAY_MS, memberShare: 0 });
  return Array.from({ length: count }, () => behaviourOf(toWire(shop.next())));
}

/** An event as the pipeline is given it. */
export function eventOf(behaviour: Behaviour): PeerEvent {
  return { user: behaviour.user, data: encodeEntry(behaviour) };
}

/** An encoder fitted on some behaviours, labelled by their users' first item, and profiles in random directions. */
export function fitted(behaviours: readonly Behaviour[], segments: number, enter = 0.5): PeerRelease {
  const map: SegmentMap = {
    name: "bench",
    mode: "exclusive",
    segments: Array.from({ length: segments }, (_, k) => ({ name: `segment-${k}` })),
    window: { bucketMs: DAY_MS, buckets: 30 },
    threshold: { enter, minEvidence: 1 },
  };
  const options = { seed: 1, dimMin: DIM, dimMax: DIM, usersMax: 5_000, samplesMax: 5_000 };
  const release = fitRelease(historiesOf(behaviours, segments), [map], FEATURES, options);
  const { dim } = decodeArtefact(release.artefact);
  const random = seededRandom(SEED);
  const profiles = map.segments.map(({ name }) => {
    const centroid = Float32Array.from({ length: dim }, () => (random() - 0.5) / Math.sqrt(dim));
    return { segment: name, members: 10, centroid };
  });
  const [calibration] = release.calibrations;
  if (calibration === undefined) throw new Error("a fit has a calibration for each map");
  const published: PublishedProfiles = {
    ...{ map: map.name, mode: map.mode, version: 1, encoder: release.version, dim },
    ...{ watermarkMs: 0, profiles, background: 0, calibration, threshold: map.threshold },
  };
  return { encoder: release.artefact, profiles: [encodeProfiles(published)] };
}

function historiesOf(behaviours: readonly Behaviour[], segments: number): History[] {
  const byUser = new Map<string, { label: string; events: FeatureEvent[] }>();
  for (const behaviour of behaviours) {
    const label = `segment-${hash32(behaviour.item ?? behaviour.type, SEED) % segments}`;
    const held = byUser.get(behaviour.user) ?? { label, events: [] };
    held.events.push(toFeatureEvent(behaviour));
    byUser.set(behaviour.user, held);
  }
  return [...byUser].map(([user, { label, events }]) => ({ user, labels: { bench: label }, events }));
}

async function recorded(path: string, count: number): Promise<Behaviour[]> {
  const behaviours: Behaviour[] = [];
  for await (const line of await readEventsFile(path)) {
    if (line.kind === "bad") continue;
    behaviours.push(behaviourOf(line.value));
    if (behaviours.length === count) break;
  }
  return behaviours;
}

function behaviourOf(input: unknown): Behaviour {
  const parsed = parseEvent(input, Number.MAX_SAFE_INTEGER);
  if (parsed.kind === "refused") throw new Error(`${parsed.code}: ${parsed.message}`);
  const behaviour = toBehaviour(parsed.event, DEFAULT_CONSENT, () => undefined, CONTEXTS);
  if (behaviour === undefined) throw new Error("nothing of an event may be stored");
  return behaviour;
}
