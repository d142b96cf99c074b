import type { BusReply, BusRequest } from "../actors/bus.ts";
import { EngineError, fromWireError } from "../kernel/engine-error.ts";

/** The gateway's public endpoints, by the name behind `<prefix>.v1.`. */
export type GatewayHandlers = Readonly<
  Record<string, (request: BusRequest) => Promise<BusReply | undefined>>
>;

const JSON_TYPE = "application/json";

/**
 * Asks an endpoint of the gateway as a service would.
 *
 * @throws EngineError what the endpoint answers with.
 */
export async function askGateway<Reply>(
  handlers: GatewayHandlers,
  name: string,
  body: unknown,
): Promise<Reply> {
  const data = new TextEncoder().encode(JSON.stringify(body));
  const reply = await handlers[name]?.({ subject: name, data, contentType: JSON_TYPE });
  if (reply === undefined)
    throw new EngineError({ code: "INTERNAL", message: `${name} has no answer`, retryable: false });
  if (reply.error !== undefined) throw fromWireError(reply.error);
  return JSON.parse(new TextDecoder().decode(reply.data)) as Reply;
}
