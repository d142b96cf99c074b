import type { StreamConfig, StreamState } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { EngineError } from "../kernel/engine-error.ts";
import { logUnavailable } from "./nats-log-failure.ts";
import { newInbox } from "./nats-peer.ts";

/** What a stream was when it was copied. */
export type CopiedStream = Readonly<{ config: StreamConfig; state: StreamState }>;

/** The server sends so much ahead of what was acknowledged: it bounds the memory of both. */
const CHUNK_BYTES = 131_072;
/** A server that has to read a large stream from a cold disk is silent for a while before the first chunk. */
const SILENCE_MS = 60_000;
const ERROR_FROM = 400;
const encoder = new TextEncoder();
const NOTHING = new Uint8Array();

type Answer = Readonly<{
  error?: Readonly<{ code: number; description: string }>;
  deliver_subject?: string;
}> &
  Partial<CopiedStream>;

/**
 * Copies a stream as the server keeps it: sequences, times and headers stay. It is the stream of one moment, while others go on
 * appending.
 *
 * @param take - Gets the copy in chunks; the next one comes when it has resolved.
 * @throws EngineError `LOG_UNAVAILABLE` (retryable), `FORBIDDEN`.
 * @see NATS ADR-1 and the server's `$JS.API.STREAM.SNAPSHOT`, which `nats stream backup` uses, too.
 */
export async function copyStreamOut(
  nc: NatsConnection,
  stream: string,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<CopiedStream> {
  const inbox = newInbox(nc);
  const chunks = nc.subscribe(inbox);
  const silence = silenceOf(() => chunks.unsubscribe());
  try {
    const order = { deliver_subject: inbox, no_consumers: true, chunk_size: CHUNK_BYTES, jsck: false };
    const { config, state } = await asked(nc, `$JS.API.STREAM.SNAPSHOT.${stream}`, order);
    if (config === undefined || state === undefined) throw new Error("the server told nothing of it");
    silence.begin();
    for await (const message of chunks) {
      silence.begin();
      refuseFailure(message);
      if (message.data.length === 0) return { config, state };
      await take(message.data);
      message.respond(NOTHING);
    }
    throw new Error(`nothing came for ${SILENCE_MS / 1_000} s`);
  } catch (thrown) {
    throw thrown instanceof EngineError ? thrown : logUnavailable(stream, thrown);
  } finally {
    silence.end();
    chunks.unsubscribe();
  }
}

/**
 * Makes a stream of a copy; there must be none of its name.
 *
 * @throws EngineError `LOG_UNAVAILABLE` (retryable), `FORBIDDEN`.
 */
export async function copyStreamIn(
  nc: NatsConnection,
  { config, state }: CopiedStream,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { name } = config;
  try {
    const { deliver_subject: to } = await asked(nc, `$JS.API.STREAM.RESTORE.${name}`, { config, state });
    if (to === undefined) throw new Error("the server told nowhere to send it");
    for await (const chunk of chunks) {
      const { data } = await nc.request(to, chunk, { timeout: SILENCE_MS });
      if (data.length > 0) refuseError(answerIn(data));
    }
    refuseError(answerIn((await nc.request(to, NOTHING, { timeout: SILENCE_MS })).data));
  } catch (thrown) {
    throw thrown instanceof EngineError ? thrown : logUnavailable(name, thrown);
  }
}

async function asked(nc: NatsConnection, subject: string, order: unknown): Promise<Answer> {
  const { data } = await nc.request(subject, encoder.encode(JSON.stringify(order)), { timeout: SILENCE_MS });
  const answer = answerIn(data);
  refuseError(answer);
  return answer;
}

function answerIn(data: Uint8Array): Answer {
  return data.length === 0 ? {} : (JSON.parse(new TextDecoder().decode(data)) as Answer);
}

function refuseError({ error }: Answer): void {
  if (error !== undefined) throw new Error(`${error.description} (${error.code})`);
}

/** The end of a copy that failed on the server looks like that of a whole one, but for its status. */
function refuseFailure({ headers }: Msg): void {
  if ((headers?.code ?? 0) >= ERROR_FROM) throw new Error(`${headers?.description} (${headers?.code})`);
}

function silenceOf(over: () => void): { begin(): void; end(): void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    begin() {
      clearTimeout(timer);
      timer = setTimeout(over, SILENCE_MS);
    },
    end: () => clearTimeout(timer),
  };
}
