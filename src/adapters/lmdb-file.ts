import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type Database, type Key, open, type RootDatabase } from "lmdb";
import { assert } from "../kernel/assert.ts";
import { LmdbAccess } from "./lmdb-access.ts";
import { DATA_FILE, diskFull, freeBytes, readFailure } from "./store-failure.ts";
import { removeSetAside } from "./store-guard.ts";

/** Most contexts are under a kilobyte, and a page is copied and written for each that changes. */
export const PAGE_SIZE_BYTES = 4_096;
const LOCK_FILE = "lock.mdb";
/** Folders of new files, which a process that died has left. */
const REWRITE_PREFIX = "rewrite-";
/** Rows copied between two turns of the thread: a millisecond or two. */
const COPIED_ROWS = 128;
/** Transactions of the new file that are under way at once. */
const COPIES_UNDER_WAY = 8;
/** Rows changed meanwhile that may be left for when writing is held up: a few milliseconds. */
const LAST_ROWS_MAX = 512;
/** Rounds of copying what has changed in the round before: it shrinks each time, unless the disk is slower than the writers. */
const ROUNDS_MAX = 8;

/** How a table's keys are written. */
type KeyEncoding = "binary" | "uint32" | "ordered-binary";

export type LmdbFileOptions<Name extends string> = Readonly<{
  mapSizeBytes: number;
  tables: Readonly<Record<Name, KeyEncoding>>;
  /** Keys of the rows beside the tables. */
  singles: readonly string[];
}>;

/** An open environment. */
export type OpenFile<Name extends string> = Readonly<{
  root: RootDatabase<Uint8Array, string>;
  tables: Readonly<Record<Name, Database<Uint8Array, Key>>>;
  access: LmdbAccess;
}>;

/** Keys of rows, by table. */
type Changed<Name extends string> = Map<Name, Map<string, Key>>;

/** Changes rows inside of one transaction. */
export type RowWriter<Name extends string> = Readonly<{
  put(table: Name, key: Key, value: Uint8Array): void;
  remove(table: Name, key: Key): void;
  /** A row beside the tables. */
  putSingle(key: string, value: Uint8Array): void;
}>;

/**
 * The LMDB environment of a store, which can be rewritten while it is used: LMDB keeps the bytes of a row that was
 * removed or replaced in pages that nobody reads, in the gaps of others, and among the keys of the tree's upper pages.
 * A new file into which the rows in force were put one by one has them nowhere.
 */
export class LmdbFile<Name extends string> {
  readonly #path: string;
  readonly #options: LmdbFileOptions<Name>;
  #now: OpenFile<Name>;
  /** Environments that were replaced, and are still read. */
  readonly #replaced = new Set<LmdbAccess>();
  /** Rows changed since the copying of them began, by table. */
  #changed: Changed<Name> | undefined;
  /** Resolves when the writes handed over by now are committed, or failed. */
  #writing: Promise<unknown> = Promise.resolve();
  /** Writes wait for it. */
  #gate: Promise<void> | undefined;
  #rewriting: Promise<void> = Promise.resolve();
  #rewrites = 0;
  #isClosing = false;

  constructor(path: string, options: LmdbFileOptions<Name>) {
    this.#path = path;
    this.#options = options;
    for (const name of readdirSync(path))
      if (name.startsWith(REWRITE_PREFIX)) rmSync(join(path, name), { recursive: true, force: true });
    this.#now = this.#open(path);
  }

  /** The environment in force. It is another one after {@link LmdbFile.rewrite}. */
  get now(): OpenFile<Name> {
    return this.#now;
  }

  /**
   * One transaction; resolves when it is committed. Those that were handed over first are committed first.
   *
   * @param neededBytes - That the file may grow by at most.
   * @param act - Only hands over, as {@link LmdbAccess.write} wants it.
   * @throws EngineError as {@link LmdbAccess.write}.
   */
  write(neededBytes: number, act: (rows: RowWriter<Name>) => void): Promise<void> {
    const write = (): Promise<void> => this.#now.access.write(neededBytes, () => act(this.#writer()));
    const written = this.#gate === undefined ? write() : this.#gate.then(write);
    this.#writing = Promise.allSettled([this.#writing, written]);
    return written;
  }

  /**
   * Replaces the file by one that holds no byte of rows removed before. Reads and writes go on meanwhile; the latter
   * wait at its end for some milliseconds. Resolves once nobody reads the file that was replaced, and it is closed.
   *
   * Costs as much as all rows: 15,000 users in 78 MB took 0.6 to 0.9 s of processor time, a thread was held for up to
   * 60 ms (the unmapping of the old file), a commit for up to 85 ms; docs/privacy.md has the spread.
   *
   * @throws EngineError `DISK_FULL` (retryable) without room for both files; `STORE_CORRUPT`, `STORE_FAILED`,
   * `STORE_CLOSED` (retryable). The file is then as it was.
   */
  rewrite(): Promise<void> {
    const rewriting = this.#rewriting.catch(() => {}).then(() => this.#rewrite());
    this.#rewriting = rewriting;
    rewriting.catch(() => {}); // Told to whoever asked for it.
    return rewriting;
  }

  /** As {@link LmdbAccess.discard}. */
  discard(): void {
    this.#now.access.discard();
  }

  /** As {@link LmdbAccess.close}. A rewriting under way is given up. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const access of this.#replaced) access.refuse();
    await this.#rewriting.catch(() => {});
    await this.#now.access.close();
  }

  async #rewrite(): Promise<void> {
    const size = statSync(join(this.#path, DATA_FILE)).size;
    if (freeBytes(this.#path) < size) throw diskFull(this.#path);
    const folder = join(this.#path, `${REWRITE_PREFIX}${++this.#rewrites}`);
    const from = this.#now;
    let to: OpenFile<Name> | undefined;
    const gate = Promise.withResolvers<void>();
    try {
      mkdirSync(folder);
      to = this.#open(folder);
      this.#changed = new Map();
      await this.#writing; // What was handed over before is not among the changes.
      await this.#copyTables(from, to);
      for (let round = 0; round < ROUNDS_MAX && sizeOf(this.#changed) > LAST_ROWS_MAX; round++) {
        const changed = this.#changed;
        this.#changed = new Map();
        await this.#writing; // What has changed is committed.
        await this.#copyRows(changed, from, to);
      }
      await to.root.flushed;
      this.#gate = gate.promise;
      await this.#writing;
      await this.#copyRows(this.#changed, from, to);
      await this.#copySingles(from, to);
      await to.root.flushed;
      this.#assertGoingOn();
      this.#swap(folder, to);
    } catch (thrown) {
      to?.access.discard();
      rmSync(folder, { recursive: true, force: true });
      throw readFailure(this.#path, thrown);
    } finally {
      this.#changed = undefined;
      gate.resolve();
      await gate.promise; // A write that comes now must not overtake those that waited.
      this.#gate = undefined;
    }
    removeSetAside(this.#path);
    this.#replaced.add(from.access);
    await from.access.retire();
    this.#replaced.delete(from.access);
  }

  /** The new file gets the old one's name: before that a crash leaves the old one, after it the new one. */
  #swap(folder: string, to: OpenFile<Name>): void {
    for (const name of [LOCK_FILE, DATA_FILE]) renameSync(join(folder, name), join(this.#path, name));
    rmSync(folder, { recursive: true, force: true });
    const descriptor = openSync(this.#path, "r");
    fsyncSync(descriptor);
    closeSync(descriptor);
    this.#now = to;
  }

  async #copyTables(from: OpenFile<Name>, to: OpenFile<Name>): Promise<void> {
    const underWay: Promise<void>[] = [];
    for (const name of this.#names()) {
      let after: Key | undefined;
      do {
        this.#assertGoingOn();
        const start = after === undefined ? {} : { start: after, exclusiveStart: true };
        const rows = [...from.tables[name].getRange({ ...start, limit: COPIED_ROWS })];
        after = rows.length < COPIED_ROWS ? undefined : rows.at(-1)?.key;
        const bytes = rows.reduce((sum, { value }) => sum + value.length + PAGE_SIZE_BYTES, 0);
        const copied = to.access.write(bytes, () => {
          for (const { key, value } of rows) void to.tables[name].put(key, value);
        });
        copied.catch(() => {}); // Awaited below.
        underWay.push(copied);
        if (underWay.length >= COPIES_UNDER_WAY) await underWay.shift();
        await turn();
      } while (after !== undefined);
    }
    await Promise.all(underWay);
  }

  /** Brings rows that have changed to what they are now. */
  async #copyRows(changed: Changed<Name>, from: OpenFile<Name>, to: OpenFile<Name>): Promise<void> {
    const keys = [...changed].flatMap(([name, of]) => [...of.values()].map((key) => [name, key] as const));
    for (let at = 0; at < keys.length; at += COPIED_ROWS) {
      this.#assertGoingOn();
      const rows = keys
        .slice(at, at + COPIED_ROWS)
        .map(([name, key]) => [name, key, from.tables[name].get(key)] as const);
      const bytes = rows.reduce((sum, [, , value]) => sum + (value?.length ?? 0) + 2 * PAGE_SIZE_BYTES, 0);
      await to.access.write(bytes, () => {
        for (const [name, key, value] of rows)
          if (value === undefined) void to.tables[name].remove(key);
          else void to.tables[name].put(key, value);
      });
      await turn();
    }
  }

  async #copySingles(from: OpenFile<Name>, to: OpenFile<Name>): Promise<void> {
    const rows = this.#options.singles.flatMap((key) => {
      const value = from.root.get(key);
      return value === undefined ? [] : [[key, value] as const];
    });
    const bytes = rows.reduce((sum, [, value]) => sum + value.length, 8 * PAGE_SIZE_BYTES);
    await to.access.write(bytes, () => {
      for (const [key, value] of rows) void to.root.put(key, value);
    });
  }

  #writer(): RowWriter<Name> {
    const { root, tables } = this.#now;
    const changed = this.#changed;
    const note = (table: Name, key: Key): void => {
      if (changed === undefined) return;
      const keys = changed.get(table) ?? new Map<string, Key>();
      changed.set(table, keys.set(nameOf(key), key));
    };
    return {
      put(table, key, value) {
        void tables[table].put(key, value);
        note(table, key);
      },
      remove(table, key) {
        void tables[table].remove(key);
        note(table, key);
      },
      putSingle(key, value) {
        void root.put(key, value);
      },
    };
  }

  #open(path: string): OpenFile<Name> {
    const root = open<Uint8Array, string>({
      path,
      mapSize: this.#options.mapSizeBytes,
      pageSize: PAGE_SIZE_BYTES,
      encoding: "binary",
      maxDbs: 8,
      noMemInit: false, // Memory that a transaction gave back must not come up in the gaps of another one's pages.
      eventTurnBatching: false, // As LmdbAccess wants it.
    });
    try {
      const tables = Object.fromEntries(
        this.#names().map((name) => {
          const keyEncoding = this.#options.tables[name];
          return [name, root.openDB<Uint8Array, Key>({ name, encoding: "binary", keyEncoding })];
        }),
      ) as Record<Name, Database<Uint8Array, Key>>;
      return { root, tables, access: new LmdbAccess(this.#path, root) };
    } catch (thrown) {
      void root.close();
      throw thrown;
    }
  }

  #names(): Name[] {
    return Object.keys(this.#options.tables) as Name[];
  }

  #assertGoingOn(): void {
    if (this.#isClosing) this.#now.access.refuse();
    this.#now.access.read(() => {}); // Throws if it is being closed.
  }
}

function sizeOf(changed: ReadonlyMap<unknown, ReadonlyMap<string, unknown>>): number {
  let rows = 0;
  for (const keys of changed.values()) rows += keys.size;
  return rows;
}

/** A key as a word, the same for the same key. */
function nameOf(key: Key): string {
  if (typeof key === "string") return key;
  if (key instanceof Uint8Array)
    return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
  if (Array.isArray(key)) return key.join("\u0000");
  assert(typeof key === "number", "keys are words, lists of words, numbers or bytes");
  return String(key);
}
