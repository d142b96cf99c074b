import type { BusReply, BusRequest } from "../../actors/bus.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import type { HttpRole, HttpRoute } from "./http-route.ts";

/** Endpoints that are served over HTTP, with who may ask them. All others are for services inside, over NATS. */
const SERVED: Readonly<Record<string, HttpRole>> = {
  ingest: "producer",
  score: "reader",
  "score.batch": "reader",
  "score.session": "reader",
  content: "reader",
};

/** The engine's own routes: `POST /v1/<endpoint>` with the body, the reply and the codes that the endpoint has over NATS. */
export function engineRoutes(
  handlers: Readonly<Record<string, (request: BusRequest) => Promise<BusReply | undefined>>>,
): readonly HttpRoute[] {
  return Object.entries(SERVED).map(([name, role]): HttpRoute => {
    const path = `/v1/${name.replaceAll(".", "/")}`;
    return { method: "POST", path, role, answer: (request) => answer(handlers[name], name, request) };
  });
}

async function answer(
  handler: ((request: BusRequest) => Promise<BusReply | undefined>) | undefined,
  subject: string,
  { body, contentType, producer, header }: Parameters<HttpRoute["answer"]>[0],
): ReturnType<HttpRoute["answer"]> {
  const from = producer === undefined ? {} : { producer };
  const traceparent = header("traceparent");
  const traced = traceparent === undefined ? {} : { traceparent };
  const reply = await handler?.({ subject, data: body, contentType, ...from, ...traced });
  if (reply === undefined) {
    // Nothing was named to send it to, so this can't be.
    throw new EngineError({ code: "INTERNAL", message: `${subject} has no answer`, retryable: false });
  }
  const { data, error } = reply;
  return { body: data, contentType: reply.contentType, ...(error === undefined ? {} : { error }) };
}
