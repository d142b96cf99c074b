import type { AdminRoute } from "../gateway/http/admin-route.ts";
import type { ConsolePorts } from "./console-ports.ts";
import { experimentRoutes } from "./experiment-routes.ts";
import { letterRoutes } from "./letter-routes.ts";
import { segmentRoutes } from "./segment-routes.ts";
import { stateRoutes } from "./state-routes.ts";
import { visitorRoutes } from "./visitor-routes.ts";

/** What the pages of the console ask beside the live map. */
export function consoleViewRoutes(ports: ConsolePorts): readonly AdminRoute[] {
  return [
    ...visitorRoutes(ports),
    ...segmentRoutes(ports),
    ...experimentRoutes(ports),
    ...stateRoutes(ports),
    ...letterRoutes(ports),
  ];
}
