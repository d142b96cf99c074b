import { type Database, open, type RootDatabase } from "lmdb";
import { decode, encode } from "../kernel/msgpack.ts";
import type {
  PendingPublication,
  ProfileCommit,
  ProfileMeta,
  ProfileStore,
} from "../profiles/profile-store.ts";

/** Address space reserved, not memory or disk. */
const MAP_SIZE_BYTES = 2 ** 38;
const META_KEY = "meta";
const PENDING_KEY = "pending";

/** {@link ProfileStore} over LMDB: raw bytes, one transaction a commit. Keys are arrays, so an encoder is a range. */
export function lmdbProfileStore(path: string): ProfileStore {
  return new LmdbProfileStore(path);
}

class LmdbProfileStore implements ProfileStore {
  readonly #root: RootDatabase<Uint8Array, string>;
  readonly #members: Database<Uint8Array, string[]>;
  readonly #sums: Database<Uint8Array, string[]>;

  constructor(path: string) {
    this.#root = open<Uint8Array, string>({ path, mapSize: MAP_SIZE_BYTES, encoding: "binary", maxDbs: 4 });
    this.#members = this.#root.openDB<Uint8Array, string[]>({ name: "members", encoding: "binary" });
    this.#sums = this.#root.openDB<Uint8Array, string[]>({ name: "sums", encoding: "binary" });
  }

  meta(): ProfileMeta | undefined {
    const bytes = this.#root.get(META_KEY);
    return bytes === undefined ? undefined : (decode(bytes) as ProfileMeta);
  }

  pending(): readonly PendingPublication[] {
    const bytes = this.#root.get(PENDING_KEY);
    return bytes === undefined ? [] : (decode(bytes) as readonly PendingPublication[]);
  }

  member(encoder: string, user: string): Uint8Array | undefined {
    return this.#members.get([encoder, user]);
  }

  membersAfter(
    encoder: string,
    after: string | undefined,
    limit: number,
  ): readonly (readonly [user: string, bytes: Uint8Array])[] {
    const all = rangeOf(encoder);
    const range = after === undefined ? all : { ...all, start: [encoder, after], exclusiveStart: true };
    const found: [string, Uint8Array][] = [];
    for (const { key, value } of this.#members.getRange({ ...range, limit }))
      found.push([key[1] ?? "", value]);
    return found;
  }

  *sums(encoder: string): Iterable<readonly [key: string, bytes: Uint8Array]> {
    for (const { key, value } of this.#sums.getRange(rangeOf(encoder))) yield [key[1] ?? "", value];
  }

  async commit(commit: ProfileCommit): Promise<void> {
    await this.#root.transaction(() => {
      for (const encoder of commit.dropEncoders ?? []) {
        for (const table of [this.#members, this.#sums]) {
          for (const key of [...table.getKeys(rangeOf(encoder))]) void table.remove(key);
        }
      }
      for (const [encoder, user, bytes] of commit.members) {
        if (bytes === undefined) void this.#members.remove([encoder, user]);
        else void this.#members.put([encoder, user], bytes);
      }
      for (const [encoder, key, bytes] of commit.sums) {
        if (bytes === undefined) void this.#sums.remove([encoder, key]);
        else void this.#sums.put([encoder, key], bytes);
      }
      void this.#root.put(META_KEY, encode(commit.meta));
      if (commit.pending !== undefined) void this.#root.put(PENDING_KEY, encode(commit.pending));
    });
  }

  async close(): Promise<void> {
    await this.#root.flushed;
    await this.#root.close();
  }
}

/** Every key of an encoder: versions are hexadecimal, so nothing sorts between it and the same with a bang. */
function rangeOf(encoder: string): { start: string[]; end: string[] } {
  return { start: [encoder], end: [`${encoder}!`] };
}
