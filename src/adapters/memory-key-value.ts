import type { KeyValue, KeyValueChange, KeyValueEntry } from "../actors/key-value.ts";
import { assertBlobKey } from "./blob-key.ts";

type Watcher = Readonly<{ prefix: string; changed: (change: KeyValueChange) => void }>;

/** {@link KeyValue} in memory: the twin of the NATS adapter for tests and simulation. */
export function memoryKeyValue(): KeyValue {
  const held = new Map<string, KeyValueEntry>();
  const watchers = new Set<Watcher>();
  let revision = 0;
  const tell = (change: KeyValueChange): void => {
    for (const watcher of watchers) {
      if (!change.key.startsWith(watcher.prefix)) continue;
      queueMicrotask(() => {
        if (watchers.has(watcher)) watcher.changed(change);
      });
    }
  };
  const entries = (prefix: string): KeyValueEntry[] =>
    [...held.values()].filter(({ key }) => key.startsWith(prefix)).sort((a, b) => (a.key < b.key ? -1 : 1));
  return {
    async get(key) {
      assertBlobKey(key);
      return held.get(key);
    },
    async swap(key, value, expected) {
      assertBlobKey(key);
      if ((held.get(key)?.revision ?? 0) !== expected) return undefined;
      revision++;
      const entry = { key, value: value.slice(), revision };
      held.set(key, entry);
      tell(entry);
      return revision;
    },
    async remove(key, expected) {
      assertBlobKey(key);
      if (held.get(key)?.revision !== expected) return false;
      revision++;
      held.delete(key);
      tell({ key, revision });
      return true;
    },
    async entries(prefix) {
      return entries(prefix);
    },
    async watch(prefix, changed) {
      const watcher = { prefix, changed };
      watchers.add(watcher);
      for (const entry of entries(prefix)) changed(entry);
      return {
        async close() {
          watchers.delete(watcher);
        },
      };
    },
  };
}
