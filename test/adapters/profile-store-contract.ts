import { expect, test } from "vitest";
import type { ProfileCommit, ProfileMeta, ProfileStore } from "../../src/profiles/profile-store.ts";

/** What every {@link ProfileStore} must do. `reopen` closes it and opens what it left behind. */
export function profileStoreContract(
  aStore: () => Promise<{ store: ProfileStore; reopen(): Promise<ProfileStore> }>,
): void {
  test("a new store knows nothing", async () => {
    const { store } = await aStore();
    expect(store.meta()).toBeUndefined();
    expect(store.pending()).toEqual([]);
    expect(store.member("e1", "ada")).toBeUndefined();
    expect(store.membersAfter("e1", undefined, 10)).toEqual([]);
    expect([...store.sums("e1")]).toEqual([]);
  });

  test("what is committed is there, byte for byte, also after the store was opened again", async () => {
    const { store, reopen } = await aStore();
    const pending = {
      blobs: [["profiles.life.1", Uint8Array.of(1, 2)] as const],
      entry: Uint8Array.of(3),
      id: "p1",
    };
    await store.commit(
      aCommit({
        members: [["e1", "ada", odd(1)]],
        sums: [["e1", "life new", odd(2)]],
        meta: aMeta({
          applied: 7,
          marks: { "0": [5, 2] },
          versions: { life: 3 },
          watermarksMs: { e1: 1.7e12 },
        }),
        pending: [pending],
      }),
    );
    for (const open of [async () => store, reopen]) {
      const held = await open();
      expect(plain(held.member("e1", "ada"))).toEqual(plain(odd(1)));
      expect([...held.sums("e1")].map(([key, bytes]) => [key, plain(bytes)])).toEqual([
        ["life new", plain(odd(2))],
      ]);
      expect(held.meta()).toEqual(
        aMeta({ applied: 7, marks: { "0": [5, 2] }, versions: { life: 3 }, watermarksMs: { e1: 1.7e12 } }),
      );
      expect(plain(held.pending()[0]?.blobs[0]?.[1])).toEqual([1, 2]);
      expect(plain(held.pending()[0]?.entry)).toEqual([3]);
    }
  });

  test("a missing value removes, publications are replaced as a list, and what is left out stays", async () => {
    const { store } = await aStore();
    const pending = { blobs: [], entry: Uint8Array.of(3), id: "p1" };
    await store.commit(
      aCommit({ members: [["e1", "ada", odd(1)]], sums: [["e1", "life new", odd(2)]], pending: [pending] }),
    );
    await store.commit(aCommit({}));
    expect(store.member("e1", "ada")).toBeDefined();
    expect(store.pending()[0]?.id).toBe("p1");
    await store.commit(
      aCommit({ members: [["e1", "ada", undefined]], sums: [["e1", "life new", undefined]], pending: [] }),
    );
    expect(store.member("e1", "ada")).toBeUndefined();
    expect([...store.sums("e1")]).toEqual([]);
    expect(store.pending()).toEqual([]);
  });

  test("a store that is scrubbed holds what it held, also after it was opened again", async () => {
    const { store, reopen } = await aStore();
    const users = Array.from({ length: 1_000 }, (_, i) => `user-${i}`);
    await store.commit(
      aCommit({
        members: users.map((user, i) => ["e1", user, odd(i)] as const),
        sums: [["e1", "life new", odd(2)]],
        pending: [{ blobs: [], id: "p1" }],
      }),
    );
    const scrubbed = store.scrub();
    await store.commit(
      aCommit({ members: [["e1", "user-7", undefined]], sums: [["e1", "life old", odd(3)]] }),
    );
    await scrubbed;
    await store.commit(aCommit({ members: [["e2", "user-8", odd(8)]], meta: aMeta({ applied: 9 }) }));
    for (const open of [async () => store, reopen]) {
      const held = await open();
      expect([held.member("e1", "user-7"), plain(held.member("e2", "user-8"))]).toEqual([
        undefined,
        plain(odd(8)),
      ]);
      expect(held.membersAfter("e1", undefined, 2_000)).toHaveLength(999);
      expect([...held.sums("e1")].map(([key]) => key)).toEqual(["life new", "life old"]);
      expect([held.meta()?.applied, held.pending()[0]?.id]).toEqual([9, "p1"]);
    }
  });

  test("members and sums of two encoders are told apart, also where one's name begins with the other's", async () => {
    const { store } = await aStore();
    await store.commit(
      aCommit({
        members: [
          ["e1", "ada", odd(1)],
          ["e12", "ada", odd(2)],
        ],
        sums: [
          ["e1", "life new", odd(3)],
          ["e12", "life new", odd(4)],
        ],
      }),
    );
    expect(plain(store.member("e12", "ada"))).toEqual(plain(odd(2)));
    expect(store.membersAfter("e1", undefined, 10).map(([user]) => user)).toEqual(["ada"]);
    expect([...store.sums("e1")]).toHaveLength(1);
    await store.commit(aCommit({ dropEncoders: ["e1"] }));
    expect(store.member("e1", "ada")).toBeUndefined();
    expect([...store.sums("e1")]).toEqual([]);
    expect(plain(store.member("e12", "ada"))).toEqual(plain(odd(2)));
    expect([...store.sums("e12")]).toHaveLength(1);
  });

  test("an encoder that is dropped and written in one commit holds what was written", async () => {
    const { store } = await aStore();
    await store.commit(aCommit({ members: [["e1", "ada", odd(1)]], sums: [["e1", "life new", odd(2)]] }));
    await store.commit(
      aCommit({
        dropEncoders: ["e1"],
        members: [["e1", "bob", odd(3)]],
        sums: [["e1", "life loyal", odd(4)]],
      }),
    );
    expect(store.membersAfter("e1", undefined, 10).map(([user]) => user)).toEqual(["bob"]);
    expect([...store.sums("e1")].map(([key]) => key)).toEqual(["life loyal"]);
  });

  test.each([1, 3, 7, 100])("pages of %i give every member once", async (limit) => {
    const { store } = await aStore();
    const users = ["a", "a b", "ab", "b", "user-10", "user-9", "ünï", "z".repeat(128), "語".repeat(128)];
    await store.commit(aCommit({ members: users.map((user, i) => ["e1", user, odd(i)] as const) }));
    const seen: (readonly [string, unknown])[] = [];
    let page = store.membersAfter("e1", undefined, limit);
    while (page.length > 0) {
      seen.push(...page.map(([user, bytes]) => [user, plain(bytes)] as const));
      page = store.membersAfter("e1", page.at(-1)?.[0], limit);
    }
    expect(Object.fromEntries(seen)).toEqual(
      Object.fromEntries(users.map((user, i) => [user, plain(odd(i))])),
    );
    expect(seen).toHaveLength(users.length);
  });

  test("commits that were not awaited are kept in order", async () => {
    const { store } = await aStore();
    await Promise.all(
      [1, 2, 3, 4].map((applied) =>
        store.commit(aCommit({ members: [["e1", "ada", odd(applied)]], meta: aMeta({ applied }) })),
      ),
    );
    expect(store.meta()?.applied).toBe(4);
    expect(plain(store.member("e1", "ada"))).toEqual(plain(odd(4)));
  });
}

function aMeta(given: Partial<ProfileMeta> = {}): ProfileMeta {
  return {
    applied: 1,
    marks: {},
    encoder: "e1",
    candidate: "",
    preparedShards: [],
    versions: {},
    watermarksMs: {},
    definitions: 1,
    isDirty: false,
    repeats: 0,
    dropped: 0,
    ...given,
  };
}

/** A commit of what matters to a test. */
export function aCommit(given: Partial<ProfileCommit>): ProfileCommit {
  return { members: [], sums: [], meta: aMeta(), ...given };
}

/** An odd number of bytes, with a float32 that an encoding of numbers would change. */
function odd(seed: number): Uint8Array {
  const bytes = new Uint8Array(37);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (seed * 31 + i * 17) & 0xff;
  return bytes;
}

function plain(bytes: Uint8Array | undefined): number[] | undefined {
  return bytes === undefined ? undefined : [...bytes];
}
