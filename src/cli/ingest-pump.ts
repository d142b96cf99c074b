import { setTimeout as sleep } from "node:timers/promises";
import type { EventRefusal, IngestReply } from "../gateway/ingest.ts";
import { EngineError, toWireError } from "../kernel/engine-error.ts";
import type { Client } from "./client.ts";

/** Patience with one try: a gateway that dies with a request leaves it without an answer. */
const TIMEOUT_MS = 10_000;
const RETRIES = 30;
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 5_000;
/** Refusals that say "not now" rather than "not this": the event is sent again. */
const RETRYABLE_CODES: ReadonlySet<string> = new Set(["LOG_UNAVAILABLE", "RATE_LIMITED", "OVERLOADED"]);

/**
 * Sends one batch of events and does not give up on what may still be stored: a retryable failure waits and
 * sends again (the engine drops what it already has by id).
 *
 * @throws EngineError once a failure is final, or after {@link RETRIES} tries.
 */
export async function ingest(
  client: Client,
  events: readonly unknown[],
  timeoutMs = TIMEOUT_MS,
): Promise<IngestReply> {
  let waitMs = FIRST_WAIT_MS;
  let accepted = 0;
  const refused: EventRefusal[] = [];
  const stored = new Map<number, number>();
  let indexes = events.map((_, index) => index);
  for (let attempt = 0; ; attempt++) {
    let toldMs = 0;
    try {
      const reply = (await client.ask(
        "ingest",
        { events: indexes.map((index) => events[index]) },
        timeoutMs,
      )) as IngestReply;
      accepted += reply.accepted;
      for (const { shard, sequence } of reply.positions) {
        stored.set(shard, Math.max(stored.get(shard) ?? 0, sequence));
      }
      const again: number[] = [];
      for (const refusal of reply.refused) {
        const index = indexes[refusal.index] ?? refusal.index;
        if (RETRYABLE_CODES.has(refusal.code) && attempt < RETRIES) {
          again.push(index);
          toldMs = Math.max(toldMs, refusal.retryAfterMs ?? 0);
        } else refused.push({ ...refusal, index });
      }
      if (again.length === 0) {
        const positions = [...stored].map(([shard, sequence]) => ({ shard, sequence }));
        return { accepted, refused, positions };
      }
      indexes = again;
    } catch (thrown) {
      const error = toWireError(thrown);
      if (!error.retryable || attempt >= RETRIES)
        throw thrown instanceof EngineError ? thrown : new EngineError(error);
      toldMs = Number(error.detail?.["retryAfterMs"] ?? 0);
    }
    await sleep(Math.max(waitMs, toldMs));
    waitMs = Math.min(waitMs * 2, MAX_WAIT_MS);
  }
}
