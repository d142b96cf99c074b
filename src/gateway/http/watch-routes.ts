import type { AdminRoute } from "./admin-route.ts";
import { type HealthSource, healthRoutes } from "./health-routes.ts";

/** What watches a node: its health, and its metrics in Prometheus' text format. None of it is about any user. */
export function watchRoutes(
  health: HealthSource,
  metrics: Readonly<{ text(): Promise<string>; contentType: string }>,
): readonly AdminRoute[] {
  const anyone = { role: "anyone" } as const;
  const { contentType } = metrics;
  const exposed = async () => ({ body: new TextEncoder().encode(await metrics.text()), contentType });
  return [
    ...healthRoutes(health).map((route) => ({ ...route, ...anyone })),
    { method: "GET", path: "/metrics", ...anyone, answer: exposed },
  ];
}
