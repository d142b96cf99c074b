import { describe } from "vitest";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { profileStoreContract } from "./profile-store-contract.ts";

describe("profiles kept in memory", () => {
  profileStoreContract(async () => {
    const store = memoryProfileStore();
    return { store, reopen: async () => store };
  });
});
