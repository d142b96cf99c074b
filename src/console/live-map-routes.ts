import { type AdminRoute, jsonReply } from "../gateway/http/admin-route.ts";
import type { ScoreReply } from "../gateway/score.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { SegmentDefinitions } from "../resonance/segment-map.ts";
import { askGateway, type GatewayHandlers } from "./ask-gateway.ts";
import type { LiveMaps } from "./live-map.ts";

/** A map that can be looked at, as the page lists it. */
export type MapListing = Readonly<{
  map: string;
  mode: "exclusive" | "independent";
  segments: readonly string[];
}>;

/** A visitor of the picture, whom a reader may see: who they are, and their distribution now. */
export type VisitorReply = Readonly<{ user: string; answer: ScoreReply }>;

/** The live picture of a map, and who is behind a point of it. */
export function liveMapRoutes(handlers: GatewayHandlers, live: LiveMaps): readonly AdminRoute[] {
  const definitions = () => askGateway<SegmentDefinitions>(handlers, "segments.get", {});
  return [
    {
      method: "GET",
      path: "/console/v1/maps",
      role: "reader",
      async answer() {
        const { maps } = await definitions();
        const listed = maps.map(
          ({ name, mode, segments }): MapListing => ({
            map: name,
            mode,
            segments: segments.map((segment) => segment.name),
          }),
        );
        return jsonReply({ maps: listed });
      },
    },
    {
      method: "GET",
      path: "/console/v1/live/:map",
      role: "reader",
      async stream({ params }, feed) {
        const { maps } = await definitions();
        const map = maps.find(({ name }) => name === params["map"]);
        if (map === undefined) throw unknownMap(maps.map(({ name }) => name));
        await live.watch(map.name, map.mode, {
          plane: (frame) => feed.send("plane", frame),
          points: (frame) => feed.send("points", frame),
          ended: feed.ended,
        });
      },
    },
    {
      method: "GET",
      path: "/console/v1/live/:map/visitor/:number",
      role: "reader",
      async answer({ params: { map = "", number = "" } }) {
        const user = live.userOf(map, Number(number));
        if (user === undefined) throw gone();
        const answer = await askGateway<ScoreReply>(handlers, "score", { user, map });
        return jsonReply({ user, answer } satisfies VisitorReply);
      },
    },
  ];
}

function unknownMap(known: readonly string[]): EngineError<"UNKNOWN_MAP"> {
  const message = `no such map is defined: ${known.join(", ") || "none is"}`;
  return new EngineError({ code: "UNKNOWN_MAP", message, retryable: false });
}

function gone(): EngineError<"VISITOR_GONE"> {
  const message = "the visitor is not on the map any more: nothing was heard of them for a while";
  return new EngineError({ code: "VISITOR_GONE", message, retryable: false });
}
