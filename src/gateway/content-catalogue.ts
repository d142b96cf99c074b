import { raisePointer, readCurrent } from "../actors/raise-pointer.ts";
import { readJson } from "../actors/read-json.ts";
import { takeVersion } from "../actors/take-version.ts";
import type { Content, ContentCatalogue, Placement } from "../content/catalogue.ts";
import { parseCatalogue } from "../content/parse-catalogue.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";
import { tellShards } from "./tell-shards.ts";

type CataloguePorts = Pick<GatewayPorts, "log" | "releases" | "subjects">;

/** What a catalogue is before it has a version. */
export type GivenCatalogue = Omit<ContentCatalogue, "version">;

const CONTENT = "content";
/** Before any catalogue is put. */
export const NO_CATALOGUE: ContentCatalogue = { version: 0, placements: [], contents: [] };

/** The catalogue of a version; undefined if there is none. */
export function readCatalogue(
  { releases }: Pick<CataloguePorts, "releases">,
  version: number,
): Promise<ContentCatalogue | undefined> {
  return readJson<ContentCatalogue>(releases, `${CONTENT}.${version}`);
}

/** The catalogue in force, as the store holds it. */
export async function readCatalogueInForce(
  ports: Pick<CataloguePorts, "releases">,
): Promise<ContentCatalogue> {
  return (await readCurrent<ContentCatalogue>(ports.releases, CONTENT)) ?? NO_CATALOGUE;
}

/**
 * Gives a catalogue the next version and tells every shard's log, from where it is in force. An unchanged one keeps its
 * version; it is announced again, since a crash may have come before that.
 */
export async function putCatalogue(
  ports: CataloguePorts,
  options: Pick<GatewayOptions, "shards">,
  given: GivenCatalogue,
): Promise<ContentCatalogue> {
  const newest = await readCatalogueInForce(ports);
  const next = await takeVersion(ports.releases, CONTENT, newest, (held) =>
    isSame(held, given) ? undefined : { version: held.version + 1, ...given },
  );
  if (next.version === 0) return next;
  await raisePointer(ports.releases, CONTENT, next.version);
  const { version } = next;
  await tellShards(ports, options, `content:${version}`, { kind: "content-activated", version });
  return next;
}

function isSame({ placements, contents }: ContentCatalogue, given: GivenCatalogue): boolean {
  return JSON.stringify([placements, contents]) === JSON.stringify([given.placements, given.contents]);
}

/**
 * The catalogue in the body of `content.put`.
 *
 * @param maps - Names of the maps that are defined.
 * @throws EngineError `BAD_CONTENT`.
 */
export function givenCatalogue(body: unknown, maps: readonly string[]): GivenCatalogue {
  const parsed = parseCatalogue(body, maps);
  if (parsed.kind === "refused") throw refused(parsed);
  return parsed.catalogue;
}

/** The reply of `content.get`: the catalogue in the words that `content.put` takes, durations and times in ms. */
export type CatalogueReply = Readonly<{
  version: number;
  placements: readonly (Omit<Placement, "timeoutMs"> & Readonly<{ timeout: number }>)[];
  items: readonly (Omit<Content, "fromMs" | "untilMs" | "cap"> &
    Readonly<{ from?: number; until?: number; cap?: Readonly<{ impressions: number; per: number }> }>)[];
}>;

/** `content.get`. */
export function getCatalogue(
  { version, placements, contents }: ContentCatalogue,
  body: unknown,
): CatalogueReply {
  fieldsOf(body, []);
  return {
    version,
    placements: placements.map(({ timeoutMs, ...rest }) => ({ ...rest, timeout: timeoutMs })),
    items: contents.map(({ fromMs, untilMs, cap, ...rest }) => ({
      ...rest,
      ...(fromMs === undefined ? {} : { from: fromMs }),
      ...(untilMs === undefined ? {} : { until: untilMs }),
      ...(cap === undefined ? {} : { cap: { impressions: cap.impressions, per: cap.perMs } }),
    })),
  };
}
