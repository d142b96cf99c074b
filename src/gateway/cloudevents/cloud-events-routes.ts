import { refused } from "../../events/request-body.ts";
import { toWireError } from "../../kernel/engine-error.ts";
import type { HttpReply, HttpRequest, HttpRoute } from "../http/http-route.ts";
import { type Intake, takeItems } from "../intake.ts";
import { readCloudEvents } from "./read-cloud-events.ts";

/** What the route needs. */
export type CloudEventsParts = Readonly<{
  intake: Intake;
  /** The gateway's time, epoch ms. */
  nowMs(): number;
}>;

const JSON_TYPE = "application/json";

/** `POST /v1/cloudevents`: CloudEvents 1.0 in binary, structured and batch mode. */
export function cloudEventsRoutes(parts: CloudEventsParts): readonly HttpRoute[] {
  const answer = (request: HttpRequest): Promise<HttpReply> => taken(parts, request);
  return [{ method: "POST", path: "/v1/cloudevents", role: "producer", answer }];
}

/** One that is refused fails its request, as those who send them read the status alone; of a batch each is told apart. */
async function taken({ intake, nowMs }: CloudEventsParts, request: HttpRequest): Promise<HttpReply> {
  try {
    const read = readCloudEvents(request, nowMs());
    if (read.kind === "refused") {
      intake.refused(read.code);
      throw refused(read);
    }
    const taken = await takeItems(intake, read.items, request.producer);
    const [first] = taken.refused;
    if (!read.isBatch && first !== undefined) throw refused(first);
    return { body: written(taken), contentType: JSON_TYPE };
  } catch (thrown) {
    const error = toWireError(thrown);
    return { body: written(error), contentType: JSON_TYPE, error };
  }
}

function written(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
