import { afterEach, beforeEach, expect, test } from "vitest";
import type { ContextStore, ShardCommit, ShardMeta } from "../../src/shards/context-store.ts";

const META: ShardMeta = {
  applied: 3,
  schema: "s1",
  encoder: "e1",
  profiles: { life: 2 },
  activatedMs: { life: 5 },
  segments: 1,
  nextOutbox: 9,
};
const bytes = (...values: number[]) => Uint8Array.from(values);
const commitOf = (given: Partial<ShardCommit>): ShardCommit => ({
  contexts: [],
  ring: [],
  authenticated: [],
  outbox: [],
  meta: META,
  ...given,
});
/** Plain arrays, so that Buffers and Uint8Arrays compare. */
const plain = (held: Uint8Array | undefined) => (held === undefined ? undefined : [...held]);

/** What every {@link ContextStore} does. */
export function contextStoreContract(
  open: () => Promise<{ store: ContextStore; remove(): Promise<void> }>,
): void {
  let store: ContextStore;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ store, remove } = await open());
  });
  afterEach(async () => {
    await store.close();
    await remove();
  });

  test("a store that is new holds nothing", () => {
    expect(store.meta()).toBeUndefined();
    expect(store.load("ada")).toBeUndefined();
    expect(store.loadRing("ada")).toEqual([]);
    expect(store.outbox()).toEqual([]);
    expect(store.users()).toBe(0);
  });

  test("a commit is read back as it was, with raw bytes untouched", async () => {
    const floats = new Uint8Array(new Float32Array([0.1, -3e38, Number.NaN]).buffer);
    await store.commit(commitOf({ contexts: [["ada", floats]] }));
    expect(plain(store.load("ada"))).toEqual([...floats]);
    expect(store.meta()).toEqual(META);
    expect([...store.contexts()].map(([user]) => user)).toEqual(["ada"]);
    expect(store.users()).toBe(1);
  });

  test("a later commit replaces what it names and keeps the rest", async () => {
    await store.commit(
      commitOf({
        contexts: [
          ["ada", bytes(1)],
          ["bob", bytes(2)],
        ],
      }),
    );
    await store.commit(commitOf({ contexts: [["ada", bytes(3)]], meta: { ...META, applied: 4 } }));
    expect(plain(store.load("ada"))).toEqual([3]);
    expect(plain(store.load("bob"))).toEqual([2]);
    expect(store.meta()?.applied).toBe(4);
  });

  test("a ring is the user's own, slot by slot, whatever others are called", async () => {
    const slot = (user: string, at: number, value: number) => ({ user, slot: at, bytes: bytes(value) });
    await store.commit(
      commitOf({ ring: [slot("a", 300, 1), slot("a", 2, 2), slot("aa", 0, 3), slot("a\u0000", 1, 4)] }),
    );
    await store.commit(commitOf({ ring: [slot("a", 2, 5)] }));
    expect(store.loadRing("a").map(([at, held]) => [at, plain(held)])).toEqual([
      [2, [5]],
      [300, [1]],
    ]);
    expect(store.loadRing("aa").map(([at]) => at)).toEqual([0]);
  });

  test("ids of 128 characters of three bytes each are keys like others", async () => {
    const user = "\u20ac".repeat(128);
    await store.commit(
      commitOf({
        contexts: [[user, bytes(7)]],
        authenticated: [user],
        ring: [{ user, slot: 0, bytes: bytes(8) }],
      }),
    );
    expect(plain(store.load(user))).toEqual([7]);
    expect(store.loadRing(user)).toHaveLength(1);
    expect([...store.authenticated()]).toEqual([user]);
  });

  test("authenticated users are paged in order", async () => {
    await store.commit(commitOf({ authenticated: ["cid", "ada"] }));
    await store.commit(commitOf({ authenticated: ["bob", "ada"] }));
    expect([...store.authenticated()]).toEqual(["ada", "bob", "cid"]);
    expect(store.authenticatedAfter(undefined, 2)).toEqual(["ada", "bob"]);
    expect(store.authenticatedAfter("bob", 2)).toEqual(["cid"]);
  });

  test("the outbox keeps its order until an item is removed", async () => {
    const item = (key: number) => ({
      key,
      after: 0,
      through: key,
      stream: "S",
      id: `id-${key}`,
      data: bytes(key),
    });
    await store.commit(commitOf({ outbox: [item(10), item(9)] }));
    await store.commit(commitOf({ outbox: [item(300)] }));
    expect(store.outbox().map(({ key, data }) => [key, plain(data)])).toEqual([
      [9, [9]],
      [10, [10]],
      [300, [44]],
    ]);
    await store.removeOutbox([9, 300]);
    expect(store.outbox().map(({ key }) => key)).toEqual([10]);
  });
}
