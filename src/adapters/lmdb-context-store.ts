import { type Database, open, type RootDatabase, type Transaction } from "lmdb";
import { assert } from "../kernel/assert.ts";
import { EngineError } from "../kernel/engine-error.ts";
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
import { LmdbAccess } from "./lmdb-access.ts";
import { seal, sealAll } from "./sealed-value.ts";
import { openGuarded, type ProbedStore } from "./store-guard.ts";

/** Address space reserved, not memory or disk: contexts of a hundred million users fit. */
const MAP_SIZE_BYTES = 2 ** 40;
/** Most contexts are under a kilobyte, and a page is copied and written for each that changes. */
const PAGE_SIZE_BYTES = 4_096;
const META_KEY = "meta";
/** The slot is two bytes behind the user, so that a user's ring is one range of keys. */
const SLOT_BYTES = 2;
/** Keys that LMDB takes, whatever the user's letters. Ids are 128 letters at most where they come in. */
const USER_CHARS_MAX = 512;
/** Rows of a table that are read before a store is relied on, at its begin and at its end. */
const PROBED_ROWS = 4;

/** Reads go to this transaction instead of the newest one. */
type View = Readonly<{ transaction: Transaction }>;

type Tables = Readonly<{
  root: RootDatabase<Uint8Array, string>;
  contexts: Database<Uint8Array, string>;
  ring: Database<Uint8Array, Buffer>;
  authenticated: Database<Uint8Array, string>;
  outbox: Database<Uint8Array, number>;
}>;

/**
 * {@link ContextStore} over LMDB: one environment a shard, raw bytes with checksums, one transaction a commit.
 *
 * @throws EngineError `STORE_CORRUPT`, here and from every read: the folder must be set aside. `DISK_FULL`
 * (retryable), here and from `commit` and imports: nothing was written. `STORE_FAILED` for other failures.
 */
export function lmdbContextStore(path: string): ContextStore {
  return openGuarded(path, () => new LmdbContextStore(path));
}

class LmdbContextStore implements ContextStore, ProbedStore {
  readonly #tables: Tables;
  readonly #access: LmdbAccess;
  /** Outbox items that could not be removed for lack of room: they go with the next commit. */
  readonly #published = new Set<number>();

  constructor(path: string) {
    this.#tables = openTables(path);
    this.#access = new LmdbAccess(path, this.#tables.root);
    try {
      // An import that was not finished: every commit has meta, and an import writes it last.
      if (this.meta() === undefined && this.users() > 0) this.#clear();
    } catch (thrown) {
      this.discard();
      throw thrown;
    }
  }

  load(user: string, view?: View): Uint8Array | undefined {
    return this.#access.read(() => {
      const sealed = this.#tables.contexts.get(user, view);
      return sealed === undefined ? undefined : this.#unsealed("contexts", user, sealed);
    });
  }

  loadRing(user: string, view?: View): readonly (readonly [slot: number, bytes: Uint8Array])[] {
    return this.#access.read(() => {
      const range = { start: ringKey(user, 0), end: ringKey(user, 0xffff), inclusiveEnd: true, ...view };
      const found: [number, Uint8Array][] = [];
      for (const { key, value } of this.#tables.ring.getRange(range)) {
        found.push([key.readUInt16BE(key.length - SLOT_BYTES), this.#unsealed("ring", user, value)]);
      }
      return found;
    });
  }

  held(view?: View): Iterable<string> {
    return this.#access.readEach(
      () => this.#tables.contexts.getKeys({ ...view }),
      (user) => user,
    );
  }

  authenticated(view?: View): Iterable<string> {
    return this.#access.readEach(
      () => this.#tables.authenticated.getKeys({ ...view }),
      (user) => user,
    );
  }

  authenticatedAfter(after: string | undefined, limit: number, view?: View): readonly string[] {
    const from = after === undefined ? {} : { start: after, exclusiveStart: true };
    const range = { ...from, limit, ...view };
    return this.#access.read(() => [...this.#tables.authenticated.getKeys(range)]);
  }

  meta(view?: View): ShardMeta | undefined {
    return this.#access.read(() => {
      const bytes = this.#tables.root.get(META_KEY, view);
      return bytes === undefined ? undefined : (decode(this.#unsealed("meta", "", bytes)) as ShardMeta);
    });
  }

  outbox(view?: View): readonly OutboxItem[] {
    return this.#access.read(() => {
      const items: OutboxItem[] = [];
      for (const { key, value } of this.#tables.outbox.getRange({ ...view })) {
        if (this.#published.has(key)) continue;
        items.push(decode(this.#unsealed("outbox", "", value)) as OutboxItem);
      }
      return items;
    });
  }

  contexts(view?: View): Iterable<readonly [user: string, bytes: Uint8Array]> {
    return this.#access.readEach(
      () => this.#tables.contexts.getRange({ ...view }),
      ({ key, value }) => [key, this.#unsealed("contexts", key, value)] as const,
    );
  }

  users(): number {
    return this.#access.read(() => (this.#tables.contexts.getStats() as { entryCount: number }).entryCount);
  }

  async commit(commit: ShardCommit): Promise<void> {
    const published = [...this.#published];
    const meta = seal(encode(commit.meta));
    const put = this.#putting(commit);
    await this.#access.write(neededBytes(commit), () => {
      put();
      for (const key of published) void this.#tables.outbox.remove(key);
      void this.#tables.root.put(META_KEY, meta);
    });
    for (const key of published) this.#published.delete(key);
  }

  async removeOutbox(keys: readonly number[]): Promise<void> {
    try {
      await this.#access.write(neededBytes(NO_ROWS), () => {
        for (const key of keys) void this.#tables.outbox.remove(key);
      });
    } catch (thrown) {
      if (!(thrown instanceof EngineError && thrown.code === "DISK_FULL")) throw thrown;
      for (const key of keys) this.#published.add(key); // Forgetting takes room as well.
    }
  }

  snapshot(): ContextSnapshot {
    const transaction = this.#tables.root.useReadTransaction();
    const view = { transaction };
    const meta = this.meta(view);
    const users = this.users(); // By the newest transaction, which in this turn is the same.
    const { authenticated } = this.#tables;
    const letGo = this.#access.holdView();
    let isOpen = true;
    return {
      meta,
      load: (user) => this.load(user, view),
      loadRing: (user) => this.loadRing(user, view),
      held: () => this.held(view),
      authenticated: () => this.authenticated(view),
      authenticatedAfter: (after, limit) => this.authenticatedAfter(after, limit, view),
      contexts: () => this.contexts(view),
      isAuthenticated: (user) => this.#access.read(() => authenticated.get(user, view) !== undefined),
      outbox: () => this.outbox(view),
      users: () => users,
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        transaction.done();
        letGo();
      },
    };
  }

  import(): ContextImport {
    assert(this.meta() === undefined, "a snapshot is imported into an empty store");
    const { root } = this.#tables;
    return {
      put: async (rows) => this.#access.write(neededBytes(rows), this.#putting(rows)),
      // After a power cut that comes before the flush, LMDB is back at a state without meta: an empty store.
      finish: async (meta) => {
        const bytes = seal(encode(meta));
        await this.#access.write(neededBytes(NO_ROWS), () => void root.put(META_KEY, bytes));
      },
      abandon: async () => this.#access.read(() => this.#clear()),
    };
  }

  probe(): void {
    const { contexts, ring, authenticated, outbox } = this.#tables;
    this.meta();
    for (const reverse of [false, true]) {
      const range = { limit: PROBED_ROWS, reverse };
      for (const { key, value } of contexts.getRange({ ...range })) this.#unsealed("contexts", key, value);
      for (const { key, value } of ring.getRange({ ...range })) this.#unsealed("ring", userOf(key), value);
      for (const table of [authenticated, outbox]) void [...table.getRange({ ...range })];
    }
  }

  discard(): void {
    this.#access.discard();
  }

  close(): Promise<void> {
    return this.#access.close();
  }

  /** What puts rows; all that may throw is done before. */
  #putting(rows: ContextRows): () => void {
    const { contexts, ring, authenticated, outbox } = this.#tables;
    for (const [user] of rows.contexts) assertKey(user);
    for (const { user } of rows.ring) assertKey(user);
    for (const user of rows.authenticated) assertKey(user);
    const items = sealAll(rows.outbox.map((item) => encode(item)));
    const chunks = sealAll(rows.ring.map(({ bytes }) => bytes));
    const sealed = sealAll(rows.contexts.map(([, bytes]) => bytes));
    const erased = rows.erased ?? [];
    const erasedSlots = erased.flatMap((user) => this.#ringKeys(user));
    return () => {
      for (const key of erasedSlots) void ring.remove(key);
      for (const user of erased) {
        void contexts.remove(user);
        void authenticated.remove(user);
      }
      for (let i = 0; i < sealed.length; i++) void contexts.put(rows.contexts[i]![0], sealed[i]!);
      for (const [i, { user, slot }] of rows.ring.entries()) void ring.put(ringKey(user, slot), chunks[i]!);
      for (const user of rows.authenticated) void authenticated.put(user, PRESENT);
      for (const [i, { key }] of rows.outbox.entries()) void outbox.put(key, items[i]!);
    };
  }

  /** Keys of a user's ring, as of the last commit. */
  #ringKeys(user: string): Buffer[] {
    const range = { start: ringKey(user, 0), end: ringKey(user, 0xffff), inclusiveEnd: true };
    return this.#access.read(() => [...this.#tables.ring.getKeys(range)].map((key) => Buffer.from(key)));
  }

  #clear(): void {
    const { contexts, ring, authenticated, outbox } = this.#tables;
    for (const table of [contexts, ring, authenticated, outbox]) table.clearSync();
  }

  #unsealed(table: string, user: string, sealed: Uint8Array): Uint8Array {
    return this.#access.unsealed(table, user, sealed);
  }
}

const PRESENT = Uint8Array.of(1);
const NO_ROWS: ContextRows = { contexts: [], ring: [], authenticated: [], outbox: [] };

function openTables(path: string): Tables {
  const root = open<Uint8Array, string>({
    path,
    mapSize: MAP_SIZE_BYTES,
    pageSize: PAGE_SIZE_BYTES,
    encoding: "binary",
    maxDbs: 8,
    eventTurnBatching: false, // As LmdbAccess wants it.
  });
  try {
    return {
      root,
      contexts: root.openDB<Uint8Array, string>({ name: "contexts", encoding: "binary" }),
      ring: root.openDB<Uint8Array, Buffer>({ name: "ring", encoding: "binary", keyEncoding: "binary" }),
      authenticated: root.openDB<Uint8Array, string>({ name: "authenticated", encoding: "binary" }),
      outbox: root.openDB<Uint8Array, number>({ name: "outbox", encoding: "binary", keyEncoding: "uint32" }),
    };
  } catch (thrown) {
    void root.close();
    throw thrown;
  }
}

/** What a commit may add to the file at most: its values, and for each a page that is copied, with the one above. */
function neededBytes(rows: ContextRows): number {
  let bytes = 4 * PAGE_SIZE_BYTES;
  for (const [, context] of rows.contexts) bytes += context.length + 2 * PAGE_SIZE_BYTES;
  for (const slot of rows.ring) bytes += slot.bytes.length + 2 * PAGE_SIZE_BYTES;
  for (const item of rows.outbox) bytes += item.data.length + 2 * PAGE_SIZE_BYTES;
  return bytes + (rows.authenticated.length + 3 * (rows.erased?.length ?? 0)) * 2 * PAGE_SIZE_BYTES;
}

function assertKey(user: string): void {
  assert(user.length > 0 && user.length <= USER_CHARS_MAX, "a user's id has 1 to 512 letters");
}

/** The user's UTF-8 with its length in front, so that no user's range holds another's, then the slot. */
function ringKey(user: string, slot: number): Buffer {
  const length = Buffer.byteLength(user);
  const key = Buffer.allocUnsafe(2 + length + SLOT_BYTES);
  key.writeUInt16BE(length, 0);
  key.write(user, 2);
  key.writeUInt16BE(slot, 2 + length);
  return key;
}

/** The user in a {@link ringKey}. */
function userOf(key: Buffer): string {
  return key.toString("utf8", 2, key.length - SLOT_BYTES);
}
