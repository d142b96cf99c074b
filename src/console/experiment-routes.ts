import { type AdminRoute, jsonReply } from "../gateway/http/admin-route.ts";
import type { ConsolePorts } from "./console-ports.ts";
import { namedIn } from "./read-query.ts";

/** Experiments: all of them, one's report with its intervals over time, and its end. */
export function experimentRoutes({ ask }: Pick<ConsolePorts, "ask">): readonly AdminRoute[] {
  const path = "/console/v1/experiments";
  return [
    {
      method: "GET",
      path,
      role: "reader",
      answer: async () => jsonReply(await ask("experiments.status", {})),
    },
    {
      method: "GET",
      path: `${path}/:experiment`,
      role: "reader",
      answer: async ({ params }) =>
        jsonReply(await ask("experiments.report", { experiment: namedIn(params, "experiment") })),
    },
    {
      method: "POST",
      path: `${path}/:experiment/stop`,
      role: "operator",
      answer: async ({ params }) =>
        jsonReply(await ask("experiments.stop", { experiment: namedIn(params, "experiment") })),
    },
  ];
}
