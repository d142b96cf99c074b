import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findBytes } from "../../bench/harness/find-bytes.ts";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { lmdbProfileStore } from "../../src/adapters/lmdb-profile-store.ts";
import { setAside } from "../../src/adapters/store-guard.ts";
import { hash32 } from "../../src/kernel/hash.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { shardMeta } from "../shard-meta.ts";
import { aCommit } from "./profile-store-contract.ts";

const META = shardMeta();
const USERS = 3_000;
/** Ids without order, so that neighbours come and go everywhere in the file. */
const idOf = (i: number): string => `visitor-${hash32(`salt ${i}`).toString(36)}-${i}`;
const users = Array.from({ length: USERS }, (_, i) => idOf(i));
const erased = users.filter((_, i) => i % 190 === 7);

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "resonance-residues-"));
});
afterEach(() => rm(path, { recursive: true, force: true }));

/** A value that names its user, as contexts and samples in an outbox do. */
function payloadOf(user: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(size & 0xff);
  bytes.set(new TextEncoder().encode(user), size >> 1);
  return bytes;
}

test("after a scrubbing no file of a store of contexts holds a byte of who was erased; before it LMDB does", async () => {
  const store = lmdbContextStore(path);
  const random = seededRandom(11);
  const someone = (): string => users[Math.floor(random() * USERS)] ?? "";
  for (let round = 0; round < 30; round++) {
    // Values of all sizes, some of them on pages of their own: rows move, pages split, pages are freed.
    const batch = round === 0 ? users : Array.from({ length: 200 }, someone);
    await store.commit({
      contexts: batch.map((user) => [user, payloadOf(user, 200 + Math.floor(random() ** 4 * 9_000))]),
      ring: batch.map((user) => ({ user, slot: round % 7, bytes: payloadOf(user, 300) })),
      authenticated: batch.slice(0, 150),
      outbox: batch.slice(0, 20).map((user, i) => ({
        ...{ key: round * 100 + i + 1, after: 0, through: 1, stream: "S", id: user },
        data: payloadOf(user, 80),
      })),
      meta: { ...META, applied: round + 1 },
    });
    await store.removeOutbox(Array.from({ length: 20 }, (_, i) => round * 100 + i + 1));
  }
  const rows = { contexts: [], ring: [], authenticated: [], outbox: [], meta: META };
  await store.commit({ ...rows, erased });
  expect(findBytes(path, erased).size, "removing alone leaves them").toBe(erased.length);
  await store.scrub();
  expect([...findBytes(path, erased)]).toEqual([]);
  expect(findBytes(path, users).size).toBe(USERS - erased.length);
  expect(await readdir(path)).not.toContain("rewrite-1");

  // What comes after does not bring anything back, neither do pages that are used again.
  for (let round = 0; round < 5; round++) {
    const batch = Array.from({ length: 300 }, someone).filter((user) => !erased.includes(user));
    await store.commit({ ...rows, contexts: batch.map((user) => [user, payloadOf(user, 700)] as const) });
  }
  await store.close();
  expect([...findBytes(path, erased)]).toEqual([]);
  const again = lmdbContextStore(path);
  expect(again.users()).toBe(USERS - erased.length);
  await again.close();
});

test("after a scrubbing no file of a store of profiles holds a byte of who was taken out", async () => {
  const store = lmdbProfileStore(path);
  for (const encoder of ["e1", "e2"])
    await store.commit(
      aCommit({ members: users.map((user) => [encoder, user, payloadOf(user, 90)] as const) }),
    );
  await store.commit(
    aCommit({
      members: ["e1", "e2"].flatMap((encoder) => erased.map((user) => [encoder, user, undefined] as const)),
    }),
  );
  expect(findBytes(path, erased).size).toBe(erased.length);
  await store.scrub();
  expect([...findBytes(path, erased)]).toEqual([]);
  expect(store.membersAfter("e1", undefined, USERS)).toHaveLength(USERS - erased.length);
  await store.close();
});

test("scrubbings one after the other, also asked for at once, each leave a store that works", async () => {
  const store = lmdbContextStore(path);
  const rows = { contexts: [], ring: [], authenticated: [], outbox: [], meta: META };
  await store.commit({ ...rows, contexts: users.map((user) => [user, payloadOf(user, 100)] as const) });
  for (let round = 0; round < 4; round++) {
    await store.commit({ ...rows, erased: [users[round] ?? ""] });
    await Promise.all([store.scrub(), store.scrub()]);
    expect([...findBytes(path, users.slice(0, round + 1))]).toEqual([]);
  }
  expect(store.users()).toBe(USERS - 4);
  await store.close();
});

test("a damaged store that was set aside goes with a scrubbing: it holds who was erased", async () => {
  const place = join(path, "3");
  const rows = { contexts: [], ring: [], authenticated: [], outbox: [], meta: META };
  const damaged = lmdbContextStore(place);
  await damaged.commit({ ...rows, contexts: [["ada lovelace", Uint8Array.of(1)]] });
  await damaged.close();
  setAside(place);
  const store = lmdbContextStore(place);
  await store.commit(rows);
  expect(findBytes(path, ["ada lovelace"]).size).toBe(1);
  await store.scrub();
  expect(findBytes(path, ["ada lovelace"]).size).toBe(0);
  await store.close();
});

test("a store that is closed while it is scrubbed is as it was, and is opened again without what was begun", async () => {
  const store = lmdbContextStore(path);
  const rows = { contexts: [], ring: [], authenticated: [], outbox: [], meta: META };
  await store.commit({ ...rows, contexts: users.map((user) => [user, payloadOf(user, 100)] as const) });
  const scrubbed = store.scrub();
  scrubbed.catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  const last = store.commit({ ...rows, erased: erased.slice(0, 1) });
  await store.close();
  await last;
  await expect(scrubbed).rejects.toMatchObject({ code: "STORE_CLOSED" });
  // As a process leaves it that was ended in the middle.
  mkdirSync(join(path, "rewrite-9"));
  writeFileSync(join(path, "rewrite-9", "data.mdb"), "half a file");
  const again = lmdbContextStore(path);
  expect(again.users()).toBe(USERS - 1);
  expect(existsSync(join(path, "rewrite-9"))).toBe(false);
  await again.scrub();
  expect(again.users()).toBe(USERS - 1);
  await again.close();
});
