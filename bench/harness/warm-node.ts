import { type Deployment, untilFolded } from "./deployment.ts";
import type { EventStream } from "./event-source.ts";
import { ingestRequests } from "./ingest-requests.ts";
import { runLoad } from "./load-process.ts";
import type { ScenarioContext } from "./scenario.ts";
import { scoreRequests } from "./score-requests.ts";

const EVENTS_A_REQUEST = 100;
const IN_FLIGHT = 32;

/** Gives a node that has just started what it will be measured with, so that its code is compiled by then. */
export async function warmNode(
  { sizes, progress }: Pick<ScenarioContext, "sizes" | "progress">,
  deployment: Deployment,
  events: EventStream,
): Promise<void> {
  progress("warm-up of the node");
  const { url, prefix } = deployment;
  const sent = await events.take(Math.ceil(sizes.ingestEvents / 5));
  const ingesting = ingestRequests(prefix, sent, EVENTS_A_REQUEST, "application/json");
  const asked = { kind: "closed", url, inFlight: IN_FLIGHT, warmUpMs: 0 } as const;
  await runLoad({ ...asked, requests: ingesting });
  await untilFolded(deployment.client);
  const requests = scoreRequests(deployment, "gateway");
  await runLoad({ ...asked, requests, durationMs: 2 * sizes.warmUpMs });
}
