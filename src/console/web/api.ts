import { signal } from "@preact/signals";
import { keyNow, refusedKey } from "./key.ts";
import { readEvents } from "./read-events.ts";

/** A failure, as the node told it; `UNREACHABLE` if it told nothing. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  /** The same may succeed later. */
  readonly retryable: boolean;

  constructor(given: Readonly<{ code: string; message: string; status: number; retryable: boolean }>) {
    super(given.message);
    this.code = given.code;
    this.status = given.status;
    this.retryable = given.retryable;
  }
}

/** Whether the node answers: the header shows it. */
export const connection = signal<"connecting" | "connected" | "away">("connecting");

/** The first pause before a stream is asked for again, and the longest. */
const RETRY_MS = { first: 500, most: 10_000 } as const;

/**
 * Reads.
 *
 * @param path - Below `/console/v1/`, without it.
 * @throws {@link ApiError}
 */
export async function get<Reply>(path: string, signal?: AbortSignal): Promise<Reply> {
  const reply = await ask(path, signal === undefined ? {} : { signal });
  return (await reply.json()) as Reply;
}

/**
 * Acts, which takes an operator's key.
 *
 * @throws {@link ApiError}
 */
export async function act<Reply>(
  method: "POST" | "PUT" | "DELETE",
  path: string,
  body?: unknown,
): Promise<Reply> {
  const headers = { "content-type": "application/json" };
  const given = body === undefined ? {} : { body: JSON.stringify(body), headers };
  const reply = await ask(path, { method, ...given });
  return (await reply.json()) as Reply;
}

/** What a subscriber is told. */
export type Listener = Readonly<{
  event(name: string, data: unknown): void;
  /** The stream has begun, anew after a pause: what is known of it is old. */
  began?(): void;
  /** It ended, or could not begin; it is tried again unless asking again would not help. */
  failed?(error: ApiError): void;
}>;

/** Listens to a stream, and comes again when it ends, ever more slowly. @returns Ends it. */
export function subscribe(path: string, listener: Listener): () => void {
  const ending = new AbortController();
  const { signal } = ending;
  const listen = async (): Promise<void> => {
    let pauseMs: number = RETRY_MS.first;
    while (!signal.aborted) {
      try {
        const reply = await ask(path, { signal, headers: { accept: "text/event-stream" } });
        if (reply.body === null) throw unreachable();
        pauseMs = RETRY_MS.first;
        listener.began?.();
        await readEvents(reply.body, (name, data) => {
          if (name === "failed") throw errorIn(data, reply.status);
          listener.event(name, data);
        });
        if (!signal.aborted) connection.value = "away";
      } catch (thrown) {
        if (signal.aborted) return;
        const error = thrown instanceof ApiError ? thrown : unreachable();
        if (error.code === "UNREACHABLE") connection.value = "away";
        listener.failed?.(error);
        if (!error.retryable) return;
      }
      await pause(pauseMs * (0.75 + Math.random() / 2), signal);
      pauseMs = Math.min(pauseMs * 2, RETRY_MS.most);
    }
  };
  void listen();
  return () => ending.abort();
}

/** @throws {@link ApiError} */
async function ask(path: string, given: RequestInit): Promise<Response> {
  const key = keyNow();
  const headers = { ...given.headers, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) };
  let reply: Response;
  try {
    reply = await fetch(`/console/v1/${path}`, { ...given, headers, credentials: "omit" });
  } catch (thrown) {
    if (given.signal?.aborted === true) throw thrown;
    connection.value = "away";
    throw unreachable();
  }
  connection.value = "connected";
  if (reply.ok) return reply;
  const error = errorIn(await reply.json().catch(() => ({})), reply.status);
  if (reply.status === 401) refusedKey();
  throw error;
}

function errorIn(told: unknown, status: number): ApiError {
  const { code, message, retryable } = told as Record<string, unknown>;
  return new ApiError({
    code: typeof code === "string" ? code : "BAD_REPLY",
    message: typeof message === "string" ? message : `the node answered with status ${status}`,
    retryable: retryable === true,
    status,
  });
}

function unreachable(): ApiError {
  const message = "the node does not answer: is it running?";
  return new ApiError({ code: "UNREACHABLE", message, retryable: true, status: 0 });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
