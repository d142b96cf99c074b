import { type Deployment, untilFolded } from "./deployment.ts";
import type { EventStream } from "./event-source.ts";
import { whileIngesting } from "./ingest-load.ts";
import type { ScenarioContext } from "./scenario.ts";
import { scoreRequests } from "./score-requests.ts";

const IN_FLIGHT = 16;

/** Gives a node that has just started what it will be measured with, so that its code is compiled by then. */
export async function warmNode(
  { options, sizes, progress }: Pick<ScenarioContext, "options" | "sizes" | "progress">,
  deployment: Deployment,
  events: EventStream,
): Promise<void> {
  progress("warm-up of the node");
  const { url } = deployment;
  const durationMs = sizes.warmNodeMs / 2;
  const beside = { eventsPerSecond: options.rate, besideMs: durationMs };
  for (const way of ["gateway", "shard"] as const) {
    const requests = scoreRequests(deployment, way);
    const asked = { kind: "closed", url, requests, inFlight: IN_FLIGHT, warmUpMs: 0, durationMs } as const;
    await whileIngesting(deployment, events, beside, (load) => load.run(asked));
    await untilFolded(deployment.client);
  }
}
