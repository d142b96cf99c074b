import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe } from "vitest";
import { lmdbProfileStore } from "../../src/adapters/lmdb-profile-store.ts";
import type { ProfileStore } from "../../src/profiles/profile-store.ts";
import { profileStoreContract } from "./profile-store-contract.ts";

describe("profiles kept in LMDB", () => {
  let open: ProfileStore | undefined;
  let path = "";

  afterEach(async () => {
    await open?.close();
    await rm(path, { recursive: true });
  });

  profileStoreContract(async () => {
    path = await mkdtemp(join(tmpdir(), "resonance-profiles-"));
    const store = lmdbProfileStore(path);
    open = store;
    const reopen = async (): Promise<ProfileStore> => {
      await open?.close();
      open = lmdbProfileStore(path);
      return open;
    };
    return { store, reopen };
  });
});
