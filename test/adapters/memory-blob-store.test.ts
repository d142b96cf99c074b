import { describe } from "vitest";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { blobStoreContract } from "./blob-store-contract.ts";

describe("blobs in memory", () => {
  const blobs = memoryBlobStore();
  blobStoreContract(() => blobs);
});
