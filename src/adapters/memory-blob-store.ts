import { assertBlobKey } from "./blob-key.ts";
import type { WatchableBlobs } from "./watchable-blobs.ts";

type Watcher = Readonly<{ prefix: string; changed: (key: string, bytes: Uint8Array) => void }>;

/** Blobs in memory: the twin of the NATS adapter for tests and simulation. */
export function memoryBlobStore(): WatchableBlobs {
  const held = new Map<string, Uint8Array>();
  const watchers = new Set<Watcher>();
  const tell = ({ prefix, changed }: Watcher, key: string): void => {
    const bytes = held.get(key);
    if (bytes !== undefined && key.startsWith(prefix)) changed(key, bytes.slice());
  };
  const keys = (prefix: string): string[] => [...held.keys()].filter((key) => key.startsWith(prefix)).sort();
  return {
    async get(key) {
      assertBlobKey(key);
      return held.get(key)?.slice();
    },
    async put(key, bytes) {
      assertBlobKey(key);
      held.set(key, bytes.slice());
      for (const watcher of watchers) tell(watcher, key);
    },
    async create(key, bytes) {
      assertBlobKey(key);
      if (held.has(key)) return false;
      held.set(key, bytes.slice());
      for (const watcher of watchers) tell(watcher, key);
      return true;
    },
    async remove(key) {
      assertBlobKey(key);
      held.delete(key);
    },
    async keys(prefix) {
      return keys(prefix);
    },
    async watch(prefix, changed) {
      const watcher = { prefix, changed };
      watchers.add(watcher);
      for (const key of keys(prefix)) tell(watcher, key);
      return {
        async close() {
          watchers.delete(watcher);
        },
      };
    },
  };
}
