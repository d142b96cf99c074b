import type { ContextStore, OutboxItem, ShardCommit, ShardMeta } from "../shards/context-store.ts";

/** {@link ContextStore} in memory: for simulation, evaluation and tests. */
export function memoryContextStore(): ContextStore {
  return new MemoryContextStore();
}

class MemoryContextStore implements ContextStore {
  readonly #contexts = new Map<string, Uint8Array>();
  readonly #rings = new Map<string, Map<number, Uint8Array>>();
  readonly #authenticated = new Set<string>();
  readonly #outbox = new Map<number, OutboxItem>();
  #meta: ShardMeta | undefined;

  load(user: string): Uint8Array | undefined {
    return this.#contexts.get(user);
  }

  loadRing(user: string): readonly (readonly [slot: number, bytes: Uint8Array])[] {
    return [...(this.#rings.get(user) ?? [])].sort(([a], [b]) => a - b);
  }

  authenticated(): Iterable<string> {
    return [...this.#authenticated].sort();
  }

  authenticatedAfter(after: string | undefined, limit: number): readonly string[] {
    const users = [...this.#authenticated].sort();
    return users.filter((user) => after === undefined || user > after).slice(0, limit);
  }

  meta(): ShardMeta | undefined {
    return this.#meta;
  }

  outbox(): readonly OutboxItem[] {
    return [...this.#outbox.values()].sort((a, b) => a.key - b.key);
  }

  async commit(commit: ShardCommit): Promise<void> {
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
    this.#meta = commit.meta;
  }

  async removeOutbox(keys: readonly number[]): Promise<void> {
    for (const key of keys) this.#outbox.delete(key);
  }

  contexts(): Iterable<readonly [user: string, bytes: Uint8Array]> {
    return [...this.#contexts].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  users(): number {
    return this.#contexts.size;
  }

  async close(): Promise<void> {}
}
