import { join } from "node:path";
import { lmdbContextStore } from "./adapters/lmdb-context-store.ts";
import { lmdbProfileStore } from "./adapters/lmdb-profile-store.ts";
import { setAside } from "./adapters/store-guard.ts";
import type { CopyStores, StorePlace } from "./open-copy.ts";

/** The stores of a node's copies: an LMDB environment each, in the node's data folder. */
export function lmdbStores(dataDir: string, generation: number): CopyStores {
  const shards = shardsFolder(dataDir, generation);
  const at = <Store>(path: string, open: (path: string) => Store): StorePlace<Store> => ({
    open: () => open(path),
    setAside: () => setAside(path),
  });
  return {
    contexts: (shard) => at(join(shards, String(shard)), lmdbContextStore),
    profiles: () => at(join(dataDir, "profiles"), lmdbProfileStore),
  };
}

/** Where the shards' stores are, by the shards' numbers. */
export function shardsFolder(dataDir: string, generation: number): string {
  return join(dataDir, generation === 1 ? "shards" : `shards-g${generation}`);
}
