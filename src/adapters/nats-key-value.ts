import { JetStreamApiError } from "@nats-io/jetstream";
import { type KV, Kvm, type KvWatchEntry } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { KeyValue, KeyValueChange, KeyValueEntry } from "../actors/key-value.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { assertBlobKey } from "./blob-key.ts";
import { unlessBroken, untilConnected } from "./nats-connectivity.ts";

export type NatsKeyValueOptions = Readonly<{
  replicas?: number;
  /** Patience with the server, ms: a renewal that takes longer is of no use. */
  timeoutMs?: number;
}>;

const TIMEOUT_MS = 1_000;
/** The server's codes for a write that expected another revision. */
const WRONG_LAST_SEQUENCE = [10071, 10164];
/** A watch that was cut off is tried again this often. */
const RETRY_MS = 200;
/** A watch is made anew after this long, in case the server has forgotten it without a sign. */
const WATCH_FOR_MS = 60_000;

/**
 * {@link KeyValue} over a NATS key-value bucket. Reads go to the stream's leader. A bucket that was deleted is made
 * anew, empty. The connection stays the caller's to close.
 *
 * @throws EngineError `KEY_VALUE_UNAVAILABLE` (retryable).
 */
export async function natsKeyValue(
  nc: NatsConnection,
  bucket: string,
  options: NatsKeyValueOptions = {},
): Promise<KeyValue> {
  const table = new NatsKeyValue(nc, bucket, options.replicas ?? 1, options.timeoutMs ?? TIMEOUT_MS);
  await table.open();
  return table;
}

class NatsKeyValue implements KeyValue {
  readonly #nc: NatsConnection;
  readonly #bucket: string;
  readonly #replicas: number;
  readonly #timeoutMs: number;
  #kv: KV | undefined;
  /** Makes every watch anew: the bucket may be another one. */
  readonly #rewatch = new Set<() => void>();

  constructor(nc: NatsConnection, bucket: string, replicas: number, timeoutMs: number) {
    this.#nc = nc;
    this.#bucket = bucket;
    this.#replicas = replicas;
    this.#timeoutMs = timeoutMs;
  }

  async open(): Promise<void> {
    await this.#reached(async () => {}, 5 * this.#timeoutMs);
  }

  get(key: string): Promise<KeyValueEntry | undefined> {
    assertBlobKey(key);
    return this.#reached(async (kv) => {
      const entry = await kv.get(key);
      if (entry === null || entry.operation !== "PUT") return undefined;
      return { key, value: entry.value, revision: entry.revision };
    });
  }

  swap(key: string, value: Uint8Array, expected: number): Promise<number | undefined> {
    assertBlobKey(key);
    return this.#reached(async (kv) => {
      const revision = await expecting(kv.put(key, value, { previousSeq: expected }));
      if (revision !== undefined || expected !== 0) return revision;
      // What was removed has left a mark, whose revision the server compares with.
      const mark = await kv.get(key);
      if (mark === null || mark.operation === "PUT") return undefined;
      return expecting(kv.put(key, value, { previousSeq: mark.revision }));
    });
  }

  remove(key: string, expected: number): Promise<boolean> {
    assertBlobKey(key);
    return this.#reached(
      async (kv) => (await expecting(kv.delete(key, { previousSeq: expected }).then(() => 1))) === 1,
    );
  }

  entries(prefix: string): Promise<readonly KeyValueEntry[]> {
    return this.#reached(async (kv) => {
      const found: KeyValueEntry[] = [];
      const status = await kv.status();
      if (status.values === 0) return found;
      const watching = await kv.watch({ key: ">" });
      try {
        for await (const entry of watching) {
          if (entry.operation === "PUT" && entry.key.startsWith(prefix)) found.push(plain(entry));
          if (entry.delta === 0) break;
        }
      } finally {
        watching.stop();
      }
      return found.sort((a, b) => (a.key < b.key ? -1 : 1));
    });
  }

  async watch(
    prefix: string,
    changed: (change: KeyValueChange) => void,
  ): Promise<{ close(): Promise<void> }> {
    let isClosed = false;
    let current = await this.#reached((kv) => kv.watch({ key: ">" }));
    const rewatch = (): void => current.stop();
    this.#rewatch.add(rewatch);
    const follow = async (): Promise<void> => {
      while (!isClosed) {
        const renewal = setTimeout(() => current.stop(), WATCH_FOR_MS).unref();
        const stopAfterReconnect = this.#whenReconnected(() => current.stop());
        try {
          for await (const entry of current) {
            if (isClosed) return;
            if (entry.key.startsWith(prefix)) changed(changeOf(entry));
          }
        } catch {
          // Told by the next attempt, if it lasts.
        } finally {
          clearTimeout(renewal);
          stopAfterReconnect();
        }
        while (!isClosed) {
          try {
            current = await this.#reached((kv) => kv.watch({ key: ">" }));
            break;
          } catch {
            await pause(RETRY_MS);
          }
        }
      }
    };
    const following = follow();
    return {
      close: async () => {
        isClosed = true;
        this.#rewatch.delete(rewatch);
        current.stop();
        await following;
      },
    };
  }

  /** Calls back once the connection was lost and is there again: the server's side of a watch may be gone. */
  #whenReconnected(act: () => void): () => void {
    const statuses = this.#nc.status() as { stop?: () => void } & AsyncIterable<{ type: string }>;
    void (async () => {
      for await (const { type } of statuses) if (type === "reconnect") act();
    })();
    return () => statuses.stop?.();
  }

  async #reached<Result>(act: (kv: KV) => Promise<Result>, patienceMs = this.#timeoutMs): Promise<Result> {
    try {
      if (!(await untilConnected(this.#nc, patienceMs))) throw new Error("not connected");
      return await unlessBroken(this.#nc, within(patienceMs, this.#attempt(act)));
    } catch (cause) {
      this.#kv = undefined; // The bucket may be gone: the next call makes sure that there is one.
      const reason = cause instanceof Error ? cause.message : String(cause);
      const message = `bucket ${this.#bucket} did not answer: ${reason}`;
      const detail = { bucket: this.#bucket };
      throw new EngineError({ code: "KEY_VALUE_UNAVAILABLE", message, retryable: true, detail, cause });
    }
  }

  async #attempt<Result>(act: (kv: KV) => Promise<Result>): Promise<Result> {
    if (this.#kv === undefined) {
      this.#kv = await new Kvm(this.#nc).create(this.#bucket, {
        history: 1,
        replicas: this.#replicas,
        allow_direct: false,
      });
      for (const rewatch of this.#rewatch) rewatch();
    }
    return act(this.#kv);
  }
}

async function expecting(write: Promise<number>): Promise<number | undefined> {
  try {
    return await write;
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.includes(thrown.code)) return undefined;
    throw thrown;
  }
}

async function within<Result>(ms: number, act: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  act.catch(() => {}); // Told below, unless the time was up first.
  try {
    return await Promise.race([act, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function plain({ key, value, revision }: KvWatchEntry): KeyValueEntry {
  return { key, value, revision };
}

function changeOf(entry: KvWatchEntry): KeyValueChange {
  const { key, revision } = entry;
  return entry.operation === "PUT" ? { key, value: entry.value, revision } : { key, revision };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
