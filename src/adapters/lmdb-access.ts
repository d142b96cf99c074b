import { setTimeout as sleep } from "node:timers/promises";
import type { RootDatabase } from "lmdb";
import { EngineError } from "../kernel/engine-error.ts";
import { hash32 } from "../kernel/hash.ts";
import { unseal } from "./sealed-value.ts";
import { commitFailure, diskFull, freeBytes, hasRoom, readFailure, storeCorrupt } from "./store-failure.ts";
import { noteClosed } from "./store-guard.ts";

const CLOSE_PATIENCE_MS = 5_000;
/** Room at which a commit that found the disk full is tried again. */
const RETRY_ROOM_BYTES = 256 * 1024;

/**
 * How a store reads, writes and closes its LMDB environment, which was opened with `eventTurnBatching: false`: with
 * LMDB's own batches, a commit that fails rejects a promise that nobody holds.
 */
export class LmdbAccess {
  readonly #path: string;
  readonly #root: RootDatabase<Uint8Array, string>;
  /** The last commit found the disk full, or failed for another reason. */
  #isFull = false;
  #hasFailed = false;
  #closing: Promise<void> | undefined;
  #isRefusing = false;
  /** Views of an earlier moment that are read at present. */
  #views = 0;
  #viewClosed: () => void = () => {};

  constructor(path: string, root: RootDatabase<Uint8Array, string>) {
    this.#path = path;
    this.#root = root;
  }

  /** @throws EngineError `STORE_CLOSED` (retryable), `STORE_CORRUPT`, `DISK_FULL` (retryable), `STORE_FAILED`. */
  read<Result>(read: () => Result): Result {
    try {
      this.#assertOpen();
      return read();
    } catch (thrown) {
      throw readFailure(this.#path, thrown);
    }
  }

  /** Hands out one row after the other, and throws like {@link LmdbAccess.read}, also if the store is closed meanwhile. */
  *readEach<Row, Result>(rows: () => Iterable<Row>, toResult: (row: Row) => Result): Generator<Result> {
    try {
      this.#assertOpen();
      for (const row of rows()) {
        yield toResult(row);
        this.#assertOpen();
      }
    } catch (thrown) {
      throw readFailure(this.#path, thrown);
    }
  }

  /**
   * What was sealed for a row.
   *
   * @param owner - Told as a hash only: an id is nobody's business but the store's.
   * @throws EngineError `STORE_CORRUPT`.
   */
  unsealed(table: string, owner: string, sealed: Uint8Array): Uint8Array {
    const value = unseal(sealed);
    if (value !== undefined) return value;
    const detail = { table, userHash: hash32(owner).toString(16) };
    throw storeCorrupt(this.#path, `a row of ${table} does not have its checksum`, detail);
  }

  /**
   * One transaction; resolves when it is committed. The writing is done by a thread of LMDB's.
   *
   * @param neededBytes - That the file may grow by at most.
   * @param act - Only hands over: LMDB commits what it was handed, also if the handing over ends in the middle, so
   *   everything that may throw comes before.
   * @throws EngineError `DISK_FULL` (retryable): nothing was written. `STORE_CORRUPT`, `STORE_FAILED`.
   */
  async write(neededBytes: number, act: () => void): Promise<void> {
    // LMDB must not find out: it writes what went wrong into a buffer that is too short for it (mdb.c, after pwritev:
    // 100 bytes), and the damaged heap may end the process.
    if (freeBytes(this.#path) < neededBytes) throw diskFull(this.#path);
    if (this.#isFull && !hasRoom(this.#path, RETRY_ROOM_BYTES)) throw diskFull(this.#path);
    try {
      await this.#root.batch(act);
      this.#isFull = false;
      this.#hasFailed = false;
    } catch (thrown) {
      this.#hasFailed = true;
      const failure = await commitFailure(this.#path, thrown, neededBytes);
      this.#isFull = failure.code === "DISK_FULL";
      throw failure;
    }
  }

  /** Keeps the store from being closed while a view of an earlier moment is read. @returns Ends that; called once. */
  holdView(): () => void {
    this.#views++;
    return () => {
      this.#views--;
      this.#viewClosed();
    };
  }

  /** Resolves once no view of an earlier moment is read: LMDB would end the process at a read of what is closed. */
  async viewsClosed(): Promise<void> {
    while (this.#views > 0) {
      await new Promise<void>((resolve) => {
        this.#viewClosed = resolve;
      });
    }
  }

  /** Refuses reads from now on, those of views too: they must not keep the store from being closed. */
  refuse(): void {
    this.#isRefusing = true;
  }

  /** Gives up what was opened and never relied on. */
  discard(): void {
    void this.#root.close();
  }

  /** Reads are refused from now on. Resolves once what is committed is on the disk, and everything is closed. */
  close(): Promise<void> {
    this.refuse();
    // A disk that fails may keep LMDB from ever being done: what is committed is safe without it.
    this.#closing ??= Promise.race([this.#shut(), sleep(CLOSE_PATIENCE_MS, undefined, { ref: false })]);
    return this.#closing;
  }

  async #shut(): Promise<void> {
    await this.viewsClosed(); // A view's next read throws, so this is soon.
    // After a commit that failed LMDB waits for it to reach the disk, until another one does.
    if (this.#hasFailed) await this.#root.transaction(() => {});
    await this.#root.flushed;
    await this.#root.close();
    noteClosed(this.#path);
  }

  #assertOpen(): void {
    if (!this.#isRefusing) return;
    const message = `the store ${this.#path} is being closed`;
    throw new EngineError({ code: "STORE_CLOSED", message, retryable: true, detail: { path: this.#path } });
  }
}
