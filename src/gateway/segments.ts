import { raisePointer } from "../actors/raise-pointer.ts";
import { encodeEntry } from "../events/log-codec.ts";
import { encodeProfileControl } from "../events/profile-control.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import { parseDefinitions } from "../resonance/parse-definitions.ts";
import type { SegmentDefinitions, SegmentMap } from "../resonance/segment-map.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";

/** What definitions need of the gateway's ports. */
type SegmentPorts = Pick<GatewayPorts, "log" | "releases" | "subjects">;

const SEGMENTS = "segments";

/** The definitions in force, as the store holds them; version 0 before any. */
export async function readDefinitionsInForce(ports: SegmentPorts): Promise<SegmentDefinitions> {
  const current = await readJson<{ version: number }>(ports, `${SEGMENTS}.current`);
  const held =
    current === undefined
      ? undefined
      : await readJson<SegmentDefinitions>(ports, `${SEGMENTS}.${current.version}`);
  return held ?? { version: 0, maps: [] };
}

/**
 * Puts definitions in force under the next version, through every shard's log. Unchanged ones keep their version.
 *
 * @returns The definitions in force after that.
 */
export async function putDefinitions(
  ports: SegmentPorts,
  options: Pick<GatewayOptions, "shards">,
  maps: readonly SegmentMap[],
): Promise<SegmentDefinitions> {
  const held = await readDefinitionsInForce(ports);
  if (JSON.stringify(held.maps) === JSON.stringify(maps)) {
    if (held.version > 0) await announce(ports, options, held.version); // A crash may have come before this.
    return held;
  }
  const next = await takeVersion(ports, held.version + 1, maps);
  await raisePointer(ports.releases, SEGMENTS, next.version);
  await announce(ports, options, next.version);
  return next;
}

/** Writes definitions under the next version, unless another gateway has written the same at the same moment. */
async function takeVersion(
  ports: SegmentPorts,
  from: number,
  maps: readonly SegmentMap[],
): Promise<SegmentDefinitions> {
  for (let version = from; ; version++) {
    const next: SegmentDefinitions = { version, maps };
    const bytes = new TextEncoder().encode(JSON.stringify(next));
    if (await ports.releases.create(`${SEGMENTS}.${version}`, bytes)) return next;
    const taken = await readJson<SegmentDefinitions>(ports, `${SEGMENTS}.${version}`);
    if (JSON.stringify(taken?.maps) !== JSON.stringify(maps)) continue;
    const isNewest = (await ports.releases.get(`${SEGMENTS}.${version + 1}`)) === undefined;
    if (taken !== undefined && isNewest) return taken;
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
  return definitions;
}

/** Tells every shard, and the profile actor, whose window and segments these are. */
async function announce(
  ports: SegmentPorts,
  options: Pick<GatewayOptions, "shards">,
  version: number,
): Promise<void> {
  const data = encodeEntry({ kind: "segments-activated", version });
  const shards = Array.from({ length: options.shards }, (_, shard) => shard);
  const control = encodeProfileControl({ control: "definitions", version });
  await ports.log.append(ports.subjects.samples, [{ id: `definitions:${version}`, data: control }]);
  await Promise.all(
    shards.map((shard) =>
      ports.log.append(ports.subjects.shardLog(shard), [{ id: `segments:${version}:${shard}`, data }]),
    ),
  );
}

async function readJson<T>(ports: SegmentPorts, key: string): Promise<T | undefined> {
  const bytes = await ports.releases.get(key);
  return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as T);
}
