import type { BusReply, BusRequest } from "../actors/bus.ts";
import { contentTypeOf, decodeRequest, encodeReply } from "../events/decode-request.ts";
import { toWireError } from "../kernel/engine-error.ts";
import type { SegmentDefinitions, SegmentMap } from "../resonance/segment-map.ts";
import { shardAsker } from "./ask-shard.ts";
import { describeProfiles } from "./describe-profiles.ts";
import { countUp, type GatewayCounters, type GatewayOptions, type GatewayPorts } from "./gateway-ports.ts";
import { ingest } from "./ingest.ts";
import { refused } from "./request-body.ts";
import { score, scoreBatch, scoreSession } from "./score.ts";
import { definedMaps, getSegments, putDefinitions, readDefinitionsInForce } from "./segments.ts";
import { status } from "./status.ts";

/** The public endpoints, by the name behind `<prefix>.v1.`; a socket mounts them. */
export type Gateway = Readonly<{
  handlers: Readonly<Record<string, (request: BusRequest) => Promise<BusReply>>>;
  counters: GatewayCounters;
  /** Reads the definitions in force again: they may have been put through another gateway. */
  refreshDefinitions(): Promise<void>;
  /** Puts definitions in force, as `segments.put` does. */
  putDefinitions(maps: readonly SegmentMap[]): Promise<void>;
}>;

/** A gateway: it validates, routes, and answers; it keeps nothing of any user. */
export function createGateway(ports: GatewayPorts, options: GatewayOptions): Gateway {
  const counters: GatewayCounters = { requests: {}, errors: {}, accepted: 0, refused: {}, dropped: {} };
  let definitions: SegmentDefinitions = { version: 0, maps: [] };
  const take = (read: SegmentDefinitions): void => {
    if (read.version >= definitions.version) definitions = read; // A slow read must not undo a newer put.
  };
  let lastPut: Promise<unknown> = Promise.resolve();
  /** One after the other: two puts at once would give one version to two contents. */
  const put = (maps: readonly SegmentMap[]): Promise<SegmentDefinitions> => {
    const done = lastPut.then(async () => {
      const next = await putDefinitions(ports, options, maps);
      take(next);
      return next;
    });
    lastPut = done.catch(() => undefined); // Its own caller is told; the next put starts afresh.
    return done;
  };
  const scoring = { ...ports, askShard: shardAsker(ports) };
  let sessions = 0;
  const nextShard = (): number => sessions++ % options.shards;
  const firstMap = (): string | undefined => definitions.maps[0]?.name;
  const endpoints: Readonly<Record<string, (body: unknown) => Promise<unknown>>> = {
    ingest: (body) => ingest(ports, options, counters, body),
    score: (body) => score(scoring, options, firstMap(), body),
    "score.batch": (body) => scoreBatch(scoring, options, firstMap(), body),
    "score.session": (body) => scoreSession(scoring, nextShard, counters, firstMap(), body),
    profiles: (body) => describeProfiles(ports, definitions.maps, body),
    status: (body) => status(ports, options, counters, body),
    "segments.get": async (body) => getSegments(definitions, body),
    "segments.put": async (body) => ({ version: (await put(definedMaps(body))).version }),
  };
  const handlers = Object.fromEntries(
    Object.entries(endpoints).map(([name, answer]) => [
      name,
      (request: BusRequest) => handle(name, answer, counters, request),
    ]),
  );
  return {
    handlers,
    counters,
    async refreshDefinitions() {
      take(await readDefinitionsInForce(ports));
    },
    async putDefinitions(maps) {
      await put(maps);
    },
  };
}

/** Decodes, answers and encodes in the request's own content type; a failure is an error reply with its code. */
async function handle(
  name: string,
  answer: (body: unknown) => Promise<unknown>,
  counters: GatewayCounters,
  request: BusRequest,
): Promise<BusReply> {
  countUp(counters.requests, name);
  const type = contentTypeOf(request.contentType);
  const contentType = typeof type === "string" ? type : "application/json";
  try {
    if (typeof type !== "string") throw refused(type);
    const decoded = decodeRequest(request.data, type);
    if (decoded.kind === "refused") throw refused(decoded);
    return { data: encodeReply(await answer(decoded.value), contentType), contentType };
  } catch (thrown) {
    const error = toWireError(thrown);
    countUp(counters.errors, error.code);
    return { data: encodeReply(error, contentType), contentType, error };
  }
}
