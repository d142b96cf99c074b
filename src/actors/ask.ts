import { fromWireError } from "../kernel/engine-error.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type { Bus } from "./bus.ts";

/**
 * Asks one part of the engine something of another, in MessagePack both ways.
 *
 * @throws EngineError what was answered in the place of a reply, or as {@link Bus.request} does.
 */
export async function ask(
  bus: Pick<Bus, "request">,
  subject: string,
  request: unknown,
  timeoutMs: number,
): Promise<unknown> {
  const reply = await bus.request(subject, encode(request), { timeoutMs });
  if (reply.error !== undefined) throw fromWireError(reply.error);
  return decode(reply.data);
}
