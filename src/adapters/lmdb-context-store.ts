import type { Transaction } from "lmdb";
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
import type { LmdbAccess } from "./lmdb-access.ts";
import { LmdbFile, type OpenFile, PAGE_SIZE_BYTES, type RowWriter } from "./lmdb-file.ts";
import { seal, sealAll } from "./sealed-value.ts";
import { openGuarded, type ProbedStore } from "./store-guard.ts";

/** Address space reserved, not memory or disk: contexts of a hundred million users fit. */
const MAP_SIZE_BYTES = 2 ** 40;
const META_KEY = "meta";
/** The slot is two bytes behind the user, so that a user's ring is one range of keys. */
const SLOT_BYTES = 2;
/** Keys that LMDB takes, whatever the user's letters. Ids are 128 letters at most where they come in. */
const USER_CHARS_MAX = 512;
/** Rows of a table that are read before a store is relied on, at its begin and at its end. */
const PROBED_ROWS = 4;

/** Reads go to this transaction instead of the newest one. */
type View = Readonly<{ transaction: Transaction }>;

/** A table, and how its keys are written. */
const TABLES = {
  contexts: "ordered-binary",
  ring: "binary",
  authenticated: "ordered-binary",
  outbox: "uint32",
} as const;
type TableName = keyof typeof TABLES;
type Rows = RowWriter<TableName>;

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
  readonly #file: LmdbFile<TableName>;
  /** Outbox items that could not be removed for lack of room: they go with the next commit. */
  readonly #published = new Set<number>();

  constructor(path: string) {
    this.#file = new LmdbFile(path, { mapSizeBytes: MAP_SIZE_BYTES, tables: TABLES });
    try {
      // An import that was not finished: every commit has meta, and an import writes it last.
      if (this.meta() === undefined && this.users() > 0) this.#clear();
    } catch (thrown) {
      this.discard();
      throw thrown;
    }
  }

  load(user: string): Uint8Array | undefined {
    return this.#reads.load(user);
  }

  loadRing(user: string): readonly (readonly [slot: number, bytes: Uint8Array])[] {
    return this.#reads.loadRing(user);
  }

  held(): Iterable<string> {
    return this.#reads.held();
  }

  authenticated(): Iterable<string> {
    return this.#reads.authenticated();
  }

  authenticatedAfter(after: string | undefined, limit: number): readonly string[] {
    return this.#reads.authenticatedAfter(after, limit);
  }

  meta(): ShardMeta | undefined {
    return this.#reads.meta();
  }

  outbox(): readonly OutboxItem[] {
    return this.#reads.outbox(this.#published);
  }

  contexts(): Iterable<readonly [user: string, bytes: Uint8Array]> {
    return this.#reads.contexts();
  }

  contextsAfter(
    after: string | undefined,
    limit: number,
  ): readonly (readonly [user: string, bytes: Uint8Array])[] {
    return this.#reads.contextsAfter(after, limit);
  }

  users(): number {
    return this.#reads.users();
  }

  async commit(commit: ShardCommit): Promise<void> {
    const published = [...this.#published, ...(commit.published ?? [])];
    const meta = seal(encode(commit.meta));
    const erase = this.#erasing(commit.erased ?? []);
    const put = puttingOf(commit);
    await this.#file.write(neededBytes(commit) + erase.neededBytes, (rows) => {
      erase.act(rows);
      for (const key of published) rows.remove("outbox", key);
      put(rows);
      rows.putSingle(META_KEY, meta);
    });
    for (const key of published) this.#published.delete(key);
  }

  async removeOutbox(keys: readonly number[]): Promise<void> {
    try {
      await this.#file.write(neededBytes(NO_ROWS), (rows) => {
        for (const key of keys) rows.remove("outbox", key);
      });
    } catch (thrown) {
      if (!(thrown instanceof EngineError && thrown.code === "DISK_FULL")) throw thrown;
      for (const key of keys) this.#published.add(key); // Forgetting takes room as well.
    }
  }

  async scrub(): Promise<void> {
    await this.#file.scrub();
  }

  snapshot(): ContextSnapshot {
    const { root, access } = this.#file.now;
    const transaction = root.useReadTransaction();
    const reads = new ContextReads(this.#file.now, { transaction });
    const meta = reads.meta();
    const users = reads.users(); // By the newest transaction, which in this turn is the same.
    const letGo = access.holdView();
    let isOpen = true;
    return {
      meta,
      load: (user) => reads.load(user),
      loadRing: (user) => reads.loadRing(user),
      held: () => reads.held(),
      authenticated: () => reads.authenticated(),
      authenticatedAfter: (after, limit) => reads.authenticatedAfter(after, limit),
      contexts: () => reads.contexts(),
      isAuthenticated: (user) => reads.isAuthenticated(user),
      outbox: () => reads.outbox(this.#published),
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
    return {
      put: async (rows) => this.#file.write(neededBytes(rows), puttingOf(rows)),
      // After a power cut that comes before the flush, LMDB is back at a state without meta: an empty store.
      finish: async (meta) => {
        const bytes = seal(encode(meta));
        await this.#file.write(neededBytes(NO_ROWS), (rows) => rows.putSingle(META_KEY, bytes));
      },
      abandon: async () => this.#file.now.access.read(() => this.#clear()),
    };
  }

  probe(): void {
    this.#reads.probe();
  }

  discard(): void {
    this.#file.discard();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  get #reads(): ContextReads {
    return new ContextReads(this.#file.now);
  }

  /** What removes users, with the ring's slots as the commit before has left them. */
  #erasing(users: readonly string[]): { readonly neededBytes: number; act(rows: Rows): void } {
    const slots = users.flatMap((user) => this.loadRing(user).map(([slot]) => ringKey(user, slot)));
    return {
      neededBytes: (users.length * 2 + slots.length) * 2 * PAGE_SIZE_BYTES,
      act(rows) {
        for (const user of users) {
          rows.remove("contexts", user);
          rows.remove("authenticated", user);
        }
        for (const key of slots) rows.remove("ring", key);
      },
    };
  }

  #clear(): void {
    for (const table of Object.values(this.#file.now.tables)) table.clearSync();
  }
}

/** Reads of the newest transaction, or of the one of a view. */
class ContextReads {
  readonly #tables: OpenFile<TableName>["tables"];
  readonly #root: OpenFile<TableName>["root"];
  readonly #access: LmdbAccess;
  readonly #view: View | undefined;

  constructor({ root, tables, access }: OpenFile<TableName>, view?: View) {
    this.#tables = tables;
    this.#root = root;
    this.#access = access;
    this.#view = view;
  }

  load(user: string): Uint8Array | undefined {
    return this.#access.read(() => {
      const sealed = this.#tables.contexts.get(user, this.#view);
      return sealed === undefined ? undefined : this.#unsealed("contexts", user, sealed);
    });
  }

  loadRing(user: string): readonly (readonly [slot: number, bytes: Uint8Array])[] {
    return this.#access.read(() => {
      const range = {
        start: ringKey(user, 0),
        end: ringKey(user, 0xffff),
        inclusiveEnd: true,
        ...this.#view,
      };
      const found: [number, Uint8Array][] = [];
      for (const { key, value } of this.#tables.ring.getRange(range))
        found.push([slotOf(key as Buffer), this.#unsealed("ring", user, value)]);
      return found;
    });
  }

  held(): Iterable<string> {
    return this.#access.readEach(
      () => this.#tables.contexts.getKeys({ ...this.#view }),
      (user) => user as string,
    );
  }

  authenticated(): Iterable<string> {
    return this.#access.readEach(
      () => this.#tables.authenticated.getKeys({ ...this.#view }),
      (user) => user as string,
    );
  }

  authenticatedAfter(after: string | undefined, limit: number): readonly string[] {
    const from = after === undefined ? {} : { start: after, exclusiveStart: true };
    const range = { ...from, limit, ...this.#view };
    return this.#access.read(() => [...this.#tables.authenticated.getKeys(range)] as string[]);
  }

  isAuthenticated(user: string): boolean {
    return this.#access.read(() => this.#tables.authenticated.get(user, this.#view) !== undefined);
  }

  meta(): ShardMeta | undefined {
    return this.#access.read(() => {
      const bytes = this.#root.get(META_KEY, this.#view);
      return bytes === undefined ? undefined : (decode(this.#unsealed("meta", "", bytes)) as ShardMeta);
    });
  }

  outbox(published: ReadonlySet<number>): readonly OutboxItem[] {
    return this.#access.read(() => {
      const items: OutboxItem[] = [];
      for (const { key, value } of this.#tables.outbox.getRange({ ...this.#view })) {
        if (published.has(key as number)) continue;
        items.push(decode(this.#unsealed("outbox", "", value)) as OutboxItem);
      }
      return items;
    });
  }

  contexts(): Iterable<readonly [user: string, bytes: Uint8Array]> {
    return this.#access.readEach(
      () => this.#tables.contexts.getRange({ ...this.#view }),
      ({ key, value }) => [key as string, this.#unsealed("contexts", key as string, value)] as const,
    );
  }

  contextsAfter(
    after: string | undefined,
    limit: number,
  ): readonly (readonly [user: string, bytes: Uint8Array])[] {
    const from = after === undefined ? {} : { start: after, exclusiveStart: true };
    return this.#access.read(() => {
      const found: [string, Uint8Array][] = [];
      for (const { key, value } of this.#tables.contexts.getRange({ ...from, limit, ...this.#view }))
        found.push([key as string, this.#unsealed("contexts", key as string, value)]);
      return found;
    });
  }

  users(): number {
    return this.#access.read(() => (this.#tables.contexts.getStats() as { entryCount: number }).entryCount);
  }

  probe(): void {
    const { contexts, ring, authenticated, outbox } = this.#tables;
    this.meta();
    for (const reverse of [false, true]) {
      const range = { limit: PROBED_ROWS, reverse };
      for (const { key, value } of contexts.getRange(range)) this.#unsealed("contexts", key as string, value);
      for (const { key, value } of ring.getRange(range)) this.#unsealed("ring", userOf(key as Buffer), value);
      for (const table of [authenticated, outbox]) void [...table.getRange(range)];
    }
  }

  #unsealed(table: string, user: string, sealed: Uint8Array): Uint8Array {
    return this.#access.unsealed(table, user, sealed);
  }
}

/** What puts rows; all that may throw is done before. */
function puttingOf(given: ContextRows): (rows: Rows) => void {
  for (const [user] of given.contexts) assertKey(user);
  for (const { user } of given.ring) assertKey(user);
  for (const user of given.authenticated) assertKey(user);
  const items = sealAll(given.outbox.map((item) => encode(item)));
  const chunks = sealAll(given.ring.map(({ bytes }) => bytes));
  const sealed = sealAll(given.contexts.map(([, bytes]) => bytes));
  return (rows) => {
    for (let i = 0; i < sealed.length; i++) rows.put("contexts", given.contexts[i]![0], sealed[i]!);
    for (const [i, { user, slot }] of given.ring.entries()) rows.put("ring", ringKey(user, slot), chunks[i]!);
    for (const user of given.authenticated) rows.put("authenticated", user, PRESENT);
    for (const [i, { key }] of given.outbox.entries()) rows.put("outbox", key, items[i]!);
  };
}

const PRESENT = Uint8Array.of(1);
const NO_ROWS: ContextRows = { contexts: [], ring: [], authenticated: [], outbox: [] };

/** What a commit may add to the file at most: its values, and for each a page that is copied, with the one above. */
function neededBytes(rows: ContextRows): number {
  let bytes = 4 * PAGE_SIZE_BYTES;
  for (const [, context] of rows.contexts) bytes += context.length + 2 * PAGE_SIZE_BYTES;
  for (const slot of rows.ring) bytes += slot.bytes.length + 2 * PAGE_SIZE_BYTES;
  for (const item of rows.outbox) bytes += item.data.length + 2 * PAGE_SIZE_BYTES;
  return bytes + rows.authenticated.length * 2 * PAGE_SIZE_BYTES;
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

/** The slot in a {@link ringKey}. */
function slotOf(key: Buffer): number {
  return key.readUInt16BE(key.length - SLOT_BYTES);
}

/** The user in a {@link ringKey}. */
function userOf(key: Buffer): string {
  return key.toString("utf8", 2, key.length - SLOT_BYTES);
}
