import { raisePointer, readCurrent } from "../actors/raise-pointer.ts";
import { readJson } from "../actors/read-json.ts";
import { encodeProfileControl } from "../events/profile-control.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import { parseDefinitions } from "../resonance/parse-definitions.ts";
import {
  ledgerKey,
  newLedgerKey,
  type SegmentDefinitions,
  type SegmentMap,
} from "../resonance/segment-map.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";
import { tellShards } from "./tell-shards.ts";

/** What definitions need of the gateway's ports. */
type SegmentPorts = Pick<GatewayPorts, "log" | "releases" | "subjects">;

const SEGMENTS = "segments";

/** The definitions in force, as the store holds them; version 0 before any. */
export async function readDefinitionsInForce(ports: SegmentPorts): Promise<SegmentDefinitions> {
  return (await readCurrent<SegmentDefinitions>(ports.releases, SEGMENTS)) ?? { version: 0, maps: [] };
}

/** What came of putting definitions. */
export type PutDefinitions = Readonly<{
  definitions: SegmentDefinitions;
  /** Whether profiles are built for them first: until then those before stay in force. */
  isWarming: boolean;
}>;

/**
 * Gives definitions the next version. The first ones, and those for which no profiles have to be built, are in force at
 * once; for others the profiles are built beside those in force, and the profile actor switches when all are there.
 * Unchanged ones keep their version.
 */
export async function putDefinitions(
  ports: SegmentPorts,
  options: Pick<GatewayOptions, "shards">,
  maps: readonly SegmentMap[],
): Promise<PutDefinitions> {
  const held = await readDefinitionsInForce(ports);
  const newest = await newestFrom(ports, held);
  const isUnchanged = JSON.stringify(newest.maps) === JSON.stringify(maps);
  if (isUnchanged && newest.version === 0) return { definitions: newest, isWarming: false };
  const next = isUnchanged ? newest : await takeVersion(ports, newest, maps);
  const isWarming = needsProfiles(held, next);
  // Also what is unchanged: a crash may have come before this.
  if (isWarming) await prepare(ports, options, next.version);
  else {
    await raisePointer(ports.releases, SEGMENTS, next.version);
    await announce(ports, options, next.version);
  }
  return { definitions: next, isWarming };
}

/** The definitions that were put last: in force, or on their way. */
async function newestFrom(ports: SegmentPorts, held: SegmentDefinitions): Promise<SegmentDefinitions> {
  for (let newest = held; ; ) {
    const next = await readJson<SegmentDefinitions>(ports.releases, `${SEGMENTS}.${newest.version + 1}`);
    if (next === undefined) return newest;
    newest = next;
  }
}

/** Whether a map of the next definitions has members that no profiles in force were made of. */
function needsProfiles(held: SegmentDefinitions, next: SegmentDefinitions): boolean {
  if (held.version === 0) return false; // There is nothing that could go on serving meanwhile.
  const keys = new Set(held.maps.map(({ name }) => ledgerKey(held, name)));
  return next.maps.some(({ name }) => !keys.has(ledgerKey(next, name)));
}

/** The keys of maps that follow others: the same where members and window are. */
function keysAfter(
  before: SegmentDefinitions,
  maps: readonly SegmentMap[],
  version: number,
): SegmentDefinitions["keys"] {
  const keys: Record<string, string> = {};
  for (const map of maps) {
    const { name } = map;
    const was = before.maps.find((other) => other.name === name);
    const isSame = was !== undefined && membershipOf(was) === membershipOf(map);
    const key = isSame ? ledgerKey(before, name) : newLedgerKey(name, version);
    if (before.version > 0 && key !== name) keys[name] = key;
  }
  return keys;
}

/** What a map's sums follow from beside the samples; a cap on contributions has to be kept from the first one on. */
function membershipOf({ segments, window, privacy }: SegmentMap): string {
  const members = segments.map(({ name, rule }) => ({ name, rule })); // A threshold says nothing of who is one.
  return JSON.stringify([members, window, privacy?.contributions]);
}

/** Writes definitions under the next version, unless another gateway has written the same at the same moment. */
async function takeVersion(
  ports: SegmentPorts,
  newest: SegmentDefinitions,
  maps: readonly SegmentMap[],
): Promise<SegmentDefinitions> {
  for (let before = newest; ; ) {
    const version = before.version + 1;
    const keys = keysAfter(before, maps, version) ?? {};
    const next = { version, maps, ...(Object.keys(keys).length === 0 ? {} : { keys }) };
    const bytes = new TextEncoder().encode(JSON.stringify(next));
    if (await ports.releases.create(`${SEGMENTS}.${version}`, bytes)) return next;
    const taken = await readJson<SegmentDefinitions>(ports.releases, `${SEGMENTS}.${version}`);
    if (taken === undefined) continue;
    before = taken;
    if (JSON.stringify(taken.maps) !== JSON.stringify(maps)) continue;
    const isNewest = (await ports.releases.get(`${SEGMENTS}.${version + 1}`)) === undefined;
    if (isNewest) return taken;
  }
}

/**
 * The maps in the body of `segments.put`.
 *
 * @throws EngineError `BAD_SEGMENTS`.
 */
export function definedMaps(body: unknown): readonly SegmentMap[] {
  const parsed = parseDefinitions(body);
  if (parsed.kind === "refused") throw refused(parsed);
  return parsed.maps;
}

/** `segments.get`. */
export function getSegments(definitions: SegmentDefinitions, body: unknown): SegmentDefinitions {
  fieldsOf(body, []);
  return { version: definitions.version, maps: definitions.maps };
}

/** Asks every shard for its members under definitions that are to follow, and the profile actor to build their profiles. */
async function prepare(
  ports: SegmentPorts,
  options: Pick<GatewayOptions, "shards">,
  version: number,
): Promise<void> {
  const { log, subjects } = ports;
  const shards = { from: subjects.outputKey(0), count: options.shards };
  const control = encodeProfileControl({ control: "definitions-prepared", version, shards });
  const id = `definitions-prepared:${version}:${subjects.generation}`;
  await log.append(subjects.samples, [{ id, data: control }]);
  await tellShards(ports, options, `segments-prepared:${version}`, { kind: "segments-prepared", version });
}

/** Tells every shard, and the profile actor, whose window and segments these are. */
async function announce(
  ports: SegmentPorts,
  options: Pick<GatewayOptions, "shards">,
  version: number,
): Promise<void> {
  const control = encodeProfileControl({ control: "definitions", version });
  await ports.log.append(ports.subjects.samples, [{ id: `definitions:${version}`, data: control }]);
  await tellShards(ports, options, `segments:${version}`, { kind: "segments-activated", version });
}
