import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { deploymentKeys, rotateDeploymentKeys } from "../../src/adapters/deployment-keys.ts";
import { entropyBytes } from "../../src/adapters/entropy.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString("hex");

test("all nodes of a deployment have the same keys, also those that start at the same moment", async () => {
  const blobs = memoryBlobStore();
  const nodes = await Promise.all([deploymentKeys(blobs, entropyBytes), deploymentKeys(blobs, entropyBytes)]);
  const [one, other] = nodes.map((keys) => hex(keys.lasting("erased-users")));
  expect(one).toHaveLength(64);
  expect(other).toBe(one);
  expect(nodes[0]?.rotating("session-tokens")).toEqual(nodes[1]?.rotating("session-tokens"));
});

test("each purpose has a key of its own, and so has each deployment", async () => {
  const [here, there] = [memoryBlobStore(), memoryBlobStore()];
  const keys = await deploymentKeys(here, entropyBytes);
  const others = await deploymentKeys(there, entropyBytes);
  const all = [keys, others].flatMap((of) => [
    hex(of.lasting("erased-users")),
    hex(of.lasting("log-ids")),
    hex(of.lasting("session-tokens")),
    hex(of.rotating("session-tokens")[0]?.key),
  ]);
  expect(new Set(all).size).toBe(all.length);
});

test("a key is HKDF-SHA-256 of the secret: extract, then one block of expand", async () => {
  const secret = Uint8Array.from({ length: 32 }, (_, i) => i);
  const keys = await deploymentKeys(memoryBlobStore(), () => secret);
  const prk = createHmac("sha256", "resonance deployment keys v1").update(secret).digest();
  const block = createHmac("sha256", prk).update("log-ids lasting").update(Uint8Array.of(1)).digest();
  expect(hex(keys.lasting("log-ids"))).toBe(hex(block));
});

test("a rotation leaves lasting keys, comes first, and what was made before is still read", async () => {
  const blobs = memoryBlobStore();
  const before = await deploymentKeys(blobs, entropyBytes);
  expect(await rotateDeploymentKeys(blobs, entropyBytes)).toBe(1);
  const after = await deploymentKeys(blobs, entropyBytes);
  expect(after.lasting("erased-users")).toEqual(before.lasting("erased-users"));
  expect(after.rotating("session-tokens").map(({ number }) => number)).toEqual([1, 0]);
  expect(after.rotating("session-tokens")[1]).toEqual(before.rotating("session-tokens")[0]);
});

test("of many rotations the newest three are read, beyond ten too", async () => {
  const blobs = memoryBlobStore();
  const first = hex((await deploymentKeys(blobs, entropyBytes)).lasting("log-ids"));
  for (let i = 0; i < 11; i++) await rotateDeploymentKeys(blobs, entropyBytes);
  const keys = await deploymentKeys(blobs, entropyBytes);
  expect(keys.rotating("session-tokens").map(({ number }) => number)).toEqual([11, 10, 9]);
  expect(hex(keys.lasting("log-ids"))).toBe(first);
});

test("two operators who rotate at once make two secrets, not one twice", async () => {
  const blobs = memoryBlobStore();
  const made = await Promise.all([1, 2].map(() => rotateDeploymentKeys(blobs, entropyBytes)));
  expect(made.toSorted()).toEqual([1, 2]);
});
