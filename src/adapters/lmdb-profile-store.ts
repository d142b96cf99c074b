import { type Database, open, type RootDatabase } from "lmdb";
import { assert } from "../kernel/assert.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type {
  PendingPublication,
  ProfileCommit,
  ProfileMeta,
  ProfileStore,
} from "../profiles/profile-store.ts";
import { LmdbAccess } from "./lmdb-access.ts";
import { seal } from "./sealed-value.ts";
import { openGuarded, type ProbedStore } from "./store-guard.ts";

/** Address space reserved, not memory or disk. */
const MAP_SIZE_BYTES = 2 ** 38;
const PAGE_SIZE_BYTES = 4_096;
const META_KEY = "meta";
const PENDING_KEY = "pending";
/** Keys that LMDB takes: an encoder's version, and a user or the name of a sum, whatever their letters. */
const ENCODER_CHARS_MAX = 128;
const NAME_CHARS_MAX = 512;
/** Rows of a table that are read before a store is relied on, at its begin and at its end. */
const PROBED_ROWS = 4;

type Table = Database<Uint8Array, string[]>;
type Row = readonly [encoder: string, name: string, bytes: Uint8Array | undefined];

/**
 * {@link ProfileStore} over LMDB: raw bytes with checksums, one transaction a commit. Keys are arrays, so an encoder is
 * a range.
 *
 * @throws EngineError `STORE_CORRUPT`, here and from every read: the folder must be set aside. `DISK_FULL`
 * (retryable), here and from `commit`: nothing was written. `STORE_FAILED` for other failures. `STORE_CLOSED`
 * (retryable) from reads once it is being closed.
 */
export function lmdbProfileStore(path: string): ProfileStore {
  return openGuarded(path, () => new LmdbProfileStore(path));
}

class LmdbProfileStore implements ProfileStore, ProbedStore {
  readonly #root: RootDatabase<Uint8Array, string>;
  readonly #members: Table;
  readonly #sums: Table;
  readonly #access: LmdbAccess;
  #committing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#root = open<Uint8Array, string>({
      path,
      mapSize: MAP_SIZE_BYTES,
      pageSize: PAGE_SIZE_BYTES,
      encoding: "binary",
      maxDbs: 4,
      eventTurnBatching: false, // As LmdbAccess wants it.
    });
    this.#access = new LmdbAccess(path, this.#root);
    try {
      this.#members = this.#root.openDB<Uint8Array, string[]>({ name: "members", encoding: "binary" });
      this.#sums = this.#root.openDB<Uint8Array, string[]>({ name: "sums", encoding: "binary" });
    } catch (thrown) {
      this.discard();
      throw thrown;
    }
  }

  meta(): ProfileMeta | undefined {
    return this.#decoded(META_KEY) as ProfileMeta | undefined;
  }

  pending(): readonly PendingPublication[] {
    return (this.#decoded(PENDING_KEY) as readonly PendingPublication[] | undefined) ?? [];
  }

  member(encoder: string, user: string): Uint8Array | undefined {
    return this.#access.read(() => {
      const sealed = this.#members.get([encoder, user]);
      return sealed === undefined ? undefined : this.#access.unsealed("members", user, sealed);
    });
  }

  membersAfter(
    encoder: string,
    after: string | undefined,
    limit: number,
  ): readonly (readonly [user: string, bytes: Uint8Array])[] {
    const all = rangeOf(encoder);
    const range = after === undefined ? all : { ...all, start: [encoder, after], exclusiveStart: true };
    return this.#access.read(() => {
      const found: [string, Uint8Array][] = [];
      for (const { key, value } of this.#members.getRange({ ...range, limit }))
        found.push(this.#rowOf("members", key, value));
      return found;
    });
  }

  sums(encoder: string): Iterable<readonly [key: string, bytes: Uint8Array]> {
    return this.#access.readEach(
      () => this.#sums.getRange(rangeOf(encoder)),
      ({ key, value }) => this.#rowOf("sums", key, value),
    );
  }

  async commit(commit: ProfileCommit): Promise<void> {
    const write = this.#writing(commit);
    // What is dropped is read as the commit before left it, so there is one at a time.
    this.#committing = this.#committing.catch(() => {}).then(write);
    this.#committing.catch(() => {}); // Told to whoever asked for it.
    await this.#committing;
  }

  probe(): void {
    this.meta();
    this.pending();
    for (const reverse of [false, true]) {
      const range = { limit: PROBED_ROWS, reverse };
      for (const { key, value } of this.#members.getRange({ ...range })) this.#rowOf("members", key, value);
      for (const { key, value } of this.#sums.getRange({ ...range })) this.#rowOf("sums", key, value);
    }
  }

  discard(): void {
    this.#access.discard();
  }

  async close(): Promise<void> {
    await this.#committing.catch(() => {}); // Told to whoever asked for it.
    await this.#access.close();
  }

  /** What carries a commit out; all that may throw but the reading is done before. */
  #writing(commit: ProfileCommit): () => Promise<void> {
    const members = commit.members.map(sealedRow);
    const sums = commit.sums.map(sealedRow);
    const meta = seal(encode(commit.meta));
    const pending = commit.pending === undefined ? undefined : seal(encode(commit.pending));
    const dropEncoders = commit.dropEncoders ?? [];
    let bytes = 4 * PAGE_SIZE_BYTES + meta.length + (pending?.length ?? 0);
    for (const [, value] of [...members, ...sums]) bytes += costOf(value);
    return async () => {
      const dropped = this.#access.read(() =>
        dropEncoders.flatMap((encoder) =>
          [this.#members, this.#sums].map((table) => [table, [...table.getKeys(rangeOf(encoder))]] as const),
        ),
      );
      for (const [, keys] of dropped) bytes += keys.length * costOf(undefined);
      await this.#access.write(bytes, () => {
        for (const [table, keys] of dropped) for (const key of keys) void table.remove(key);
        for (const [key, value] of members) putOrRemove(this.#members, key, value);
        for (const [key, value] of sums) putOrRemove(this.#sums, key, value);
        void this.#root.put(META_KEY, meta);
        if (pending !== undefined) void this.#root.put(PENDING_KEY, pending);
      });
    };
  }

  #rowOf(table: string, key: readonly string[], sealed: Uint8Array): [name: string, bytes: Uint8Array] {
    const name = key[1] ?? "";
    return [name, this.#access.unsealed(table, name, sealed)];
  }

  #decoded(key: string): unknown {
    return this.#access.read(() => {
      const sealed = this.#root.get(key);
      return sealed === undefined ? undefined : decode(this.#access.unsealed(key, key, sealed));
    });
  }
}

function sealedRow([encoder, name, bytes]: Row): readonly [key: string[], sealed: Uint8Array | undefined] {
  assert(encoder.length > 0 && encoder.length <= ENCODER_CHARS_MAX, "an encoder has 1 to 128 letters");
  assert(name.length > 0 && name.length <= NAME_CHARS_MAX, "a member and a sum have 1 to 512 letters");
  return [[encoder, name], bytes === undefined ? undefined : seal(bytes)];
}

function putOrRemove(table: Table, key: string[], sealed: Uint8Array | undefined): void {
  if (sealed === undefined) void table.remove(key);
  else void table.put(key, sealed);
}

/** What a row may add to the file at most: its value, and a page that is copied, with the one above. */
function costOf(sealed: Uint8Array | undefined): number {
  return (sealed?.length ?? 0) + 2 * PAGE_SIZE_BYTES;
}

/** Every key of an encoder: versions are hexadecimal, so nothing sorts between it and the same with a bang. */
function rangeOf(encoder: string): { start: string[]; end: string[] } {
  return { start: [encoder], end: [`${encoder}!`] };
}
