import type {
  PendingPublication,
  ProfileCommit,
  ProfileMeta,
  ProfileStore,
} from "../profiles/profile-store.ts";

/** {@link ProfileStore} in memory: for simulation, evaluation and tests. */
export function memoryProfileStore(): ProfileStore {
  return new MemoryProfileStore();
}

class MemoryProfileStore implements ProfileStore {
  readonly #members = new Map<string, Map<string, Uint8Array>>();
  readonly #sums = new Map<string, Map<string, Uint8Array>>();
  #meta: ProfileMeta | undefined;
  #pending: readonly PendingPublication[] = [];

  meta(): ProfileMeta | undefined {
    return this.#meta;
  }

  pending(): readonly PendingPublication[] {
    return this.#pending;
  }

  member(encoder: string, user: string): Uint8Array | undefined {
    return this.#members.get(encoder)?.get(user);
  }

  membersAfter(
    encoder: string,
    after: string | undefined,
    limit: number,
  ): readonly (readonly [user: string, bytes: Uint8Array])[] {
    const members = [...(this.#members.get(encoder) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return members.filter(([user]) => after === undefined || user > after).slice(0, limit);
  }

  sums(encoder: string): Iterable<readonly [key: string, bytes: Uint8Array]> {
    return [...(this.#sums.get(encoder) ?? [])];
  }

  async commit(commit: ProfileCommit): Promise<void> {
    for (const encoder of commit.dropEncoders ?? []) {
      this.#members.delete(encoder);
      this.#sums.delete(encoder);
    }
    for (const [encoder, user, bytes] of commit.members) {
      if (bytes === undefined) this.#members.get(encoder)?.delete(user);
      else tableOf(this.#members, encoder).set(user, bytes);
    }
    for (const [encoder, key, bytes] of commit.sums) {
      if (bytes === undefined) this.#sums.get(encoder)?.delete(key);
      else tableOf(this.#sums, encoder).set(key, bytes);
    }
    this.#meta = commit.meta;
    if (commit.pending !== undefined) this.#pending = commit.pending;
  }

  /** What was removed is not held any more. */
  async scrub(): Promise<void> {}

  async close(): Promise<void> {}
}

function tableOf(tables: Map<string, Map<string, Uint8Array>>, encoder: string): Map<string, Uint8Array> {
  let table = tables.get(encoder);
  if (table === undefined) {
    table = new Map();
    tables.set(encoder, table);
  }
  return table;
}
