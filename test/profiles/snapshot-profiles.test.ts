import { expect, test } from "vitest";
import { identityCompressor } from "../../src/adapters/identity-compressor.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { PRIVATE_TABLE } from "../../src/profiles/private-releases.ts";
import { ProfileState } from "../../src/profiles/profile-state.ts";
import { restoreProfiles, snapshotProfiles } from "../../src/profiles/snapshot-profiles.ts";
import { PrivateWorld } from "./private-world.ts";
import { aMap, aSample } from "./some-samples.ts";

const UNIT = "profiles";
const always = { accepts: () => true, report: () => {} };

async function filled(users: number) {
  const store = memoryProfileStore();
  const state = new ProfileState(store);
  state.useMaps([aMap()], 1);
  for (let u = 0; u < users; u++)
    state.apply(u + 1, { shard: 0, samples: [aSample({ sequence: u + 1, user: `user-${u}` })] });
  state.release({ blobs: [["profiles.life.1", Uint8Array.of(1, 2)]], entry: Uint8Array.of(3), id: "p" });
  await store.commit(state.takeCommit());
  return store;
}

function portsOf(blobs = memoryBlobStore()) {
  return { blobs, compressor: identityCompressor, pause: async () => {} };
}

test("a store that is restored holds what the snapshot's held: members, sums, what is pending, and the place in the log", async () => {
  const ports = portsOf();
  const held = await filled(1_234);
  expect((await snapshotProfiles(ports, UNIT, held))?.sequence).toBe(1_234);
  const restored = memoryProfileStore();
  expect((await restoreProfiles(ports, UNIT, restored, always))?.sequence).toBe(1_234);
  expect(restored.meta()).toEqual(held.meta());
  expect(restored.pending()).toEqual(held.pending());
  const plain = (rows: Iterable<readonly [string, Uint8Array]>) =>
    [...rows].map(([key, bytes]) => [key, [...bytes]]);
  expect(plain(restored.membersAfter("e1", undefined, 9_999))).toEqual(
    plain(held.membersAfter("e1", undefined, 9_999)),
  );
  expect(plain(restored.sums("e1"))).toEqual(plain(held.sums("e1")));
});

test("what was released of private maps comes back: noise, what waits for it, and the budget", async () => {
  const ports = portsOf();
  const world = new PrivateWorld();
  world.sample("ada", 0);
  world.noise();
  world.noon(1);
  await world.commit();
  await snapshotProfiles(ports, UNIT, world.store);
  const restored = memoryProfileStore();
  await restoreProfiles(ports, UNIT, restored, always);
  const rows = (store: typeof restored) =>
    [...store.sums(PRIVATE_TABLE)].map(([row, bytes]) => [row, [...bytes]]);
  expect(rows(restored)).toEqual(rows(world.store));
  expect(rows(restored).length).toBeGreaterThan(5);
});

test("without anything new there is no further snapshot, and without any there is nothing to restore", async () => {
  const ports = portsOf();
  expect(await snapshotProfiles(ports, UNIT, memoryProfileStore())).toBeUndefined();
  expect(await restoreProfiles(ports, UNIT, memoryProfileStore(), always)).toBeUndefined();
  const held = await filled(2);
  await snapshotProfiles(ports, UNIT, held);
  expect(await snapshotProfiles(ports, UNIT, held)).toBeUndefined();
});
