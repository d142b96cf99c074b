import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../src/cli/client.ts";
import { toWireError } from "../../src/kernel/engine-error.ts";

/** How a patient client fared: the code of its last failure if it gave up. */
export type ScoreOutcome = Readonly<{ ms: number; failure?: string }>;

/** What a service that must have an answer waits for it. */
const PATIENCE_MS = 8_000;
/** A gateway that stands still swallows requests: another one may answer. */
const ATTEMPT_MS = 1_500;
const RETRY_MS = 20;

/** Asks for a score as a service does: what may pass is tried again, until the patience is used up. */
export async function scorePatiently(client: Client, user: string): Promise<ScoreOutcome> {
  const beganMs = performance.now();
  for (;;) {
    const leftMs = beganMs + PATIENCE_MS - performance.now();
    try {
      await client.ask("score", { user }, Math.max(1, Math.min(ATTEMPT_MS, leftMs)));
      return { ms: performance.now() - beganMs };
    } catch (thrown) {
      const { code, retryable } = toWireError(thrown);
      const ms = performance.now() - beganMs;
      if (!retryable || ms + RETRY_MS >= PATIENCE_MS) return { ms, failure: code };
      await sleep(RETRY_MS);
    }
  }
}
