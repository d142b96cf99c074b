import { assert } from "../kernel/assert.ts";
import { compareIds } from "../kernel/compare-ids.ts";
import type {
  ContextImport,
  ContextRows,
  ContextSnapshot,
  ContextStore,
  OutboxItem,
  ShardCommit,
  ShardMeta,
} from "../shards/context-store.ts";

/** {@link ContextStore} in memory: for simulation, evaluation and tests. */
export function memoryContextStore(): ContextStore {
  return new MemoryContextStore();
}

class MemoryContextStore implements ContextStore {
  #contexts = new Map<string, Uint8Array>();
  #rings = new Map<string, Map<number, Uint8Array>>();
  #authenticated = new Set<string>();
  #outbox = new Map<number, OutboxItem>();
  #meta: ShardMeta | undefined;

  load(user: string): Uint8Array | undefined {
    return this.#contexts.get(user);
  }

  loadRing(user: string): readonly (readonly [slot: number, bytes: Uint8Array])[] {
    return [...(this.#rings.get(user) ?? [])].sort(([a], [b]) => a - b);
  }

  held(): Iterable<string> {
    return [...this.#contexts.keys()].sort(compareIds);
  }

  authenticated(): Iterable<string> {
    return [...this.#authenticated].sort(compareIds);
  }

  authenticatedAfter(after: string | undefined, limit: number): readonly string[] {
    const users = [...this.#authenticated].sort(compareIds);
    return users.filter((user) => after === undefined || compareIds(user, after) > 0).slice(0, limit);
  }

  meta(): ShardMeta | undefined {
    return this.#meta;
  }

  outbox(): readonly OutboxItem[] {
    return [...this.#outbox.values()].sort((a, b) => a.key - b.key);
  }

  async commit(commit: ShardCommit): Promise<void> {
    for (const user of commit.erased ?? []) {
      this.#contexts.delete(user);
      this.#rings.delete(user);
      this.#authenticated.delete(user);
    }
    for (const key of commit.published ?? []) this.#outbox.delete(key);
    this.#put(commit);
    this.#meta = commit.meta;
  }

  #put(commit: ContextRows): void {
    for (const [user, bytes] of commit.contexts) this.#contexts.set(user, bytes);
    for (const { user, slot, bytes } of commit.ring) {
      let ring = this.#rings.get(user);
      if (ring === undefined) {
        ring = new Map();
        this.#rings.set(user, ring);
      }
      ring.set(slot, bytes);
    }
    for (const user of commit.authenticated) this.#authenticated.add(user);
    for (const item of commit.outbox) this.#outbox.set(item.key, item);
  }

  async removeOutbox(keys: readonly number[]): Promise<void> {
    for (const key of keys) this.#outbox.delete(key);
  }

  contexts(): Iterable<readonly [user: string, bytes: Uint8Array]> {
    return [...this.#contexts].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  contextsAfter(
    after: string | undefined,
    limit: number,
  ): readonly (readonly [user: string, bytes: Uint8Array])[] {
    const rows = [...this.#contexts].sort(([a], [b]) => compareIds(a, b));
    return rows.filter(([user]) => after === undefined || compareIds(user, after) > 0).slice(0, limit);
  }

  users(): number {
    return this.#contexts.size;
  }

  /** What was removed is not held any more. */
  async scrub(): Promise<void> {}

  /** A copy of the tables: what is in them is never changed in place, but for the rings. */
  snapshot(): ContextSnapshot {
    const copy = new MemoryContextStore();
    copy.#contexts = new Map(this.#contexts);
    copy.#rings = new Map([...this.#rings].map(([user, ring]) => [user, new Map(ring)]));
    copy.#authenticated = new Set(this.#authenticated);
    copy.#outbox = new Map(this.#outbox);
    return {
      meta: this.#meta,
      load: (user) => copy.load(user),
      loadRing: (user) => copy.loadRing(user),
      held: () => copy.held(),
      authenticated: () => copy.authenticated(),
      authenticatedAfter: (...given) => copy.authenticatedAfter(...given),
      contexts: () => copy.contexts(),
      isAuthenticated: (user) => copy.#authenticated.has(user),
      outbox: () => copy.outbox(),
      users: () => copy.users(),
      close: () => {},
    };
  }

  import(): ContextImport {
    assert(this.#meta === undefined, "a snapshot is imported into an empty store");
    const clear = (): void => {
      for (const table of [this.#contexts, this.#rings, this.#authenticated, this.#outbox]) table.clear();
    };
    clear(); // An import that was neither finished nor abandoned counts as nothing.
    return {
      put: async (rows) => this.#put(rows),
      finish: async (meta) => {
        this.#meta = meta;
      },
      abandon: async () => clear(),
    };
  }

  async close(): Promise<void> {}
}
