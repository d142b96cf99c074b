import type { WireError } from "../../kernel/engine-error.ts";
import type { Readiness } from "../readiness.ts";
import type { HttpReply } from "./http-route.ts";

/** What the health of a node is told from. */
export type HealthSource = Readonly<{
  /** How long the most silent of the node's threads has given no sign of life, ms. */
  silentMs(): number;
  readiness(): Readiness;
}>;

/** A route of either listener. */
export type HealthRoute = Readonly<{ method: "GET"; path: string; answer(): Promise<HttpReply> }>;

/** A thread may take 60 s to load its code; one that is silent for longer, though it is replaced after 5 s, is lost. */
const SILENT_MS_MAX = 90_000;
const TYPE = "application/json";
const RETRY_AFTER_MS = 1_000;

/**
 * `GET /healthz`: the process answers and its threads live; else an orchestrator should start it again. `GET /readyz`: it may
 * be sent requests. Both answer 200 or 503, need no key, and hold nothing of any user.
 */
export function healthRoutes(source: HealthSource): readonly HealthRoute[] {
  const health = async (): Promise<HttpReply> => {
    const ok = source.silentMs() <= SILENT_MS_MAX;
    return reply({ ok }, ok ? undefined : failure("THREAD_HANGS", "a thread gives no sign of life"));
  };
  const ready = async (): Promise<HttpReply> => {
    const readiness = source.readiness();
    const why = readiness.reasons.map(({ code }) => code).join(", ");
    return reply(readiness, readiness.ready ? undefined : failure("NOT_READY", why));
  };
  return [
    { method: "GET", path: "/healthz", answer: health },
    { method: "GET", path: "/readyz", answer: ready },
  ];
}

function reply(value: unknown, error: WireError | undefined): HttpReply {
  const body = new TextEncoder().encode(JSON.stringify(value));
  return { body, contentType: TYPE, ...(error === undefined ? {} : { error }) };
}

function failure(code: string, message: string): WireError {
  return { code, message, retryable: true, detail: { retryAfterMs: RETRY_AFTER_MS } };
}
