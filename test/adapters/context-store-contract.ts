import { afterEach, beforeEach, expect, test } from "vitest";
import type { ContextStore, ShardCommit, ShardMeta } from "../../src/shards/context-store.ts";

const META: ShardMeta = {
  applied: 3,
  schema: "s1",
  encoder: "e1",
  encoderOrder: 0,
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

  test("of users who are erased nothing is left, and one who comes back begins anew", async () => {
    const slot = (user: string, at: number) => ({ user, slot: at, bytes: bytes(at) });
    await store.commit(
      commitOf({
        contexts: ["ada", "bob", "cid"].map((user) => [user, bytes(1)] as const),
        ring: ["ada", "bob", "cid"].flatMap((user) => [slot(user, 0), slot(user, 7)]),
        authenticated: ["ada", "bob", "cid"],
      }),
    );
    await store.commit(
      commitOf({ erased: ["ada", "cid", "nobody"], contexts: [["cid", bytes(2)]], ring: [slot("cid", 3)] }),
    );
    expect([store.load("ada"), store.loadRing("ada")]).toEqual([undefined, []]);
    expect([plain(store.load("cid")), store.loadRing("cid").map(([at]) => at)]).toEqual([[2], [3]]);
    expect([plain(store.load("bob")), store.loadRing("bob").map(([at]) => at)]).toEqual([[1], [0, 7]]);
    expect([...store.authenticated()]).toEqual(["bob"]);
    expect(store.users()).toBe(2);
  });

  test("a store that is scrubbed holds what it held, with what is committed meanwhile", async () => {
    const user = (i: number) => `user-${i}`;
    const item = (key: number) => ({
      key,
      after: 0,
      through: key,
      stream: "S",
      id: `${key}`,
      data: bytes(1),
    });
    await store.commit(
      commitOf({
        contexts: Array.from({ length: 2_000 }, (_, i) => [user(i), bytes(1)] as const),
        ring: Array.from({ length: 2_000 }, (_, i) => ({ user: user(i), slot: i % 5, bytes: bytes(1) })),
        authenticated: [user(0), user(1)],
        outbox: [item(1), item(2)],
      }),
    );
    const scrubbed = store.scrub();
    let isDone = false;
    void scrubbed.then(() => {
      isDone = true;
    });
    let round = 1;
    for (; !isDone || round < 20; round++) {
      await store.commit(
        commitOf({
          contexts: [
            [user(round), bytes(2)],
            [`new-${round}`, bytes(3)],
          ],
          ring: [{ user: user(round), slot: 9, bytes: bytes(2) }],
          erased: [user(1_000 + round)],
          meta: { ...META, applied: round },
        }),
      );
      if (round === 2) await store.removeOutbox([1]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await scrubbed;
    for (let i = 1; i < round; i++) {
      expect(plain(store.load(user(i)))).toEqual([2]);
      expect(plain(store.load(`new-${i}`))).toEqual([3]);
      expect(store.loadRing(user(i)).map(([slot]) => slot)).toContain(9);
      expect([store.load(user(1_000 + i)), store.loadRing(user(1_000 + i))]).toEqual([undefined, []]);
    }
    expect(plain(store.load(user(999)))).toEqual([1]);
    expect(store.users()).toBe(2_000);
    expect(store.meta()?.applied).toBe(round - 1);
    expect([...store.authenticated()]).toEqual([user(0), user(1)]);
    expect(store.outbox().map(({ key }) => key)).toEqual([2]);
  });

  test("a snapshot that was taken before a scrubbing is read to its end", async () => {
    const users = Array.from({ length: 1_000 }, (_, i) => `user-${i}`);
    await store.commit(commitOf({ contexts: users.map((user) => [user, bytes(1)] as const) }));
    const snapshot = store.snapshot();
    await store.commit(commitOf({ erased: users.slice(10) }));
    const scrubbed = store.scrub();
    let seen = 0;
    for (const [, held] of snapshot.contexts()) {
      expect(plain(held)).toEqual([1]);
      if (seen++ % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen).toBe(1_000);
    snapshot.close();
    await scrubbed;
    expect(store.users()).toBe(10);
  });

  test("authenticated users are paged in order", async () => {
    await store.commit(commitOf({ authenticated: ["cid", "ada"] }));
    await store.commit(commitOf({ authenticated: ["bob", "ada"] }));
    expect([...store.authenticated()]).toEqual(["ada", "bob", "cid"]);
    expect(store.authenticatedAfter(undefined, 2)).toEqual(["ada", "bob"]);
    expect(store.authenticatedAfter("bob", 2)).toEqual(["cid"]);
  });

  test("contexts are paged in the order of the users' bytes", async () => {
    const users = ["cid", "ada", "\u{1f600}", "\uffee", "bob"];
    await store.commit(commitOf({ contexts: users.map((user, i) => [user, bytes(i)] as const) }));
    expect(store.contextsAfter(undefined, 2).map(([user, held]) => [user, plain(held)])).toEqual([
      ["ada", [1]],
      ["bob", [4]],
    ]);
    expect(store.contextsAfter("bob", 9).map(([user]) => user)).toEqual(["cid", "\uffee", "\u{1f600}"]);
    expect(store.contextsAfter("\u{1f600}", 9)).toEqual([]);
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

  test("a snapshot is the state of one commit, whatever is committed meanwhile", async () => {
    const slot = (at: number, value: number) => ({ user: "ada", slot: at, bytes: bytes(value) });
    const item = { key: 1, after: 0, through: 3, stream: "S", id: "one", data: bytes(1) };
    await store.commit(
      commitOf({
        contexts: [["ada", bytes(1)]],
        ring: [slot(0, 1)],
        authenticated: ["ada"],
        outbox: [item],
      }),
    );
    const snapshot = store.snapshot();
    await store.commit(
      commitOf({
        contexts: [
          ["ada", bytes(2)],
          ["bob", bytes(3)],
        ],
        ring: [slot(0, 2), slot(1, 3)],
        authenticated: ["bob"],
        meta: { ...META, applied: 4 },
      }),
    );
    await store.removeOutbox([1]);
    expect(snapshot.meta).toEqual(META);
    expect(snapshot.users()).toBe(1);
    expect([...snapshot.contexts()].map(([user, held]) => [user, plain(held)])).toEqual([["ada", [1]]]);
    expect([plain(snapshot.load("ada")), snapshot.load("bob")]).toEqual([[1], undefined]);
    expect(snapshot.loadRing("ada").map(([at, held]) => [at, plain(held)])).toEqual([[0, [1]]]);
    expect([...snapshot.authenticated()]).toEqual(["ada"]);
    expect([snapshot.isAuthenticated("ada"), snapshot.isAuthenticated("bob")]).toEqual([true, false]);
    expect(snapshot.outbox().map(({ id }) => id)).toEqual(["one"]);
    snapshot.close();
    expect(store.users()).toBe(2);
    const later = store.snapshot();
    expect([later.meta?.applied, later.users()]).toEqual([4, 2]);
    later.close();
  });

  test("a snapshot can be read on over many turns, while the store is written", async () => {
    const users = Array.from({ length: 2_000 }, (_, i) => `user-${i}`);
    const write = (value: number) =>
      store.commit(commitOf({ contexts: users.map((user) => [user, bytes(value)] as const) }));
    await write(1);
    const snapshot = store.snapshot();
    let seen = 0;
    for (const [, held] of snapshot.contexts()) {
      expect(held[0]).toBe(1);
      if (seen++ % 500 === 0) await write(2);
    }
    snapshot.close();
    expect(seen).toBe(users.length);
    expect(plain(store.load("user-0"))).toEqual([2]);
  });

  test("an import counts from its end on", async () => {
    const item = { key: 7, after: 0, through: 3, stream: "S", id: "seven", data: bytes(7) };
    const target = store.import();
    await Promise.all([
      target.put({
        contexts: [["ada", bytes(1)]],
        ring: [{ user: "ada", slot: 3, bytes: bytes(4) }],
        authenticated: ["ada"],
        outbox: [],
      }),
      target.put({ contexts: [["bob", bytes(2)]], ring: [], authenticated: [], outbox: [item] }),
      target.put({ contexts: [["ada", bytes(3)]], ring: [], authenticated: [], outbox: [] }),
    ]);
    expect(store.meta()).toBeUndefined();
    await target.finish(META);
    expect(store.meta()).toEqual(META);
    expect([...store.contexts()].map(([user, held]) => [user, plain(held)])).toEqual([
      ["ada", [3]],
      ["bob", [2]],
    ]);
    expect(store.loadRing("ada").map(([at, held]) => [at, plain(held)])).toEqual([[3, [4]]]);
    expect([...store.authenticated()]).toEqual(["ada"]);
    expect(store.outbox().map(({ id }) => id)).toEqual(["seven"]);
    await store.commit(commitOf({ contexts: [["cid", bytes(9)]] }));
    expect(store.users()).toBe(3);
  });

  test("an abandoned import leaves nothing, and another may begin", async () => {
    const rows = {
      contexts: [["ada", bytes(1)]] as const,
      ring: [{ user: "ada", slot: 0, bytes: bytes(1) }],
      authenticated: ["ada"],
      outbox: [{ key: 1, after: 0, through: 3, stream: "S", id: "one", data: bytes(1) }],
    };
    const first = store.import();
    await first.put(rows);
    await first.abandon();
    expect([store.users(), store.loadRing("ada"), [...store.authenticated()], store.outbox()]).toEqual([
      0,
      [],
      [],
      [],
    ]);
    const second = store.import();
    await second.put({ ...rows, outbox: [] });
    await second.finish(META);
    expect([store.users(), store.outbox()]).toEqual([1, []]);
  });

  test("a store that holds something takes no import", async () => {
    await store.commit(commitOf({ contexts: [["ada", bytes(1)]] }));
    expect(() => store.import()).toThrow("an empty store");
  });
}
