import type { BlobStore } from "../actors/blob-store.ts";

/** A {@link BlobStore} that also tells of changes. */
export type WatchableBlobs = BlobStore &
  Readonly<{
    /**
     * Calls back with each value held under a prefix, then with each later one. Of values that follow each other
     * fast, only the last is sure to be told.
     */
    watch(
      prefix: string,
      changed: (key: string, bytes: Uint8Array) => void,
    ): Promise<{ close(): Promise<void> }>;
  }>;
