import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { BlobStore } from "../../src/actors/blob-store.ts";
import { raisePointer } from "../../src/actors/raise-pointer.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";

test("a pointer names what it is told, and never an older version after that", async () => {
  const blobs = memoryBlobStore();
  await write(blobs, 1);
  expect(await current(blobs)).toBe(1);
  await write(blobs, 2);
  await write(blobs, 1);
  expect(await current(blobs)).toBe(2);
});

test("whatever comes between the steps of several writers, the newest version is named in the end", async () => {
  const holds = async (schedule: fc.Scheduler): Promise<void> => {
    const blobs = memoryBlobStore();
    const slow: BlobStore = {
      ...blobs,
      get: schedule.scheduleFunction(blobs.get),
      put: schedule.scheduleFunction(blobs.put),
    };
    // Each carries out versions in order, as owners of the profile actor do.
    const owner = async (): Promise<void> => {
      for (const version of [1, 2, 3]) await write(slow, version);
    };
    const work = Promise.all([owner(), owner(), owner()]);
    await schedule.waitFor(work);
    expect(await current(blobs)).toBe(3);
  };
  await fc.assert(fc.asyncProperty(fc.scheduler(), holds), { numRuns: 300 });
});

async function write(blobs: BlobStore, version: number): Promise<void> {
  await blobs.put(`profiles.life.${version}`, Uint8Array.of(version));
  await raisePointer(blobs, "profiles.life", version);
}

async function current(blobs: BlobStore): Promise<unknown> {
  const bytes = await blobs.get("profiles.life.current");
  return JSON.parse(new TextDecoder().decode(bytes)).version;
}
