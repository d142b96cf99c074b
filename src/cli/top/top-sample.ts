import type { StatusReply } from "../../gateway/status.ts";

/** What one gateway has done of one endpoint since it started. */
export type EndpointCount = Readonly<{
  /** The gateway: an instance of the service. */
  instance: string;
  endpoint: string;
  answered: number;
  failed: number;
  refused: number;
  /** Time that its answers have taken together, ms. */
  totalMs: number;
}>;

/** What was seen of a deployment at one moment. */
export type TopSample = Readonly<{
  /** Monotonic. */
  atMs: number;
  /** Wall clock, epoch ms. */
  timeMs: number;
  status: StatusReply;
  /** How long the answer took, ms. */
  statusMs: number;
  /** Of all gateways; null if this user may not ask for them. */
  endpoints: readonly EndpointCount[] | null;
  /** Users who entered or left, by map and segment, since the watching began; null if this user may not listen. */
  transitions: ReadonlyMap<string, Readonly<{ entered: number; left: number }>> | null;
}>;

/** Reads what an instance of the service answers to `$SRV.STATS`; empty for that of another service. */
export function endpointCounts(answer: unknown, prefix: string): EndpointCount[] {
  const { id, name, endpoints } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  if (name !== prefix || typeof id !== "string" || !Array.isArray(endpoints)) return [];
  return endpoints.flatMap((one: Readonly<Record<string, unknown>>) => {
    const { subject, data } = one;
    const { answered, failed, refused, totalMs } = (data ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof subject !== "string" || typeof answered !== "number") return [];
    const endpoint = subject.slice(`${prefix}.v1.`.length);
    const counts = { failed: numberIn(failed), refused: numberIn(refused), totalMs: numberIn(totalMs) };
    return [{ instance: id, endpoint, answered, ...counts }];
  });
}

function numberIn(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
