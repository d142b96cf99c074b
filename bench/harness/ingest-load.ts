import type { StatusReply } from "../../src/gateway/status.ts";
import type { Deployment } from "./deployment.ts";
import type { EventStream } from "./event-source.ts";
import { ingestRequests } from "./ingest-requests.ts";
import { type LoadProcess, startLoadProcess } from "./load-process.ts";
import type { LoadResult } from "./load-tasks.ts";
import { failuresOf } from "./request-figures.ts";

/** What came in beside the load that was measured. */
export type IngestBeside = Readonly<{
  result: LoadResult;
  perSecond: number;
  /** Messages of the logs not folded at the end. */
  lag: number;
}>;

/** How many events came in beside, round by round, and what of them was refused. */
export function ingestNote(rounds: readonly IngestBeside[]): string {
  const rates = rounds.map(({ perSecond }) => Math.round(perSecond)).join(", ");
  const failures = failuresOf(rounds.map(({ result }) => result));
  return `events came in at ${rates} a second${failures === undefined ? "" : `; ${failures}`}`;
}

/** Events a request: what a service gathers in a few milliseconds at such rates. */
const BATCH = 50;
/** The load beside begins this much later, and ends this much sooner, than the events. */
const MARGIN_MS = 500;

/**
 * Sends events at a rate from a process of its own for as long as a load beside it takes.
 *
 * @param beside - Gets the process to make that load: it is started before, since a start would take a core meanwhile.
 */
export async function whileIngesting<Result>(
  deployment: Deployment,
  events: EventStream,
  how: Readonly<{ eventsPerSecond: number; besideMs: number }>,
  beside: (load: LoadProcess) => Promise<Result>,
): Promise<Readonly<{ ingest: IngestBeside; beside: Result }>> {
  const { url, prefix, client } = deployment;
  const perSecond = how.eventsPerSecond / BATCH;
  const durationMs = how.besideMs + 2 * MARGIN_MS;
  const count = Math.ceil((perSecond * durationMs) / 1_000) * BATCH;
  const requests = ingestRequests(prefix, await events.take(count), BATCH, "application/json");
  const [load, other] = await Promise.all([startLoadProcess(), startLoadProcess()]);
  try {
    const sending = load.run({ kind: "open", url, requests, perSecond, warmUpMs: 0, durationMs });
    await new Promise((resolve) => setTimeout(resolve, MARGIN_MS));
    const found = await beside(other);
    const result = await sending;
    const { lag } = (await client.ask("status", {})) as StatusReply;
    const stored = result.count - result.failed;
    const sent = (stored * BATCH * 1_000) / (result.endedMs - result.beganMs);
    return { ingest: { result, perSecond: sent, lag }, beside: found };
  } finally {
    await Promise.all([load.close(), other.close()]);
  }
}
