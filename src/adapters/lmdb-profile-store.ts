import type { Key } from "lmdb";
import { assert } from "../kernel/assert.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type {
  PendingPublication,
  ProfileCommit,
  ProfileMeta,
  ProfileStore,
} from "../profiles/profile-store.ts";
import { LmdbFile, PAGE_SIZE_BYTES, type RowWriter } from "./lmdb-file.ts";
import { seal } from "./sealed-value.ts";
import { openGuarded, type ProbedStore } from "./store-guard.ts";

/** Address space reserved, not memory or disk. */
const MAP_SIZE_BYTES = 2 ** 38;
const META_KEY = "meta";
const PENDING_KEY = "pending";
/** Keys that LMDB takes: an encoder's version, and a user or the name of a sum, whatever their letters. */
const ENCODER_CHARS_MAX = 128;
const NAME_CHARS_MAX = 512;
/** Rows of a table that are read before a store is relied on, at its begin and at its end. */
const PROBED_ROWS = 4;

/** A table, and how its keys are written. */
const TABLES = { members: "ordered-binary", sums: "ordered-binary" } as const;
type TableName = keyof typeof TABLES;
const TABLE_NAMES = ["members", "sums"] as const;
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
  readonly #file: LmdbFile<TableName>;
  #committing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#file = new LmdbFile(path, { mapSizeBytes: MAP_SIZE_BYTES, tables: TABLES });
  }

  meta(): ProfileMeta | undefined {
    return this.#decoded(META_KEY) as ProfileMeta | undefined;
  }

  pending(): readonly PendingPublication[] {
    return (this.#decoded(PENDING_KEY) as readonly PendingPublication[] | undefined) ?? [];
  }

  member(encoder: string, user: string): Uint8Array | undefined {
    const { tables, access } = this.#file.now;
    return access.read(() => {
      const sealed = tables.members.get([encoder, user]);
      return sealed === undefined ? undefined : access.unsealed("members", user, sealed);
    });
  }

  membersAfter(
    encoder: string,
    after: string | undefined,
    limit: number,
  ): readonly (readonly [user: string, bytes: Uint8Array])[] {
    const all = rangeOf(encoder);
    const range = after === undefined ? all : { ...all, start: [encoder, after], exclusiveStart: true };
    const { tables, access } = this.#file.now;
    return access.read(() => {
      const found: [string, Uint8Array][] = [];
      for (const { key, value } of tables.members.getRange({ ...range, limit }))
        found.push(this.#rowOf("members", key, value));
      return found;
    });
  }

  sums(encoder: string): Iterable<readonly [key: string, bytes: Uint8Array]> {
    const { tables, access } = this.#file.now;
    return access.readEach(
      () => tables.sums.getRange(rangeOf(encoder)),
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

  async scrub(): Promise<void> {
    await this.#file.scrub();
  }

  probe(): void {
    const { members, sums } = this.#file.now.tables;
    this.meta();
    this.pending();
    for (const reverse of [false, true]) {
      const range = { limit: PROBED_ROWS, reverse };
      for (const { key, value } of members.getRange(range)) this.#rowOf("members", key, value);
      for (const { key, value } of sums.getRange(range)) this.#rowOf("sums", key, value);
    }
  }

  discard(): void {
    this.#file.discard();
  }

  async close(): Promise<void> {
    await this.#committing.catch(() => {}); // Told to whoever asked for it.
    await this.#file.close();
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
      const { tables, access } = this.#file.now;
      const dropped = access.read(() =>
        dropEncoders.flatMap((encoder) =>
          TABLE_NAMES.map((table) => [table, [...tables[table].getKeys(rangeOf(encoder))]] as const),
        ),
      );
      for (const [, keys] of dropped) bytes += keys.length * costOf(undefined);
      await this.#file.write(bytes, (rows) => {
        for (const [table, keys] of dropped) for (const key of keys) rows.remove(table, key);
        for (const [key, value] of members) putOrRemove(rows, "members", key, value);
        for (const [key, value] of sums) putOrRemove(rows, "sums", key, value);
        rows.putSingle(META_KEY, meta);
        if (pending !== undefined) rows.putSingle(PENDING_KEY, pending);
      });
    };
  }

  #rowOf(table: TableName, key: Key, sealed: Uint8Array): [name: string, bytes: Uint8Array] {
    const name = (key as string[])[1] ?? "";
    return [name, this.#file.now.access.unsealed(table, name, sealed)];
  }

  #decoded(key: string): unknown {
    const { root, access } = this.#file.now;
    return access.read(() => {
      const sealed = root.get(key);
      return sealed === undefined ? undefined : decode(access.unsealed(key, key, sealed));
    });
  }
}

function sealedRow([encoder, name, bytes]: Row): readonly [key: string[], sealed: Uint8Array | undefined] {
  assert(encoder.length > 0 && encoder.length <= ENCODER_CHARS_MAX, "an encoder has 1 to 128 letters");
  assert(name.length > 0 && name.length <= NAME_CHARS_MAX, "a member and a sum have 1 to 512 letters");
  return [[encoder, name], bytes === undefined ? undefined : seal(bytes)];
}

function putOrRemove(
  rows: RowWriter<TableName>,
  table: TableName,
  key: string[],
  sealed: Uint8Array | undefined,
): void {
  if (sealed === undefined) rows.remove(table, key);
  else rows.put(table, key, sealed);
}

/** What a row may add to the file at most: its value, and a page that is copied, with the one above. */
function costOf(sealed: Uint8Array | undefined): number {
  return (sealed?.length ?? 0) + 2 * PAGE_SIZE_BYTES;
}

/** Every key of an encoder: versions are hexadecimal, so nothing sorts between it and the same with a bang. */
function rangeOf(encoder: string): { start: string[]; end: string[] } {
  return { start: [encoder], end: [`${encoder}!`] };
}
