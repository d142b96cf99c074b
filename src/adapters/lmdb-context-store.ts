import { type Database, open, type RootDatabase, type Transaction } from "lmdb";
import { assert } from "../kernel/assert.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type {
  ContextImport,
  ContextRows,
  ContextSnapshot,
  ContextStore,
  OutboxItem,
  ShardCommit,
  ShardMeta,
} from "../shards/context-store.ts";

/** Address space reserved, not memory or disk: contexts of a hundred million users fit. */
const MAP_SIZE_BYTES = 2 ** 40;
/** Contexts are a few kilobytes: larger pages mean fewer overflow chains. */
const PAGE_SIZE_BYTES = 8_192;
const META_KEY = "meta";
/** The slot is two bytes behind the user, so that a user's ring is one range of keys. */
const SLOT_BYTES = 2;

/** Reads go to this transaction instead of the newest one. */
type View = Readonly<{ transaction: Transaction }>;

/** {@link ContextStore} over LMDB: one environment a shard, raw bytes, one transaction a commit. */
export function lmdbContextStore(path: string): ContextStore {
  return new LmdbContextStore(path);
}

class LmdbContextStore implements ContextStore {
  readonly #root: RootDatabase<Uint8Array, string>;
  readonly #contexts: Database<Uint8Array, string>;
  readonly #ring: Database<Uint8Array, Buffer>;
  readonly #authenticated: Database<Uint8Array, string>;
  readonly #outbox: Database<Uint8Array, number>;

  constructor(path: string) {
    this.#root = open<Uint8Array, string>({
      path,
      mapSize: MAP_SIZE_BYTES,
      pageSize: PAGE_SIZE_BYTES,
      encoding: "binary",
      maxDbs: 8,
    });
    this.#contexts = this.#root.openDB<Uint8Array, string>({ name: "contexts", encoding: "binary" });
    this.#ring = this.#root.openDB<Uint8Array, Buffer>({
      name: "ring",
      encoding: "binary",
      keyEncoding: "binary",
    });
    this.#authenticated = this.#root.openDB<Uint8Array, string>({
      name: "authenticated",
      encoding: "binary",
    });
    this.#outbox = this.#root.openDB<Uint8Array, number>({
      name: "outbox",
      encoding: "binary",
      keyEncoding: "uint32",
    });
    // An import that was not finished: every commit has meta, and an import writes it last.
    if (this.meta() === undefined && this.users() > 0) this.#clear();
  }

  load(user: string, view?: View): Uint8Array | undefined {
    return this.#contexts.get(user, view);
  }

  loadRing(user: string, view?: View): readonly (readonly [slot: number, bytes: Uint8Array])[] {
    const range = { start: ringKey(user, 0), end: ringKey(user, 0xffff), inclusiveEnd: true, ...view };
    const found: [number, Uint8Array][] = [];
    for (const { key, value } of this.#ring.getRange(range)) {
      found.push([key.readUInt16BE(key.length - SLOT_BYTES), value]);
    }
    return found;
  }

  authenticated(view?: View): Iterable<string> {
    return this.#authenticated.getKeys({ ...view });
  }

  authenticatedAfter(after: string | undefined, limit: number): readonly string[] {
    const range = after === undefined ? { limit } : { start: after, exclusiveStart: true, limit };
    return [...this.#authenticated.getKeys(range)];
  }

  meta(view?: View): ShardMeta | undefined {
    const bytes = this.#root.get(META_KEY, view);
    return bytes === undefined ? undefined : (decode(bytes) as ShardMeta);
  }

  outbox(view?: View): readonly OutboxItem[] {
    const items: OutboxItem[] = [];
    for (const { value } of this.#outbox.getRange({ ...view })) items.push(decode(value) as OutboxItem);
    return items;
  }

  *contexts(view?: View): Iterable<readonly [user: string, bytes: Uint8Array]> {
    for (const { key, value } of this.#contexts.getRange({ ...view })) yield [key, value];
  }

  users(): number {
    return (this.#contexts.getStats() as { entryCount: number }).entryCount;
  }

  async commit(commit: ShardCommit): Promise<void> {
    await this.#root.transaction(() => {
      this.#put(commit);
      void this.#root.put(META_KEY, encode(commit.meta));
    });
  }

  async removeOutbox(keys: readonly number[]): Promise<void> {
    await this.#root.transaction(() => {
      for (const key of keys) void this.#outbox.remove(key);
    });
  }

  snapshot(): ContextSnapshot {
    const transaction = this.#root.useReadTransaction();
    const view = { transaction };
    const meta = this.meta(view);
    const users = this.#contexts.getCount({ ...view });
    return {
      meta,
      load: (user) => this.load(user, view),
      loadRing: (user) => this.loadRing(user, view),
      authenticated: () => this.authenticated(view),
      contexts: () => this.contexts(view),
      isAuthenticated: (user) => this.#authenticated.get(user, view) !== undefined,
      outbox: () => this.outbox(view),
      users: () => users,
      close: () => transaction.done(),
    };
  }

  import(): ContextImport {
    assert(this.meta() === undefined, "a snapshot is imported into an empty store");
    return {
      // In LMDB's own thread, so that this one goes on decoding.
      put: (rows) => this.#root.batch(() => this.#put(rows)).then(() => {}),
      finish: async (meta) => {
        await this.#root.put(META_KEY, encode(meta));
        await this.#root.flushed;
      },
      abandon: async () => this.#clear(),
    };
  }

  #put(rows: ContextRows): void {
    for (const [user, bytes] of rows.contexts) void this.#contexts.put(user, bytes);
    for (const { user, slot, bytes } of rows.ring) void this.#ring.put(ringKey(user, slot), bytes);
    for (const user of rows.authenticated) void this.#authenticated.put(user, PRESENT);
    for (const item of rows.outbox) void this.#outbox.put(item.key, encode(item));
  }

  #clear(): void {
    for (const table of [this.#contexts, this.#ring, this.#authenticated, this.#outbox]) table.clearSync();
  }

  async close(): Promise<void> {
    await this.#root.flushed;
    await this.#root.close();
  }
}

const PRESENT = Uint8Array.of(1);

/** The user's UTF-8 with its length in front, so that no user's range holds another's, then the slot. */
function ringKey(user: string, slot: number): Buffer {
  const length = Buffer.byteLength(user);
  const key = Buffer.allocUnsafe(2 + length + SLOT_BYTES);
  key.writeUInt16BE(length, 0);
  key.write(user, 2);
  key.writeUInt16BE(slot, 2 + length);
  return key;
}
