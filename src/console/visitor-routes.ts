import { type AdminRoute, jsonReply } from "../gateway/http/admin-route.ts";
import type { VisitorLens } from "../gateway/visitor-lens.ts";
import { noSegments } from "../resonance/score-request.ts";
import type { ConsolePorts } from "./console-ports.ts";
import { countIn, namedIn } from "./read-query.ts";
import { definitionsNow } from "./segment-routes.ts";

/** What `GET /console/v1/visitor` answers. */
export type VisitorView = VisitorLens & Readonly<{ map: string; maps: readonly string[] }>;

/** Events that the lens tells one by one. */
const EVENTS_TOLD = 50;

/** The visitor lens: `GET /console/v1/visitor?user=&map=&done=`, with `done` the number of the event that is taken apart. */
export function visitorRoutes(ports: Pick<ConsolePorts, "ask" | "lookAtVisitor">): readonly AdminRoute[] {
  return [
    {
      method: "GET",
      path: "/console/v1/visitor",
      role: "reader",
      async answer({ query }) {
        const user = namedIn(query, "user");
        const done = countIn(query, "done");
        const { maps } = await definitionsNow(ports);
        const map = query["map"] ?? maps[0]?.name;
        if (map === undefined) throw noSegments();
        const events = EVENTS_TOLD;
        const lens = await ports.lookAtVisitor({
          user,
          map,
          events,
          ...(done === undefined ? {} : { done }),
        });
        const view: VisitorView = { ...lens, map, maps: maps.map(({ name }) => name) };
        return jsonReply(view);
      },
    },
  ];
}
