import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { KeyValue, KeyValueChange, KeyValueEntry } from "../actors/key-value.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { assertBlobKey } from "./blob-key.ts";
import { unlessBroken, untilConnected } from "./nats-connectivity.ts";
import { openTableChanges, republishing, type TableChanges } from "./nats-table-changes.ts";
import { newestRevision, readTable } from "./nats-table-read.ts";
import { TableWatch } from "./nats-table-watch.ts";

export type NatsKeyValueOptions = Readonly<{
  /** Copies of the bucket in a cluster: 1, 3 or 5. */
  replicas?: number;
  /** Patience with the server, ms: a renewal that takes longer is of no use. */
  timeoutMs?: number;
}>;

const TIMEOUT_MS = 1_000;
/** A bucket or a watch takes longer to make than to use, in a cluster above all: so many times the patience. */
const OPEN_PATIENCE = 10;
/** The server's codes for a write that expected another revision. */
const WRONG_LAST_SEQUENCE = [10071, 10164];
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
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: timeoutMs });
  const table = new NatsKeyValue(nc, jsm, bucket, options.replicas ?? 1, timeoutMs);
  await table.open();
  return table;
}

class NatsKeyValue implements KeyValue {
  readonly #nc: NatsConnection;
  readonly #jsm: JetStreamManager;
  readonly #bucket: string;
  readonly #replicas: number;
  readonly #timeoutMs: number;
  /** The bucket, once it is sure that there is one. */
  #kv: Promise<KV> | undefined;
  readonly #watches = new Set<TableWatch>();

  constructor(
    nc: NatsConnection,
    jsm: JetStreamManager,
    bucket: string,
    replicas: number,
    timeoutMs: number,
  ) {
    this.#nc = nc;
    this.#jsm = jsm;
    this.#bucket = bucket;
    this.#replicas = replicas;
    this.#timeoutMs = timeoutMs;
  }

  async open(): Promise<void> {
    await this.#reached(async () => {}, OPEN_PATIENCE * this.#timeoutMs);
  }

  get(key: string): Promise<KeyValueEntry | undefined> {
    assertBlobKey(key);
    return this.#reached(async (kv) => {
      const entry = await kv.get(key);
      if (entry === null || entry.operation !== "PUT") return undefined;
      return { key, value: entry.value, revision: entry.revision };
    });
  }

  async swap(key: string, value: Uint8Array, expected: number): Promise<number | undefined> {
    assertBlobKey(key);
    const written = await this.#reached(async (kv) => {
      const revision = await expecting(kv.put(key, value, { previousSeq: expected }));
      if (revision !== undefined || expected !== 0) return revision;
      // What was removed has left a mark, whose revision the server compares with.
      const mark = await kv.get(key);
      if (mark === null || mark.operation === "PUT") return undefined;
      return expecting(kv.put(key, value, { previousSeq: mark.revision }));
    });
    if (written !== undefined) for (const watch of this.#watches) watch.expect(written);
    return written;
  }

  async remove(key: string, expected: number): Promise<boolean> {
    assertBlobKey(key);
    if (expected === 0) return false; // The client would take it for "whatever the revision".
    return this.#reached(
      async (kv) => (await expecting(kv.delete(key, { previousSeq: expected }).then(() => 1))) === 1,
    );
  }

  async entries(prefix: string): Promise<readonly KeyValueEntry[]> {
    const read = (_kv: KV, ending: AbortSignal) => readTable(this.#nc, this.#jsm, this.#bucket, ending);
    const { entries } = await this.#reached(read);
    return entries.filter(({ key }) => key.startsWith(prefix)).sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async watch(
    prefix: string,
    changed: (change: KeyValueChange) => void,
  ): Promise<{ close(): Promise<void> }> {
    let patienceMs = OPEN_PATIENCE * this.#timeoutMs;
    const watch = await TableWatch.start({
      nc: this.#nc,
      open: () => this.#reached((_kv, ending) => this.#changes(ending), patienceMs),
      newest: () => newestRevision(this.#jsm, this.#bucket),
      told: (change) => {
        if (change.key.startsWith(prefix)) changed(change);
      },
    });
    patienceMs = this.#timeoutMs; // From now on it is tried again and again.
    this.#watches.add(watch);
    return {
      close: async () => {
        this.#watches.delete(watch);
        await watch.close();
      },
    };
  }

  /** Starts to listen. What comes after its time is stopped, or nobody would take what it gathers. */
  async #changes(ending: AbortSignal): Promise<TableChanges> {
    const read = () => readTable(this.#nc, this.#jsm, this.#bucket, ending);
    const changes = await openTableChanges(this.#nc, this.#bucket, read);
    if (ending.aborted) changes.stop();
    return changes;
  }

  /** @param act - Gets a signal for the moment from which nobody waits for it any more. */
  async #reached<Result>(
    act: (kv: KV, ending: AbortSignal) => Promise<Result>,
    patienceMs = this.#timeoutMs,
  ): Promise<Result> {
    const ending = new AbortController();
    try {
      if (!(await untilConnected(this.#nc, patienceMs))) throw new Error("not connected");
      this.#kv ??= this.#make();
      const acting = this.#kv.then((kv) => act(kv, ending.signal));
      return await unlessBroken(this.#nc, within(patienceMs, acting));
    } catch (cause) {
      ending.abort();
      this.#kv = undefined; // The bucket may be gone: the next call makes sure that there is one.
      const reason = cause instanceof Error ? cause.message : String(cause);
      const message = `bucket ${this.#bucket} did not answer: ${reason}`;
      const detail = { bucket: this.#bucket };
      throw new EngineError({ code: "KEY_VALUE_UNAVAILABLE", message, retryable: true, detail, cause });
    }
  }

  async #make(): Promise<KV> {
    const kv = await new Kvm(this.#nc).create(this.#bucket, {
      history: 1,
      replicas: this.#replicas,
      allow_direct: false,
      republish: republishing(this.#bucket),
    });
    for (const watch of this.#watches) watch.renew(); // It may be another bucket.
    return kv;
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
