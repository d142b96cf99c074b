import { encodeEntry } from "../events/log-codec.ts";
import { encodeProfileControl } from "../events/profile-control.ts";
import { parseDefinitions } from "../resonance/parse-definitions.ts";
import type { SegmentDefinitions, SegmentMap } from "../resonance/segment-map.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";
import { fieldsOf, refused } from "./request-body.ts";

const CURRENT = "segments.current";

/** The definitions in force, as the store holds them; version 0 before any. */
export async function readDefinitionsInForce(ports: GatewayPorts): Promise<SegmentDefinitions> {
  const current = await readJson<{ version: number }>(ports, CURRENT);
  const held =
    current === undefined
      ? undefined
      : await readJson<SegmentDefinitions>(ports, `segments.${current.version}`);
  return held ?? { version: 0, maps: [] };
}

/**
 * Puts definitions in force under the next version, through every shard's log. Unchanged ones keep their version.
 *
 * @returns The definitions in force after that.
 */
export async function putDefinitions(
  ports: GatewayPorts,
  options: GatewayOptions,
  maps: readonly SegmentMap[],
): Promise<SegmentDefinitions> {
  const held = await readDefinitionsInForce(ports);
  if (JSON.stringify(held.maps) === JSON.stringify(maps)) {
    if (held.version > 0) await announce(ports, options, held.version); // A crash may have come before this.
    return held;
  }
  const next = await firstFreeVersion(ports, held.version + 1, maps);
  const { version } = next;
  await ports.releases.put(CURRENT, new TextEncoder().encode(JSON.stringify({ version })));
  await announce(ports, options, version);
  return next;
}

/** Writes definitions under the next version that no other gateway has taken at the same moment. */
async function firstFreeVersion(
  ports: GatewayPorts,
  from: number,
  maps: readonly SegmentMap[],
): Promise<SegmentDefinitions> {
  for (let version = from; ; version++) {
    const next: SegmentDefinitions = { version, maps };
    const bytes = new TextEncoder().encode(JSON.stringify(next));
    if (await ports.releases.create(`segments.${version}`, bytes)) return next;
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
async function announce(ports: GatewayPorts, options: GatewayOptions, version: number): Promise<void> {
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

async function readJson<T>(ports: GatewayPorts, key: string): Promise<T | undefined> {
  const bytes = await ports.releases.get(key);
  return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as T);
}
