import { setTimeout as sleep } from "node:timers/promises";
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type ObjectStore, Objm, setSha256Backend } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { EngineError } from "../kernel/engine-error.ts";
import { sha256Hex } from "../kernel/hash.ts";
import { assertBlobKey } from "./blob-key.ts";
import { newId } from "./entropy.ts";
import { unlessBroken, untilConnected } from "./nats-connectivity.ts";
import { denialIn, forbiddenByServer } from "./nats-denial.ts";
import { drainStream } from "./nats-drain.ts";
import { deleteMessages, eraseMessages, sequencesOf } from "./nats-erase.ts";
import { readDirectly, StoredMessages } from "./nats-stored-messages.ts";
import { isRemoval, prefixOf, streamOf } from "./nats-table-read.ts";
import type { WatchableBlobs } from "./watchable-blobs.ts";

/** Where the blobs are kept. */
export type BlobBuckets = Readonly<{
  /** Key-value bucket of all keys, with the small values. */
  releases: string;
  /** Object store of the large values. */
  artefacts: string;
}>;

/** Larger values go to the object store: a message may have 1 MiB, and a bucket is fastest well below that. */
const INLINE_BYTES_MAX = 512 * 1024;
/** Keys whose revisions are remembered. */
const INLINE_KEPT_MAX = 10_000;
/** Writers of one key that overtake each other are rare: after this many, something else is wrong. */
const TRIES_MAX = 8;
/** First byte of a bucket's value: what follows is the value itself, or names an object. */
const INLINE = 0;
const OBJECT = 1;
/** The server's codes for a write that expected another revision. */
const WRONG_LAST_SEQUENCE = [10071, 10164];
/** How long an operation waits for a broken connection. */
const RECONNECT_PATIENCE_MS = 5_000;
/** Longest time for an object to arrive. */
const OBJECT_PATIENCE_MS = 30_000;
/** Pause before a watched value is read again while the server is out of reach. */
const RETRY_MS = 250;

/** The newest message of a key. */
type Entry = Readonly<{
  revision: number;
  /** Whether it is a value, and does not say that there is none any more. */
  isHeld: boolean;
  value: Uint8Array;
}>;

type Marker = Readonly<{ object: string; sha256: string }>;

/**
 * Blobs in a NATS key-value bucket; values above 512 KiB lie in an object store, and the bucket names the object.
 * A writer of the same key at the same moment is noticed by the bucket's revision. The connection stays the
 * caller's to close.
 *
 * @throws EngineError `BLOBS_UNAVAILABLE` (retryable) and `FORBIDDEN`, here and from every method; `BLOB_CORRUPT` from `get`.
 */
export async function natsBlobStore(
  nc: NatsConnection,
  buckets: BlobBuckets,
  options: Readonly<{ replicas?: number }> = {},
): Promise<WatchableBlobs> {
  const replicas = options.replicas ?? 1;
  setSha256Backend("native"); // The client's own is script: it took half of the time that a snapshot took.
  return reached(nc, buckets.releases, async () => {
    const kv = await new Kvm(nc).create(buckets.releases, { history: 1, replicas, allow_direct: false });
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    await readDirectly(jsm, (await jsm.streams.info(streamOf(buckets.releases))).config);
    const objects = await new Objm(nc).create(buckets.artefacts, { replicas });
    return new NatsBlobStore(nc, jsm, kv, objects, buckets);
  });
}

class NatsBlobStore implements WatchableBlobs {
  readonly #nc: NatsConnection;
  readonly #kv: KV;
  readonly #objects: ObjectStore;
  readonly #jsm: JetStreamManager;
  readonly #stored: StoredMessages;
  readonly #buckets: BlobBuckets;
  readonly #bucket: string;
  /** Revisions of what was written here last, of keys whose values stand in the bucket itself. */
  readonly #inline = new Map<string, number>();

  constructor(nc: NatsConnection, jsm: JetStreamManager, kv: KV, objects: ObjectStore, buckets: BlobBuckets) {
    this.#nc = nc;
    this.#jsm = jsm;
    this.#stored = new StoredMessages(nc, jsm);
    this.#kv = kv;
    this.#objects = objects;
    this.#buckets = buckets;
    this.#bucket = buckets.releases;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    assertBlobKey(key);
    return reached(this.#nc, this.#bucket, () => this.#read(key));
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    assertBlobKey(key);
    await reached(this.#nc, this.#bucket, () => this.#write(key, bytes));
  }

  async create(key: string, bytes: Uint8Array): Promise<boolean> {
    assertBlobKey(key);
    return reached(this.#nc, this.#bucket, async () => {
      const entry = await this.#newest(key);
      if (entry?.isHeld === true) return false;
      const value =
        bytes.byteLength <= INLINE_BYTES_MAX ? inline(bytes) : await this.#storeObject(key, bytes);
      if (await this.#swap(key, value, entry)) return true;
      const mine = markerIn(value);
      if (mine !== undefined) await this.#dropObject(mine);
      return false;
    });
  }

  async remove(key: string, how: "overwritten" | "unreadable" = "overwritten"): Promise<void> {
    assertBlobKey(key);
    await reached(this.#nc, this.#bucket, async () => {
      const entry = await this.#newest(key);
      if (entry?.isHeld !== true) return;
      const marker = markerOf(entry);
      if (marker !== undefined) await this.#dropObject(marker, how);
      // The client would leave a message in its place that says so: listings would read those of all that was ever removed.
      const isErased = how === "overwritten" && marker === undefined;
      await deleteMessages(this.#jsm, streamOf(this.#buckets.releases), [entry.revision], isErased);
    });
  }

  async keys(prefix: string): Promise<string[]> {
    const { releases } = this.#buckets;
    const bucketPrefix = prefixOf(releases);
    // The client's own listing waits for ever for an entry that is erased after it was counted.
    const which = { filter_subject: `${bucketPrefix}${filterOf(prefix)}`, headers_only: true };
    return reached(this.#nc, this.#bucket, async () => {
      const found: string[] = [];
      for await (const group of drainStream(this.#nc, this.#jsm, streamOf(releases), which))
        for (const { subject, headers } of group) {
          const key = subject.slice(bucketPrefix.length);
          if (key.startsWith(prefix) && !isRemoval(headers)) found.push(key);
        }
      return found.sort();
    });
  }

  async watch(
    prefix: string,
    changed: (key: string, bytes: Uint8Array) => void,
  ): Promise<{ close(): Promise<void> }> {
    const entries = await reached(this.#nc, this.#bucket, () => this.#kv.watch({ key: filterOf(prefix) }));
    const stopping = new AbortController();
    const telling = (async () => {
      for await (const { key, operation } of entries) {
        if (operation === "PUT" && key.startsWith(prefix)) await this.#tell(key, changed, stopping.signal);
      }
    })();
    return {
      async close() {
        stopping.abort();
        entries.stop();
        await telling;
      },
    };
  }

  /** Reads the newest value, as often as it takes: the watch has seen the change and must not lose it. */
  async #tell(
    key: string,
    changed: (key: string, bytes: Uint8Array) => void,
    stopping: AbortSignal,
  ): Promise<void> {
    while (!stopping.aborted) {
      try {
        const bytes = await this.get(key);
        if (bytes !== undefined && !stopping.aborted) changed(key, bytes);
        return;
      } catch (thrown) {
        if (!(thrown instanceof EngineError && thrown.code === "BLOBS_UNAVAILABLE")) throw thrown;
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  async #read(key: string): Promise<Uint8Array | undefined> {
    let missedAt = 0;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const entry = await this.#newest(key);
      if (entry?.isHeld !== true) return undefined;
      const marker = markerOf(entry);
      if (marker === undefined) return entry.value.subarray(1);
      const bytes = await this.#readObject(key, marker);
      if (bytes !== null && sha256Hex(bytes) === marker.sha256) return bytes;
      // A writer has just replaced it, and the bucket names its successor by now; or this server's copy of it is not
      // complete yet; or else it is lost.
      if (entry.revision === missedAt) {
        if (tries === TRIES_MAX - 1) throw corrupt(key, marker);
        await sleep(RETRY_MS, undefined, { ref: false });
      }
      missedAt = entry.revision;
    }
    throw new Error(`${key} was replaced ${TRIES_MAX} times while it was read`);
  }

  /**
   * What was written for a key last: as the stream's leader knows it, since a follower may not have the value yet that a log
   * entry has just named.
   */
  async #newest(key: string): Promise<Entry | null> {
    const { releases } = this.#buckets;
    const query = { last_by_subj: `${prefixOf(releases)}${key}` };
    const message = await this.#stored.find(streamOf(releases), query);
    if (message === undefined) return null;
    return { revision: message.sequence, isHeld: !isRemoval(message.headers), value: message.data };
  }

  async #readObject(key: string, marker: Marker): Promise<Uint8Array | null> {
    const patience = new AbortController();
    // The client waits for ever for an object whose chunks are all lost.
    const late = sleep(OBJECT_PATIENCE_MS, undefined, { ref: false, signal: patience.signal }).then(() => {
      throw new Error(`${key} was not read within ${OBJECT_PATIENCE_MS} ms`);
    });
    late.catch(() => {}); // Too late to be of interest.
    try {
      return await Promise.race([this.#objects.getBlob(marker.object), late]);
    } catch (thrown) {
      // The client has no code for it.
      if (thrown instanceof Error && thrown.message.includes("corrupt object")) return null;
      throw thrown;
    } finally {
      patience.abort();
    }
  }

  async #write(key: string, bytes: Uint8Array): Promise<void> {
    const value = bytes.byteLength <= INLINE_BYTES_MAX ? inline(bytes) : await this.#storeObject(key, bytes);
    if (await this.#swapInline(key, value)) return;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const entry = await this.#newest(key);
      if (!(await this.#swap(key, value, entry))) continue;
      const replaced = entry === null ? undefined : markerOf(entry);
      if (replaced !== undefined) await this.#dropObject(replaced);
      return;
    }
    throw new Error(`${TRIES_MAX} other writers of ${key} were faster`);
  }

  /** Writes in the place of what this store has written last, unless that was too large to stand in the bucket, or is not the newest. */
  async #swapInline(key: string, value: Uint8Array): Promise<boolean> {
    const revision = this.#inline.get(key);
    return revision !== undefined && this.#swap(key, value, { revision });
  }

  /** Writes if the entry is still the one that was read, so that each replaced object is deleted by one writer. */
  async #swap(key: string, value: Uint8Array, entry: Pick<Entry, "revision"> | null): Promise<boolean> {
    this.#inline.delete(key);
    try {
      const revision = await this.#kv.put(key, value, { previousSeq: entry?.revision ?? 0 });
      if (this.#inline.size >= INLINE_KEPT_MAX) this.#inline.clear();
      if (value[0] === INLINE) this.#inline.set(key, revision);
      return true;
    } catch (thrown) {
      if (thrown instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.includes(thrown.code)) return false;
      throw thrown;
    }
  }

  /** Removes an object so that its bytes are gone: what holds users may not stay where nothing can name it any more. */
  async #dropObject({ object }: Marker, how: "overwritten" | "unreadable" = "overwritten"): Promise<void> {
    if (how === "unreadable") return void (await this.#objects.delete(object));
    const info = await this.#objects.info(object);
    if (info === null) return;
    const { artefacts } = this.#buckets;
    const stream = `OBJ_${artefacts}`;
    const chunks = await sequencesOf(this.#nc, this.#jsm, stream, `$O.${artefacts}.C.${info.nuid}`);
    await eraseMessages(this.#jsm, stream, chunks);
    await this.#objects.delete(object);
  }

  async #storeObject(key: string, bytes: Uint8Array): Promise<Uint8Array> {
    const marker: Marker = { object: `${key}.${newId()}`, sha256: sha256Hex(bytes) };
    await this.#objects.putBlob({ name: marker.object }, bytes);
    const words = new TextEncoder().encode(JSON.stringify(marker));
    return tagged(OBJECT, words);
  }
}

function inline(bytes: Uint8Array): Uint8Array {
  return tagged(INLINE, bytes);
}

function tagged(tag: number, bytes: Uint8Array): Uint8Array {
  const value = new Uint8Array(1 + bytes.byteLength);
  value[0] = tag;
  value.set(bytes, 1);
  return value;
}

function markerOf(entry: Entry): Marker | undefined {
  return markerIn(entry.value);
}

function markerIn(value: Uint8Array): Marker | undefined {
  if (value[0] !== OBJECT) return undefined;
  return JSON.parse(new TextDecoder().decode(value.subarray(1))) as Marker;
}

/** The narrowest filter of whole words that holds all keys of a prefix. */
function filterOf(prefix: string): string {
  const dot = prefix.lastIndexOf(".");
  return dot < 0 ? ">" : `${prefix.slice(0, dot)}.>`;
}

async function reached<Result>(
  nc: NatsConnection,
  bucket: string,
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    await untilConnected(nc, RECONNECT_PATIENCE_MS);
    return await unlessBroken(nc, act());
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    const denial = denialIn(cause);
    if (denial !== undefined) throw forbiddenByServer(denial.subject, denial);
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `bucket ${bucket} did not answer: ${reason}`;
    throw new EngineError({ code: "BLOBS_UNAVAILABLE", message, retryable: true, detail: { bucket }, cause });
  }
}

function corrupt(key: string, marker: Marker): EngineError {
  return new EngineError({
    code: "BLOB_CORRUPT",
    message: `the stored bytes of ${key} do not have the checksum that they were stored with`,
    retryable: false,
    detail: { key, object: marker.object },
  });
}
