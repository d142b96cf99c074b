import { snippetScript } from "./adapters/snippet-script.ts";
import { cloudEventsRoutes } from "./gateway/cloudevents/cloud-events-routes.ts";
import type { Gateway } from "./gateway/gateway.ts";
import type { HttpRoute } from "./gateway/http/http-route.ts";
import { DEFAULT_CATEGORIES } from "./gateway/segment-api/message-consent.ts";
import { segmentRoutes } from "./gateway/segment-api/segment-routes.ts";
import { snippetRoutes } from "./gateway/snippet/snippet-routes.ts";
import type { Clock } from "./kernel/clock.ts";
import type { Report } from "./kernel/report.ts";
import type { HttpOptions } from "./node-options.ts";

/** Routes of the HTTP intake for clients that speak other words than `ingest`: Segment's, CloudEvents, the script for pages. */
export function clientRoutes(
  gateway: Gateway,
  http: HttpOptions | undefined,
  clock: Clock,
  report: Report,
): readonly HttpRoute[] {
  const nowMs = (): number => clock.nowMs();
  const categories = { ...DEFAULT_CATEGORIES, ...http?.consentCategories };
  return [
    ...segmentRoutes({ intake: gateway.intake("segment"), nowMs, categories }),
    ...cloudEventsRoutes({ intake: gateway.intake("cloudevents"), nowMs }),
    ...snippetRoutes({ intake: gateway.intake("snippet"), nowMs, script: snippetScript(report) }),
  ];
}
