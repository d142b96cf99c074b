import { readdirSync, rmSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { type Database, type Key, open, type RootDatabase } from "lmdb";
import { LmdbAccess } from "./lmdb-access.ts";
import { BrokenPage, type Meta, metaInForce, newestMeta, Pages, readMetas } from "./lmdb-pages.ts";
import { type Residues, residuesOf } from "./lmdb-scrub.ts";
import { emptyJournal, overwrite, redoJournal, writeJournal } from "./lmdb-scrub-journal.ts";
import { DATA_FILE, diskFull, freeBytes, readFailure, storeCorrupt } from "./store-failure.ts";
import { removeSetAside } from "./store-guard.ts";

/** Most contexts are under a kilobyte, and a page is copied and written for each that changes. */
export const PAGE_SIZE_BYTES = 4_096;
/** Folders of new files, which a process of an earlier version that died has left. */
const REWRITE_PREFIX = "rewrite-";
/** Pages looked through between two turns of the thread: three or four milliseconds. */
const LOOKED_PAGES = 512;
/** What a journal has beside each page. */
const NOTE_BYTES = 64;
/** Pause before it is seen again whether an older state is still read. */
const RETRY_MS = 20;
/** No boot of a machine is known by it. */
const ANOTHER_BOOT = 0n;

/** How a table's keys are written. */
type KeyEncoding = "binary" | "uint32" | "ordered-binary";

export type LmdbFileOptions<Name extends string> = Readonly<{
  mapSizeBytes: number;
  tables: Readonly<Record<Name, KeyEncoding>>;
}>;

/** An open environment. */
export type OpenFile<Name extends string> = Readonly<{
  root: RootDatabase<Uint8Array, string>;
  tables: Readonly<Record<Name, Database<Uint8Array, Key>>>;
  access: LmdbAccess;
}>;

/** Changes rows inside of one transaction. */
export type RowWriter<Name extends string> = Readonly<{
  put(table: Name, key: Key, value: Uint8Array): void;
  remove(table: Name, key: Key): void;
  /** A row beside the tables. */
  putSingle(key: string, value: Uint8Array): void;
}>;

/**
 * The LMDB environment of a store, which can be scrubbed while it is used: LMDB keeps the bytes of a row that was
 * removed or replaced in pages that nobody reads, in the gaps of others, and among the keys of the tree's upper pages.
 */
export class LmdbFile<Name extends string> {
  readonly #path: string;
  readonly #options: LmdbFileOptions<Name>;
  readonly #now: OpenFile<Name>;
  /** Resolves when the writes handed over by now are committed, or failed. */
  #writing: Promise<unknown> = Promise.resolve();
  /** Writes wait for it. */
  #gate: Promise<void> | undefined;
  #scrubbing: Promise<void> = Promise.resolve();
  #isClosing = false;

  constructor(path: string, options: LmdbFileOptions<Name>) {
    this.#path = path;
    this.#options = options;
    for (const name of readdirSync(path))
      if (name.startsWith(REWRITE_PREFIX)) rmSync(join(path, name), { recursive: true, force: true });
    redoJournal(path);
    this.#now = this.#open(path);
  }

  /** The environment. */
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
   * Overwrites what is left in the file of rows that were removed or replaced by the writes handed over before. Reads go on
   * meanwhile, writes wait; both wait for nothing else but it waits for views of earlier moments to be closed.
   *
   * Reads the file once, and writes what has changed since the last time; docs/privacy.md has what that takes.
   *
   * @throws EngineError `DISK_FULL` (retryable); `STORE_CORRUPT`, `STORE_FAILED`, `STORE_CLOSED` (retryable). What was not
   * overwritten then is as it was.
   */
  scrub(): Promise<void> {
    const scrubbing = this.#scrubbing
      .catch(() => {})
      .then(async () => {
        while (!(await this.#scrub())) await sleep(RETRY_MS);
        removeSetAside(this.#path);
      });
    this.#scrubbing = scrubbing;
    scrubbing.catch(() => {}); // Told to whoever asked for it.
    return scrubbing;
  }

  /** As {@link LmdbAccess.discard}. */
  discard(): void {
    this.#now.access.discard();
  }

  /** As {@link LmdbAccess.close}. A scrubbing under way is given up. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#now.access.refuse();
    await this.#scrubbing.catch(() => {});
    await this.#now.access.close();
  }

  /** @returns False if somebody reads an older state meanwhile, whose pages must stay. */
  async #scrub(): Promise<boolean> {
    const { access, root } = this.#now;
    await access.viewsClosed();
    const gate = Promise.withResolvers<void>();
    this.#gate = gate.promise;
    try {
      await this.#writing;
      this.#assertGoingOn();
      await root.flushed;
      return await this.#overwriteResidues();
    } catch (thrown) {
      if (thrown instanceof BrokenPage) throw storeCorrupt(this.#path, thrown.message);
      throw readFailure(this.#path, thrown);
    } finally {
      gate.resolve();
      await gate.promise; // A write that comes now must not overtake those that waited.
      this.#gate = undefined;
    }
  }

  /** While nothing is committed: what is overwritten is not of the only state that is left, so a crash leaves that as it is. */
  async #overwriteResidues(): Promise<boolean> {
    const file = join(this.#path, DATA_FILE);
    const descriptor = await openFile(file, "r+");
    try {
      await descriptor.datasync(); // Also the note that the newest state is flushed.
      const pages = new Pages(descriptor.fd);
      const metas = readMetas(pages);
      if (metas === undefined) throw new BrokenPage("its first pages are damaged");
      const meta = newestMeta(metas);
      const { transaction } = meta;
      if (metaInForce(metas, ANOTHER_BOOT).transaction !== transaction) return false;
      if (!this.#isReadFrom(transaction)) return false;
      const { unread, split } = await this.#residues(pages, meta);
      const needed = split.reduce((sum, { bytes }) => sum + bytes.length + NOTE_BYTES, 0);
      if (freeBytes(this.#path) < needed) throw diskFull(this.#path);
      if (split.length > 0) await writeJournal(this.#path, { transaction, pages: split });
      await overwrite(descriptor, [...unread, ...split]);
      emptyJournal(this.#path);
      return true;
    } finally {
      await descriptor.close();
    }
  }

  async #residues(pages: Pages, meta: Meta): Promise<Residues> {
    const { tables } = this.#options;
    const isBytewise = (name: string): boolean => tables[name as Name] !== "uint32";
    const looking = residuesOf(pages, meta, isBytewise);
    for (let looked = 0; ; looked++) {
      const step = looking.next();
      if (step.done === true) return step.value;
      if (looked % LOOKED_PAGES !== 0) continue;
      await turn();
      this.#assertGoingOn();
    }
  }

  /** Whether nobody reads what was in force before a transaction. */
  #isReadFrom(transaction: number): boolean {
    const readers = this.#now.root.readerList().matchAll(/^ *\d+ +\S+ +(\d+) *$/gm);
    return [...readers].every(([, read]) => Number(read) >= transaction);
  }

  #writer(): RowWriter<Name> {
    const { root, tables } = this.#now;
    return {
      put: (table, key, value) => void tables[table].put(key, value),
      remove: (table, key) => void tables[table].remove(key),
      putSingle: (key, value) => void root.put(key, value),
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
