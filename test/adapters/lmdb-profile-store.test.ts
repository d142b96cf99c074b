import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { lmdbProfileStore } from "../../src/adapters/lmdb-profile-store.ts";
import { setAside } from "../../src/adapters/store-guard.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import type { ProfileStore } from "../../src/profiles/profile-store.ts";
import { aCommit, profileStoreContract } from "./profile-store-contract.ts";

describe("profiles kept in LMDB", () => {
  let open: ProfileStore | undefined;
  let path = "";

  afterEach(async () => {
    await open?.close();
    open = undefined;
    await rm(path, { recursive: true });
  });

  const aStore = async (): Promise<ProfileStore> => {
    path = join(await mkdtemp(join(tmpdir(), "resonance-profiles-")), "profiles");
    open = lmdbProfileStore(path);
    return open;
  };
  const reopen = async (): Promise<ProfileStore> => {
    await open?.close();
    open = lmdbProfileStore(path);
    return open;
  };
  const file = () => join(path, "data.mdb");

  profileStoreContract(async () => ({ store: await aStore(), reopen }));

  test.for(["ada lovelace", "life loyal"])(
    "a changed byte of %s is told when it is read, without the name",
    async (name) => {
      const store = await aStore();
      const [member, sum] = [patternOf("ada lovelace"), patternOf("life loyal")];
      await store.commit(
        aCommit({ members: [["e1", "ada lovelace", member]], sums: [["e1", "life loyal", sum]] }),
      );
      await store.close();
      const bytes = await readFile(file());
      const at = bytes.indexOf(patternOf(name));
      expect(at).toBeGreaterThan(0);
      bytes[at + 20] = (bytes[at + 20] ?? 0) ^ 1;
      await writeFile(file(), bytes);
      const failure = errorOf(() => lmdbProfileStore(path)); // It is among the rows looked at first.
      expect(failure).toMatchObject({ code: "STORE_CORRUPT", retryable: false });
      expect(JSON.stringify(failure.toWire())).not.toContain(name);
    },
  );

  test("a changed byte behind the rows that are looked at first is told when it is read", async () => {
    const store = await aStore();
    const users = Array.from({ length: 50 }, (_, i) => `user-${i + 10}`);
    await store.commit(aCommit({ members: users.map((user) => ["e1", user, patternOf(user)] as const) }));
    await store.close();
    const bytes = await readFile(file());
    const at = bytes.indexOf(patternOf("user-33"));
    bytes[at + 20] = (bytes[at + 20] ?? 0) ^ 1;
    await writeFile(file(), bytes);
    const damaged = await reopen();
    expect(damaged.member("e1", "user-34")).toHaveLength(200);
    expect(errorOf(() => damaged.member("e1", "user-33")).code).toBe("STORE_CORRUPT");
    expect(errorOf(() => damaged.membersAfter("e1", undefined, 100)).code).toBe("STORE_CORRUPT");
  });

  test("half a store is corrupt, and a new one is built where it is set aside", async () => {
    const store = await aStore();
    const users = Array.from({ length: 500 }, (_, i) => `user-${i}`);
    await store.commit(aCommit({ members: users.map((user) => ["e1", user, patternOf(user)] as const) }));
    await store.close();
    await truncate(file(), (await stat(file())).size / 2);
    expect(errorOf(() => lmdbProfileStore(path)).code).toBe("STORE_CORRUPT");
    expect(setAside(path)).toBe(`${path}.corrupt-1`);
    expect((await reopen()).meta()).toBeUndefined();
  });

  test("a name that is no key refuses the whole commit", async () => {
    const store = await aStore();
    const members = ["ada", "x".repeat(600)].map((user) => ["e1", user, patternOf(user)] as const);
    await expect(store.commit(aCommit({ members }))).rejects.toThrow("letters");
    expect((await reopen()).membersAfter("e1", undefined, 9)).toEqual([]);
  });

  test("a store that is being closed refuses reads, and is closed once", async () => {
    const store = await aStore();
    await store.commit(
      aCommit({
        sums: [
          ["e1", "a", patternOf("a")],
          ["e1", "b", patternOf("b")],
        ],
      }),
    );
    const reading = store.sums("e1")[Symbol.iterator]();
    reading.next();
    await Promise.all([store.close(), store.close()]);
    expect(errorOf(() => reading.next())).toMatchObject({ code: "STORE_CLOSED", retryable: true });
    expect(errorOf(() => store.meta())).toMatchObject({ code: "STORE_CLOSED", retryable: true });
  });
});

/** Bytes that tell whose they are. */
function patternOf(name: string): Uint8Array {
  return Buffer.alloc(200, `${name};`);
}

function errorOf(act: () => unknown): EngineError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof EngineError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}
